"""The stages in order: a movie goes in, a run folder comes out.

`measure` is the whole chain on arrays and touches no file; `analyze` puts reading before it and writing after it.

The frames are read once per pass (survey, detection, drift refinement, outlines, overlay). Nothing that grows with
the number of pixels is kept between the passes: label images are compressed, outlines are a few numbers per particle.
Rereading costs little, since a movie that fits in memory stays in the page cache and one that does not is read in order.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tem_track.drift import Drift, FrameQuality, find_fixed_pixels, refine_drift, survey_frames
from tem_track.errors import InputError
from tem_track.expansion import Expansion, measure_expansion
from tem_track.labels import LabelStack
from tem_track.movie import Mask, MeasuredFrames, Movie, Progress, no_progress
from tem_track.outcome import Outcome, attention_lines, drift_facts, movie_facts, particle_facts
from tem_track.segment import Appearance, Outlines, learn_appearance, outline_particles, segment_frame
from tem_track.settings import Settings
from tem_track.tables import DRIFT, Table, blank_table
from tem_track.track import Tracks, link_particles


class Reporter(Protocol):
    """Whoever wants to know how far a run is."""

    def stage(self, name: str, frames: int) -> Progress:
        """Open a stage over so many frames and return what it calls as it goes."""

    def note(self, text: str) -> None:
        """Take note of a decision."""

    def warn(self, text: str) -> None:
        """Take note of what needs attention."""


class Silence:
    """A reporter that tells nobody."""

    def stage(self, name: str, frames: int) -> Progress:
        """Return a progress that goes nowhere."""
        return no_progress

    def note(self, text: str) -> None:
        """Drop it."""

    def warn(self, text: str) -> None:
        """Drop it."""


@dataclass(frozen=True)
class Request:
    """What the user asked for.

    Attributes
    ----------
    movie, output : Path
        What to read, and the run folder to write.
    settings : Settings
    sources : {stage: {name: source}}
        Where each setting came from.
    times, labels : Path or None
        A CSV with the time of every frame; label images made elsewhere.
    overwrite : bool
    command : tuple of str
        The command line, for the record.
    """

    movie: Path
    output: Path
    settings: Settings
    sources: dict[str, dict[str, str]]
    times: Path | None = None
    labels: Path | None = None
    overwrite: bool = False
    command: tuple[str, ...] = ()


@dataclass
class Clock:
    """Seconds spent in each stage."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add the time spent inside to the stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start


@dataclass(frozen=True)
class Measurement:
    """Everything measured on one movie, before any of it is written."""

    quality: FrameQuality
    drift: Drift
    fixed: Mask
    appearance: Appearance | None
    tracks: Tracks
    outlines: Outlines
    expansion: Expansion
    seconds: dict[str, float]
