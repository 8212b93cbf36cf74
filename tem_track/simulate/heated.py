"""What every simulated heating movie has besides frames and truth: the holder's log, and a summary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

from tem_track.simulate.heating_ramp import LOG, log_table
from tem_track.simulate.heating_scene import HeatedRecording
from tem_track.simulate.simulated import SimulatedMovie
from tem_track.tables import Column, Table


class Summarised(Protocol):
    """A truth with a summary that JSON can hold."""

    @property
    def summary(self) -> Mapping[str, Any]:
        """Return the figures of the whole movie."""


HeatedT = TypeVar("HeatedT", bound=HeatedRecording)
SummarisedT = TypeVar("SummarisedT", bound=Summarised)


class HeatedMovie(SimulatedMovie[HeatedT, SummarisedT]):
    """A simulated heating movie with known truth."""

    @property
    def inputs(self) -> Mapping[str, tuple[tuple[Column, ...], Table]]:
        """The holder's log, as a user would have it beside the movie."""
        return {"temperature": (LOG, log_table(self.scene, float(self.times_s[-1])))}

    @property
    def summaries(self) -> Mapping[str, Mapping[str, Any]]:
        """What JSON can hold, by name."""
        return {"summary": self.truth.summary}
