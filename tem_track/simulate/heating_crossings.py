"""Where the fronts of a simulated lamella came from: starting points, and boundaries they went through.

Strategy: every pixel's front came over the neighbour that let it through first; where that neighbour belongs to another
grain, the front crossed a boundary. The way back from every pixel ends at a start or at such a crossing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Labels
from tem_track.simulate.canvas import Canvas
from tem_track.simulate.eikonal import came_from, origin
from tem_track.simulate.heating_front import Degradation


@dataclass(frozen=True)
class Crossing:
    """The first passage of a front from one grain into another, in frame 0's field.

    Attributes
    ----------
    y, x : float
        Between the two pixels, in the specimen frame.
    arrival_s, crossing_s : float
        When the front stood at the boundary there, and when it was through.
    length_px, gained_px : int
        Pixels at which a front came through this boundary in this direction, and pixels of the grain it entered that
        it took (by the end of the movie, in frame 0's field).
    """

    from_grain: int
    to_grain: int
    y: float
    x: float
    arrival_s: float
    crossing_s: float
    length_px: int
    gained_px: int


@dataclass(frozen=True)
class Ways:
    """How the fronts spread over the canvas.

    Attributes
    ----------
    parent : (Y, X) int64
        Flat index of the pixel each front came over.
    through : (Y, X) float64
        Reading of the clock when it was through the side between.
    origin : (Y, X) int64
        Flat index of the pixel where that front started or entered the grain.
    taken : (Y X,) int64
        Pixels of frame 0's field that the front from each origin took by the end of the movie.
    """

    parent: NDArray[np.int64]
    through: FloatArray
    origin: NDArray[np.int64]
    taken: NDArray[np.int64]


def ways_of(canvas: Canvas, labels: Labels, degradation: Degradation) -> Ways:
    """Return how the fronts of a lamella spread."""
    parent, through = came_from(degradation.medium, degradation.readings)
    own = np.arange(labels.size).reshape(labels.shape)
    within = np.where(labels.ravel()[parent] == labels, parent, own)
    root = origin(within)
    seen = canvas.of_frame_0(root)[canvas.of_frame_0(degradation.arrival_s) > 0]
    return Ways(parent, through, root, np.bincount(seen, minlength=labels.size))


def crossings_of(canvas: Canvas, labels: Labels, degradation: Degradation, ways: Ways, end_s: float) -> list[Crossing]:
    """Return the crossings in order of time: the first one of every pair of grains and direction."""
    if not (degradation.medium.opens_right > -np.inf).any():
        return []
    entered = np.zeros(labels.shape, bool)
    canvas.of_frame_0(entered)[...] = True
    start = labels.ravel()[ways.parent]
    entered &= (start != labels) & (degradation.clock.time_s(ways.through) <= end_s)
    at = np.flatnonzero(entered)
    at = at[_in_field(canvas, ways.parent.ravel()[at])]
    pair = start.ravel()[at].astype(np.int64) * (int(labels.max()) + 1) + labels.ravel()[at]
    found = [_first(canvas, labels, degradation, ways, at[pair == key]) for key in np.unique(pair)]
    return sorted(found, key=lambda c: (c.crossing_s, c.from_grain, c.to_grain))


def _in_field(canvas: Canvas, at: NDArray[np.int64]) -> NDArray[np.bool_]:
    y, x = np.divmod(at, canvas.width)
    inside_y = (y + canvas.top >= 0) & (y + canvas.top < canvas.field[0])
    return np.asarray(inside_y & (x + canvas.left >= 0) & (x + canvas.left < canvas.field[1]))


def _first(canvas: Canvas, labels: Labels, degradation: Degradation, ways: Ways, at: NDArray[np.int64]) -> Crossing:
    """Return the earliest of the passages into some pixels; where a stretch opened at once, the middle of it."""
    through = ways.through.ravel()[at]
    together = at[through <= through.min() * (1 + 1e-9) + 1e-9]
    after = int(together[len(together) // 2])
    before = int(ways.parent.ravel()[after])
    (ya, xa), (yb, xb) = divmod(after, canvas.width), divmod(before, canvas.width)
    readings = np.array([degradation.readings.ravel()[before], ways.through.ravel()[after]])
    arrival, crossing = degradation.clock.time_s(readings).tolist()
    return Crossing(
        from_grain=int(labels[yb, xb]),
        to_grain=int(labels[ya, xa]),
        y=(ya + yb) / 2 + canvas.top,
        x=(xa + xb) / 2 + canvas.left,
        arrival_s=arrival,
        crossing_s=crossing,
        length_px=len(at),
        gained_px=int(ways.taken[at].sum()),
    )
