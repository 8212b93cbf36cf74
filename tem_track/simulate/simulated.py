"""What every simulation gives: a movie, the scene it was made from and its truth, ready to be written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from numpy.typing import NDArray

from tem_track.movie import FloatArray, Frames, Labels, Movie
from tem_track.simulate.recording import Recording, scene_dict
from tem_track.tables import Column, Table

SceneT = TypeVar("SceneT", bound=Recording)
TruthT = TypeVar("TruthT")


@dataclass(frozen=True)
class SimulatedMovie(Generic[SceneT, TruthT]):
    """A simulated movie with known truth; what a kind of specimen does not have stays empty.

    Attributes
    ----------
    scene : Recording
        What it was made from; the same scene gives the same bytes.
    movie : Movie
        Frames (uint16) are rendered when they are asked for.
    truth
        What a perfect analysis would find.
    """

    scene: SceneT
    movie: Movie
    truth: TruthT

    @property
    def frames(self) -> Frames:
        """The movie's frames."""
        return self.movie.frames

    @property
    def times_s(self) -> FloatArray:
        """Time (T,) of every frame in s."""
        return self.movie.times_s

    @property
    def record(self) -> Mapping[str, Any]:
        """The scene in what JSON can hold; `scene_changed` turns it back."""
        return scene_dict(self.scene)

    @property
    def inputs(self) -> Mapping[str, tuple[tuple[Column, ...], Table]]:
        """Columns and rows of the tables a user would have beside the movie, by name."""
        return {}

    @property
    def label_images(self) -> Mapping[str, Callable[[int], Labels]]:
        """Functions from a frame to its true label image, by name."""
        return {}

    @property
    def maps(self) -> Mapping[str, NDArray[Any]]:
        """Images (Y, X) of the truth in the specimen frame, by name."""
        return {}

    @property
    def summaries(self) -> Mapping[str, Mapping[str, Any]]:
        """What JSON can hold, by name."""
        return {}
