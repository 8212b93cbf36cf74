"""From evidence of boundaries to regions: flood every basin, then take the weakest common boundaries away.

A region's common boundary with a neighbour keeps the histogram of the evidence of its pixels, so that two boundaries
become one by adding, and a quantile along the joint one is exact to the width of a class.

A boundary between grains has no gaps: what counts is the evidence that three quarters of its length reach. The outline
of a patch beside a strong boundary, or between a crack and a boundary, is strong where it follows those and nothing
where it does not; its median can be that of a boundary, its lower quarter is not. What a front shows is judged by half
of the length: it is held where it stands at a boundary, not where two fronts come to it at one time from both sides.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import watershed

from tem_track.movie import FloatArray, Image, Labels, Mask

# Evidence is counted in classes of equal ratio, 4 % wide, from far below to far above any that decides.
LOWEST, HIGHEST, CLASSES = 0.5, 60.0, 120
# Quantiles of the evidence along a boundary that count: of all evidence, and of the front's alone.
LOWER_QUARTER, HALF = 0.25, 0.5
# Smoothing before the basins are flooded, px: the shortest scale of the evidence itself.
BASIN_SMOOTHING_PX = 1.0
# A basin is a lowest pixel of its 5 x 5 surroundings: the narrowest grain that the filters leave open.
BASIN_PX = 5


@dataclass(frozen=True)
class Evidence:
    """What every pixel has of a boundary, in units in which the same threshold holds for both.

    Attributes
    ----------
    picture : (Y, X) float32
        Lines and steps, see `wall_evidence`.
    front : (Y, X) float32
        What a front did there; 0 where it says nothing.
    """

    picture: Image
    front: Image

    @property
    def joint(self) -> Image:
        """Both together (Y, X): what is independent adds by its squares."""
        return np.asarray(cv2.magnitude(self.picture, self.front), np.float32)


@dataclass(frozen=True)
class Merges:
    """Every merger from basins to one region, weakest common boundary first.

    Attributes
    ----------
    strength : (M,) float64
        Evidence of the common boundary that was taken away, see `boundary_strength`.
    length_px : (M,) int64
        Number of its pixel sides.
    pair : (M, 2) int32
        Basins that stand for the two regions: the second becomes part of the first.
    smaller_px : (M,) float64
        Area of the smaller of the two.
    """

    strength: FloatArray
    length_px: NDArray[np.int64]
    pair: NDArray[np.int32]
    smaller_px: FloatArray


def basins(evidence: Image, film: Mask) -> Labels:
    """Return the basins of an evidence map as labels 1..n, many more than there are grains.

    Parameters
    ----------
    evidence : (Y, X) float32
    film : (Y, X) bool
        What is divided into basins.

    Returns
    -------
    (Y, X) int32
        0 outside the film.
    """
    smooth = cv2.GaussianBlur(evidence, (0, 0), BASIN_SMOOTHING_PX)
    lowest = (cv2.erode(smooth, np.ones((BASIN_PX, BASIN_PX), np.uint8)) == smooth) & film
    seeds = cv2.connectedComponents(lowest.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)[1]
    return np.asarray(watershed(smooth, seeds, mask=film), np.int32)


def common_boundaries(labels: Labels, evidence: Evidence) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return which labels touch, and the evidence along each common boundary as histograms.

    Parameters
    ----------
    labels : (Y, X) int32
    evidence : Evidence

    Returns
    -------
    pairs : (E, 2) int64
        Labels a < b, neither 0, that share at least one pixel side.
    counts : (E, 2, CLASSES) int32
        Pixel sides per class of evidence, the larger one of the side's two pixels: of all evidence, and of the front's.
    """
    levels = [_class_of(part) for part in (evidence.joint, evidence.front)]
    sides = []
    for a, b in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        differ = (labels[a] != labels[b]) & (labels[a] > 0) & (labels[b] > 0)
        first, second = labels[a][differ].astype(np.int64), labels[b][differ].astype(np.int64)
        highest = [np.maximum(level[a][differ], level[b][differ]) for level in levels]
        sides.append(np.stack((np.minimum(first, second), np.maximum(first, second), *highest)))
    low, high, *highest = np.concatenate(sides, axis=1)
    base = int(labels.max()) + 1
    keys, which = np.unique(low * base + high, return_inverse=True)
    counts = [np.bincount(which * CLASSES + h, minlength=len(keys) * CLASSES).reshape(-1, CLASSES) for h in highest]
    return np.stack((keys // base, keys % base), axis=1), np.stack(counts, axis=1).astype(np.int32)


def _class_of(evidence: Image) -> NDArray[np.int64]:
    per_class = CLASSES / np.log(HIGHEST / LOWEST)
    level = np.clip(np.log(np.maximum(evidence, LOWEST) / LOWEST) * per_class, 0, CLASSES - 1)
    return np.asarray(level, np.int64)


def merge_order(labels: Labels, evidence: Evidence) -> Merges:
    """Return the order in which regions merge when the weakest common boundary always goes first.

    Parameters
    ----------
    labels : (Y, X) int32
        Basins, numbered 1..n, 0 outside.
    evidence : Evidence

    Returns
    -------
    Merges
    """
    pairs, counts = common_boundaries(labels, evidence)
    area = np.bincount(labels.ravel()).astype(float)
    around: dict[int, dict[int, NDArray[np.int32]]] = {int(k): {} for k in np.unique(labels[labels > 0])}
    waiting: list[tuple[float, int, int, int]] = []
    for (a, b), count in zip(pairs.tolist(), counts, strict=True):
        around[a][b] = around[b][a] = count
        waiting.append((boundary_strength(count), a, b, int(count[0].sum())))
    heapq.heapify(waiting)
    done: list[tuple[float, int, int, int, float]] = []
    while waiting:
        strength, a, b, length = heapq.heappop(waiting)
        # Entries of boundaries that have since gone or grown are left in the queue and passed over here.
        if a not in around or b not in around[a] or int(around[a][b][0].sum()) != length:
            continue
        a, b = (a, b) if len(around[a]) >= len(around[b]) else (b, a)
        done.append((strength, length, a, b, min(area[a], area[b])))
        area[a] += area[b]
        _join(around, waiting, a, b)
    rows = np.array(done, float).reshape(-1, 5)
    return Merges(rows[:, 0], rows[:, 1].astype(np.int64), rows[:, 2:4].astype(np.int32), rows[:, 4])


def _join(
    around: dict[int, dict[int, NDArray[np.int32]]], waiting: list[tuple[float, int, int, int]], a: int, b: int
) -> None:
    """Give region b's boundaries to region a."""
    del around[a][b]
    for c, count in around.pop(b).items():
        if c == a:
            continue
        del around[c][b]
        joint = count + around[a][c] if c in around[a] else count
        around[a][c] = around[c][a] = joint
        heapq.heappush(waiting, (boundary_strength(joint), a, c, int(joint[0].sum())))


def boundary_strength(count: NDArray[np.int32]) -> float:
    """Return the evidence of a boundary from its (2, CLASSES) histograms.

    What three quarters of its length reach by all evidence, or half of it by the front's alone, whichever is more.
    """
    return max(_quantile(count[0], LOWER_QUARTER), _quantile(count[1], HALF))


def _quantile(count: NDArray[np.int32], share: float) -> float:
    below = np.cumsum(count)
    level = int(np.searchsorted(below, below[-1] * share))
    return float(LOWEST * (HIGHEST / LOWEST) ** ((level + 0.5) / CLASSES))


def merged(labels: Labels, merges: Merges, keep: NDArray[np.bool_]) -> Labels:
    """Return the labels after every merger whose boundary is not kept, numbered 1..n in reading order.

    Parameters
    ----------
    labels : (Y, X) int32
        Basins.
    merges : Merges
        Of these basins.
    keep : (M,) bool
        True for a boundary that stays.

    Returns
    -------
    (Y, X) int32
    """
    parent = np.arange(int(labels.max()) + 1)

    def root(k: int) -> int:
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = int(parent[k])
        return k

    for (a, b), stays in zip(merges.pair.tolist(), keep.tolist(), strict=True):
        if not stays:
            parent[root(b)] = root(a)
    roots = np.array([root(k) for k in range(len(parent))])
    return in_reading_order(roots[labels])


def in_reading_order(labels: NDArray[np.signedinteger]) -> Labels:
    """Return labels renumbered 1..n by each one's first pixel in reading order; 0 and below stay 0.

    >>> in_reading_order(np.array([[7, 7, 0], [3, 7, 3]])).tolist()
    [[1, 1, 0], [2, 1, 2]]
    """
    numbers, first, which = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(np.where(numbers > 0, first, labels.size + first))
    rank = np.empty(len(numbers), np.int32)
    rank[order] = np.arange(1, len(numbers) + 1)
    rank[numbers <= 0] = 0
    return np.asarray(rank[which].reshape(labels.shape), np.int32)


def without_small(labels: Labels, evidence: Evidence, smallest_px: float) -> Labels:
    """Return labels in which every region below an area is part of the neighbour it has the weakest boundary with.

    Parameters
    ----------
    labels : (Y, X) int32
        Regions 1..n.
    evidence : Evidence
    smallest_px : float
        Least area that stays, px.

    Returns
    -------
    (Y, X) int32
        Numbered 1..n in reading order.
    """
    while True:
        area = np.bincount(labels.ravel())
        area[0] = labels.size
        pairs, counts = common_boundaries(labels, evidence)
        small = np.flatnonzero((area > 0) & (area < smallest_px))
        # The smallest first, one round each: a round's regions may be each other's neighbours.
        into = {k: _weakest_neighbour(k, pairs, counts) for k in small[np.argsort(area[small], kind="stable")].tolist()}
        into = {k: n for k, n in into.items() if n > 0}
        if not into:
            return in_reading_order(labels)
        taken: set[int] = set()
        number = np.arange(len(area))
        for k, n in into.items():
            if k not in taken and n not in taken:
                number[k] = n
                taken |= {k, n}
        labels = number[labels].astype(np.int32)


def _weakest_neighbour(k: int, pairs: NDArray[np.int64], counts: NDArray[np.int32]) -> int:
    touching = np.flatnonzero((pairs == k).any(axis=1))
    if not len(touching):
        return 0
    weakest = touching[int(np.argmin([boundary_strength(counts[i]) for i in touching]))]
    return int(pairs[weakest].sum() - k)
