"""What travels between a batch and the process that analyses one movie: an order in, lines of JSON out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Order:
    """One movie to be analysed, with nothing that another process could not understand.

    Attributes
    ----------
    movie, output : str
        Absolute paths of the movie and its run folder.
    settings : {stage: {name: value}}
        Every setting in force.
    sources : {stage: {name: source}}
    files : {option: path}
        Absolute paths of the files it is given.
    command : tuple of str
        A command line that does the same, for the record; without absolute paths, so that two places agree.
    threads : int
    memory_bytes : int
        Budget; 0 for none.
    patience_s : float
        How long to wait for another process that writes the same run folder: the last moments of a batch that was
        killed.
    take_over : bool
        The run folder's lock is known to be that of a process that is gone, wherever it ran.
    from_stage : str
        Stage to be worked out anew, with all after it; empty = only what is missing.
    """

    movie: str
    output: str
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    sources: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    threads: int = 1
    memory_bytes: int = 0
    patience_s: float = 10.0
    take_over: bool = False
    from_stage: str = ""

    def to_json(self) -> str:
        """Return the order as one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Order:
        """Return the order in a line that `to_json` made."""
        values = json.loads(text)
        return cls(**{**values, "command": tuple(values["command"])})


@dataclass(frozen=True)
class Ending:
    """How the process of one movie ended.

    Attributes
    ----------
    status : str
        ``done``, ``unchanged`` (its run folder was up to date), ``failed``, or ``stopped`` (with the batch).
    reason : str
        Why it failed, in one line.
    seconds : float
    peak_bytes : int
        Largest memory seen.
    log : str
        The last words of the process, for a log.
    """

    status: str
    reason: str = ""
    seconds: float = 0.0
    peak_bytes: int = 0
    log: str = ""
