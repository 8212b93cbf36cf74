"""What a simulation gives: a movie and its truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from tem_track.movie import FloatArray, Frames, Labels, Movie
from tem_track.simulate.recording import scene_dict
from tem_track.simulate.scene import LithiationScene
from tem_track.simulate.truth import FRAMES, TRUE_DRIFT, TRUE_PARTICLES, TRUE_TRACKS, Truth
from tem_track.tables import EVENTS, Column, Table


@dataclass(frozen=True)
class Simulation:
    """A simulated movie with known truth.

    Attributes
    ----------
    scene : LithiationScene
        What it was made from; the same scene gives the same bytes.
    movie : Movie
        Frames (uint16) are rendered when they are asked for.
    truth : Truth
    """

    scene: LithiationScene
    movie: Movie
    truth: Truth

    @property
    def frames(self) -> Frames:
        """The movie's frames."""
        return self.movie.frames

    @property
    def times_s(self) -> FloatArray:
        """Time (T,) of every frame in s."""
        return self.movie.times_s

    @property
    def specimen(self) -> str:
        """What was simulated."""
        return "lithiation"

    @property
    def record(self) -> Mapping[str, Any]:
        """The scene in what JSON can hold; `scene_from` turns it back."""
        return scene_dict(self.scene)

    @property
    def inputs(self) -> Mapping[str, tuple[tuple[Column, ...], Table]]:
        """No table besides the movie."""
        return {}

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

    @property
    def maps(self) -> Mapping[str, NDArray[Any]]:
        """Particles move: there is no image of all frames together."""
        return {}

    @property
    def summaries(self) -> Mapping[str, Mapping[str, Any]]:
        """The tables say it all."""
        return {}
