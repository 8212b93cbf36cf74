"""What a simulation gives: a movie and its truth."""

from __future__ import annotations

from dataclasses import dataclass

from tem_track.movie import FloatArray, Frames, Movie
from tem_track.simulate.scene import LithiationScene
from tem_track.simulate.truth import Truth


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
