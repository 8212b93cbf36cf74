"""What a heating simulation gives: a movie, the holder's log and the truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from tem_track.simulate.heated import HeatedMovie
from tem_track.simulate.heating_scene import HeatingScene
from tem_track.simulate.heating_truth import (
    HEATED_FRAMES,
    TRUE_CROSSINGS,
    TRUE_FRONT,
    TRUE_GRAINS,
    TRUE_NUCLEI,
    HeatingTruth,
)
from tem_track.simulate.truth import TRUE_DRIFT
from tem_track.tables import Column, Table


class HeatingSimulation(HeatedMovie[HeatingScene, HeatingTruth]):
    """A simulated heating movie with known truth."""

    @property
    def specimen(self) -> str:
        """What was simulated."""
        return "heating"

    @property
    def tables(self) -> Mapping[str, tuple[tuple[Column, ...], Table]]:
        """Columns and rows of every table of the truth, by name."""
        truth = self.truth
        return {
            "drift": (TRUE_DRIFT, truth.drift),
            "frames": (HEATED_FRAMES, truth.frames),
            "front": (TRUE_FRONT, truth.front),
            "grains": (TRUE_GRAINS, truth.grain_rows),
            "crossings": (TRUE_CROSSINGS, truth.crossings),
            "nuclei": (TRUE_NUCLEI, truth.nuclei),
        }

    @property
    def maps(self) -> Mapping[str, NDArray[Any]]:
        """Images (Y, X) of the truth in the specimen frame, by name."""
        return {"arrival_time": self.truth.arrival_s, "grains": self.truth.grains}
