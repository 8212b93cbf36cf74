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
        self._running: set[str] = set()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time spent inside to the stage; within itself a stage is not counted twice."""
        if name in self._running:
            yield
            return
        self._running.add(name)
        # Its place in the order is that of its beginning.
        self.seconds.setdefault(name, 0.0)
        start = time.perf_counter()
        try:
            yield
        finally:
            self._running.discard(name)
            self.add(name, time.perf_counter() - start)

    def add(self, name: str, seconds: float) -> None:
        """Add seconds to a stage."""
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds
