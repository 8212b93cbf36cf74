"""Whoever wants to know how far a run is, and how long each of its stages took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from tem_track.movie import Progress, no_progress


class Reporter(Protocol):
    """Someone who is told how a run goes."""

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


class Clock:
    """Seconds spent in each stage, in the order in which they began."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time spent inside to the stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
