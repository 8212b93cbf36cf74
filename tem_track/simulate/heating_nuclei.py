"""Where fronts of a simulated lamella started, as seen in the field of frame 0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tem_track.movie import Labels
from tem_track.simulate.canvas import Canvas
from tem_track.simulate.heating_crossings import Crossing, Ways
from tem_track.simulate.heating_front import Degradation, StartingPoint


@dataclass(frozen=True)
class Nucleus:
    """A place (specimen frame) at which a front started, or came in over the edge of the field, and what it took."""

    y: float
    x: float
    time_s: float
    site: str
    grain: int
    area_px: int


def nuclei_of(
    canvas: Canvas, labels: Labels, degradation: Degradation, ways: Ways, crossings: list[Crossing]
) -> list[Nucleus]:
    """Return the nuclei in order of time."""
    height, width = canvas.field
    found = [
        Nucleus(p.y + canvas.top, p.x + canvas.left, p.awake_s, p.site, p.grain, _taken_from(labels, ways, p))
        for p in degradation.points
        if 0 <= p.y + canvas.top < height and 0 <= p.x + canvas.left < width
    ]
    known = {n.grain: n.time_s for n in reversed(found)}
    for crossing in crossings:
        known[crossing.to_grain] = min(known.get(crossing.to_grain, np.inf), crossing.crossing_s)
    found += _from_outside(canvas, labels, degradation, ways, known)
    return sorted(found, key=lambda n: (n.time_s, n.y, n.x))


def _taken_from(labels: Labels, ways: Ways, point: StartingPoint) -> int:
    """Return how many pixels the fronts took that started from any pixel of a starting point."""
    reach = int(point.radius_px) + 1
    top, left = max(int(point.y) - reach, 0), max(int(point.x) - reach, 0)
    window = slice(top, int(point.y) + reach + 1), slice(left, int(point.x) + reach + 1)
    starts = np.unique(ways.origin[window][labels[window] == point.grain])
    y, x = np.divmod(starts, labels.shape[1])
    near = np.hypot(y - point.y, x - point.x) <= point.radius_px + 1
    return int(ways.taken[starts[near]].sum())


def _from_outside(
    canvas: Canvas, labels: Labels, degradation: Degradation, ways: Ways, known: dict[int, float]
) -> list[Nucleus]:
    """Return where a front came over the edge of the field into a grain before anything else in the field did."""
    arrival, grains = canvas.of_frame_0(degradation.arrival_s), canvas.of_frame_0(labels)
    edge = np.ones(arrival.shape, bool)
    edge[1:-1, 1:-1] = False
    ys, xs = np.nonzero(edge & (arrival > 0))
    found = []
    for grain in np.unique(grains[ys, xs]).tolist():
        here = np.flatnonzero(grains[ys, xs] == grain)
        at = here[np.argmin(arrival[ys[here], xs[here]])]
        time_s = float(arrival[ys[at], xs[at]])
        if time_s < known.get(grain, np.inf):
            area = int(ways.taken[canvas.of_frame_0(ways.origin)[ys[at], xs[at]]])
            found.append(Nucleus(float(ys[at]), float(xs[at]), time_s, "edge", grain, area))
    return found
