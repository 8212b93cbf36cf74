"""Which particle of a new frame is which of those before, while a movie is being recorded.

Strategy: forward only, by place and size in the specimen frame. A region that does not have about the size its particle
had (two that touch are one region, a broken one is several) starts a track of its own rather than bend a curve; what
really happened is judged, with hindsight, when the recording is complete.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

from tem_track.movie import FloatArray, Labels

# A particle is looked for within this share of its diameter, and this many px that the drift may be wrong by.
REACH_OF_DIAMETER, REACH_PX = 0.4, 4.0
# Largest change of the area from one look at a particle to the next: two touching alike have twice the area. One whose
# centre stays within a smaller share of its diameter may have grown by more (Si swells to four times its volume and 2.5
# times its area); two that merge, or a piece, have their centre a quarter of a diameter away or more.
MOST_CHANGE, IN_PLACE, MOST_IN_PLACE = 1.5, 0.12, 2.8
# Looks for which a particle that is not found is remembered.
REMEMBERED = 10


@dataclass
class _Known:
    """A particle as last seen: centre in the specimen frame, area, and for how many looks it has been missing."""

    centre: FloatArray
    area: float
    missing: int = 0


class LiveLinker:
    """Gives the particles of one label image after the other the numbers of their tracks, from 1."""

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}
        self._last = 0

    def numbered(self, labels: Labels, drift_px: FloatArray) -> Labels:
        """Return the (Y, X) label image with track numbers instead of its own.

        Parameters
        ----------
        labels : (Y, X) int32
            As detection gives it, 0 = background.
        drift_px : (2,) float64
            (dy, dx) of the frame.
        """
        count = int(labels.max())
        area = np.bincount(labels.ravel(), minlength=count + 1)[1:].astype(np.float64)
        centre = _centres(labels, area) - drift_px
        track = self._matched(centre, area)
        for i in np.flatnonzero((track == 0) & (area > 0)):
            self._last += 1
            track[i] = self._last
        self._remember(track, centre, area)
        return np.concatenate([[0], track]).astype(np.int32)[labels]

    def _matched(self, centre: FloatArray, area: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Return the known track of each region, 0 for none: the assignment of least distance over reach."""
        track = np.zeros(len(area), np.int64)
        numbers = list(self._known)
        present = np.flatnonzero(area > 0)
        if not numbers or not len(present):
            return track
        before = np.stack([self._known[n].centre for n in numbers])
        size = np.array([self._known[n].area for n in numbers])
        reach = REACH_OF_DIAMETER * 2 * np.sqrt(size / np.pi) + REACH_PX
        # Beyond its reach a pair costs more than leaving both alone.
        cost = np.full((len(numbers), len(present)), 1e3)
        tree = cKDTree(centre[present])
        for i, near in enumerate(tree.query_ball_point(before, reach)):
            for j in near:
                change = abs(float(np.log(area[present[j]] / size[i])))
                far = float(np.hypot(*(centre[present[j]] - before[i])))
                in_place = far <= IN_PLACE * 2 * np.sqrt(size[i] / np.pi)
                if change <= np.log(MOST_IN_PLACE if in_place else MOST_CHANGE):
                    cost[i, j] = far / reach[i] + change
        for i, j in zip(*linear_sum_assignment(cost), strict=True):
            if cost[i, j] < 1e3:
                track[present[j]] = numbers[i]
        return track

    def _remember(
        self, track: np.ndarray[tuple[int], np.dtype[np.int64]], centre: FloatArray, area: FloatArray
    ) -> None:
        for known in self._known.values():
            known.missing += 1
        for i in np.flatnonzero(track):
            self._known[int(track[i])] = _Known(centre[i], float(area[i]))
        self._known = {n: known for n, known in self._known.items() if known.missing <= REMEMBERED}


def _centres(labels: Labels, area: FloatArray) -> FloatArray:
    """Return the (N, 2) centroids (y, x) of labels 1 to N, px; NaN for a number that does not occur."""
    y, x = np.nonzero(labels)
    number = labels[y, x]
    with np.errstate(invalid="ignore"):
        sums = [np.bincount(number, values, len(area) + 1)[1:] / area for values in (y, x)]
    return np.stack(sums, axis=1)
