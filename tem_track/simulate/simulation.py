"""What a lithiation simulation gives: a movie and its truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tem_track.movie import Labels
from tem_track.simulate.scene import LithiationScene
from tem_track.simulate.simulated import SimulatedMovie
from tem_track.simulate.truth import FRAMES, TRUE_DRIFT, TRUE_PARTICLES, TRUE_TRACKS, Truth
from tem_track.tables import EVENTS, Column, Table


class Simulation(SimulatedMovie[LithiationScene, Truth]):
    """A simulated lithiation movie with known truth."""

    @property
    def specimen(self) -> str:
        """What was simulated."""
        return "lithiation"

    @property
    def tables(self) -> Mapping[str, tuple[tuple[Column, ...], Table]]:
        """Columns and rows of every table of the truth, by name."""
        truth = self.truth
        return {
            "drift": (TRUE_DRIFT, truth.drift),
            "frames": (FRAMES, truth.frames),
            "tracks": (TRUE_TRACKS, truth.tracks),
            "particles": (TRUE_PARTICLES, truth.particles),
            "events": (EVENTS, truth.events),
        }

    @property
    def label_images(self) -> Mapping[str, Callable[[int], Labels]]:
        """Functions from a frame to its true label image, by name."""
        return {"labels": self.truth.labels, "cores": self.truth.cores}
