"""One recording that is watched: where it stands, from the first bytes to its finished analysis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tem_track.settings import Settings
from tem_track.watch.growth import Growth
from tem_track.watch.state import LiveState

WAITING, RECORDING, QUEUED, ANALYSING, DONE, FAILED = (
    "waiting",
    "recording",
    "queued",
    "analysing",
    "done",
    "failed",
)
OPEN = (WAITING, RECORDING)
"""States of a recording that may still grow."""


@dataclass(frozen=True)
class Target:
    """A movie that was found, and what is to be done with it.

    Attributes
    ----------
    name : str
        Path relative to the folder that is watched.
    path : Path
    run : str
        Name of its run folder.
    settings : Settings
    files : mapping of str to Path
        What it is given beside the movie, by option.
    problem : str
        Why it cannot be analysed, in one line; empty where it can.
    """

    name: str
    path: Path
    run: str
    settings: Settings = field(default_factory=Settings)
    files: Mapping[str, Path] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class Result:
    """How the analysis of a finished recording ended.

    Attributes
    ----------
    status : str
        ``done``, ``unchanged``, ``failed`` or ``stopped``.
    reason : str
        Of a failure, in one line.
    """

    status: str
    reason: str = ""


@dataclass
class Watched:
    """A recording and where it stands.

    Attributes
    ----------
    target : Target
    growth : Growth
    state : str
        ``waiting`` (not seen to grow, or only readable once it is closed), ``recording`` (with a live view),
        ``queued``, ``analysing``, ``done`` or ``failed``.
    message : str
        In words.
    live : LiveState or None
        What the live view last said.
    progress : mapping
        What the analysis last said.
    """

    target: Target
    growth: Growth
    state: str = WAITING
    message: str = ""
    live: LiveState | None = None
    progress: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the name a person knows it by."""
        return self.target.name
