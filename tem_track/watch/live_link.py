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
# The drift given stands where this share of the particles that could be found are, or of those that another finds.
AGREED = 0.7
# Particles that all moved by more than this, and by three times what they moved apart, moved with the specimen, px.
TOGETHER_PX = 1.5
# Other drifts tried: the displacements that most pairs of particles share.
CANDIDATES = 8
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

    def placed(self, labels: Labels, drift_px: FloatArray) -> FloatArray:
        """Return the drift (2,) at which particles lie where they lay: the one given, unless they say another.

        The picture as a whole can be mistaken for a moment, where particles that all grow stand on a support without
        texture; that the particles have stayed where they were in the frame, or moved together, is then plain.
        """
        area, centre = _measured(labels)
        present = area > 0
        if not self._known or not present.any():
            return drift_px
        best, most = drift_px, self._count(centre - drift_px, area)
        enough = AGREED * min(len(self._known), int(present.sum()))
        for other in self._candidates(centre[present]) if most < enough else []:
            count = self._count(centre - other, area)
            if count > most / AGREED:
                best, most = other, count
        return best + self._common_motion(centre - best, area)

    def numbered(self, labels: Labels, drift_px: FloatArray) -> Labels:
        """Return the (Y, X) label image with track numbers instead of its own.

        Parameters
        ----------
        labels : (Y, X) int32
            As detection gives it, 0 = background.
        drift_px : (2,) float64
            (dy, dx) of the frame.
        """
        area, centre = _measured(labels)
        centre = centre - drift_px
        track = self._matched(centre, area)
        for i in np.flatnonzero((track == 0) & (area > 0)):
            self._last += 1
            track[i] = self._last
        self._remember(track, centre, area)
        return np.concatenate([[0], track]).astype(np.int32)[labels]

    def _count(self, centre: FloatArray, area: FloatArray) -> int:
        return int(np.count_nonzero(self._matched(centre, area)))

    def _common_motion(self, centre: FloatArray, area: FloatArray) -> FloatArray:
        """Return the motion (2,) that all particles share beyond their drift, zero where they do not move as one."""
        track = self._matched(centre, area)
        moved = np.array([centre[i] - self._known[int(track[i])].centre for i in np.flatnonzero(track)]).reshape(-1, 2)
        if len(moved) < 2:
            return np.zeros(2)
        common = np.median(moved, axis=0)
        apart = float(np.median(np.hypot(*(moved - common).T)))
        return common if float(np.hypot(*common)) > max(TOGETHER_PX, 3 * apart) else np.zeros(2)

    def _candidates(self, centre: FloatArray) -> list[FloatArray]:
        """Return drifts that bring many particles where some were: the displacements that most pairs share."""
        before = np.stack([known.centre for known in self._known.values()])
        apart = (centre[:, None] - before[None]).reshape(-1, 2)
        tree = cKDTree(apart)
        votes = np.array([len(near) for near in tree.query_ball_point(apart, REACH_PX)])
        return [apart[i] for i in np.argsort(-votes, kind="stable")[:CANDIDATES]]

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


def _measured(labels: Labels) -> tuple[FloatArray, FloatArray]:
    """Return (N,) areas and (N, 2) centroids (y, x) of labels 1 to N, px; NaN for a number that does not occur."""
    count = int(labels.max())
    area = np.bincount(labels.ravel(), minlength=count + 1)[1:].astype(np.float64)
    y, x = np.nonzero(labels)
    number = labels[y, x]
    with np.errstate(invalid="ignore"):
        sums = [np.bincount(number, values, count + 1)[1:] / area for values in (y, x)]
    return area, np.stack(sums, axis=1)
