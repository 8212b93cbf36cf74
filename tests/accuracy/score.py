"""What is compared with the truth: drift, label images and identities. Pure functions on arrays.

A figure is a number, or a `Share` where what counts is how many of how many: shares of several movies add up.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from tem_track.movie import FloatArray, Labels, Mask

# What of a true particle must be seen to ask for it: below, the movie does not show enough of it to outline.
LEAST_VISIBLE_FRACTION, LEAST_VISIBLE_PX = 0.35, 30
# Overlap of a found and a true particle over their union at which one stands for the other.
SAME_PARTICLE = 0.5


@dataclass(frozen=True)
class Share:
    """So many of so many."""

    hits: int
    total: int

    def __add__(self, other: Share) -> Share:
        return Share(self.hits + other.hits, self.total + other.total)

    @property
    def value(self) -> float:
        """Hits over total; NaN of nothing."""
        return self.hits / self.total if self.total else float("nan")


Figure: TypeAlias = float | Share
Figures: TypeAlias = dict[str, Figure]


@dataclass(frozen=True)
class Matches:
    """Which found particle stands for which true one, over all frames that are asked for.

    Attributes
    ----------
    frame, true, found : (N,) int64
    iou : (N,) float64
    missed, invented : int
        True particles without a found one, found ones without a true one.
    """

    frame: NDArray[np.int64]
    true: NDArray[np.int64]
    found: NDArray[np.int64]
    iou: FloatArray
    missed: int
    invented: int


def drift_error(measured: FloatArray, true: FloatArray, shown: Mask) -> tuple[float, Share]:
    """Return the RMS error (px) of a drift (T, 2) and in how many of the frames there is one.

    A constant is taken out (the median per axis): where frame 0 itself stands is no drift.
    """
    known = shown & np.isfinite(measured).all(axis=1)
    answered = Share(int(known.sum()), int(shown.sum()))
    if not known.any():
        return float("nan"), answered
    error = measured[known] - true[known]
    error = error - np.median(error, axis=0)
    return float(np.sqrt((error**2).sum(axis=1).mean())), answered


def match_image(
    found: Labels, true: Labels, excused: Collection[int] = ()
) -> tuple[list[tuple[int, int, float]], int, int]:
    """Return (true, found, IoU) of one frame's particles, and how many were missed and invented.

    Pairs are chosen one to one for the largest summed IoU. `excused` true particles are neither asked for nor is it
    held against a found particle to lie mostly on one.
    """
    numbers_true, numbers_found, overlap = _overlaps(true, found)
    size_true, size_found = (
        np.array([(image == n).sum() for n in numbers])
        for image, numbers in ((true, numbers_true), (found, numbers_found))
    )
    iou = overlap / np.maximum(size_true[:, None] + size_found[None, :] - overlap, 1)
    soft = np.array([n in excused for n in numbers_true], bool)
    rows, columns = linear_sum_assignment(-np.where(iou >= SAME_PARTICLE, iou + 1, 0.0))
    pairs = [(i, j) for i, j in zip(rows, columns, strict=True) if iou[i, j] >= SAME_PARTICLE]
    taken = {j for _, j in pairs}
    on_soft = overlap[soft].sum(axis=0) > 0.5 * size_found if len(size_found) else np.zeros(0, bool)
    invented = sum(j not in taken and not on_soft[j] for j in range(len(numbers_found)))
    kept = [(int(numbers_true[i]), int(numbers_found[j]), float(iou[i, j])) for i, j in pairs if not soft[i]]
    return kept, int((~soft).sum()) - len(kept), int(invented)


def _overlaps(true: Labels, found: Labels) -> tuple[NDArray[np.int64], NDArray[np.int64], FloatArray]:
    """Return the numbers in either image (without 0) and how many pixels each two have in common."""
    numbers_true, index_true = np.unique(true, return_inverse=True)
    numbers_found, index_found = np.unique(found, return_inverse=True)
    shape = (len(numbers_true), len(numbers_found))
    both = np.bincount(index_true.ravel() * shape[1] + index_found.ravel(), minlength=shape[0] * shape[1])
    overlap = both.reshape(shape)[numbers_true > 0][:, numbers_found > 0].astype(np.float64)
    return (
        numbers_true[numbers_true > 0].astype(np.int64),
        numbers_found[numbers_found > 0].astype(np.int64),
        np.asarray(overlap, np.float64),
    )


def match_movie(
    found: Sequence[Labels] | Callable[[int], Labels],
    true: Sequence[Labels],
    frames: Iterable[int],
    visible: Callable[[int, int], float],
) -> Matches:
    """Return the matches of all the given frames.

    Parameters
    ----------
    found, true : (T, Y, X) label images
    frames : iterable of int
    visible : callable (track, frame) -> float
        Share of a true particle that lies in the field.
    """
    image_of = found if callable(found) else found.__getitem__
    rows: list[tuple[int, int, int, float]] = []
    missed = invented = 0
    for k in frames:
        truth = true[k]
        sizes = np.bincount(truth.ravel())
        excused = {
            int(n)
            for n in np.flatnonzero(sizes)
            if n and (sizes[n] < LEAST_VISIBLE_PX or visible(int(n), k) < LEAST_VISIBLE_FRACTION)
        }
        pairs, lacking, extra = match_image(image_of(k), truth, excused)
        rows += [(k, *pair) for pair in pairs]
        missed, invented = missed + lacking, invented + extra
    frame, true_id, found_id, iou = (np.array([row[i] for row in rows]) for i in range(4))
    return Matches(
        frame.astype(np.int64), true_id.astype(np.int64), found_id.astype(np.int64), iou.astype(float), missed, invented
    )


def f1(matches: Matches) -> float:
    """Return the F1 of detection: 2 TP / (2 TP + FP + FN)."""
    hits = 2 * len(matches.frame)
    asked = hits + matches.missed + matches.invented
    return hits / asked if asked else float("nan")


def identity_switches(matches: Matches) -> int:
    """Return how often the number under which a true particle is found changes from one finding to the next."""
    switches = 0
    for track in np.unique(matches.true):
        rows = np.flatnonzero(matches.true == track)
        numbers = matches.found[rows[np.argsort(matches.frame[rows])]]
        switches += int((np.diff(numbers) != 0).sum())
    return switches


def identity_map(matches: Matches) -> dict[int, int]:
    """Return true track -> found track, one to one, for the most frames in common."""
    if not len(matches.frame):
        return {}
    true, row = np.unique(matches.true, return_inverse=True)
    found, column = np.unique(matches.found, return_inverse=True)
    count = np.zeros((len(true), len(found)))
    np.add.at(count, (row, column), 1)
    pairs = zip(*linear_sum_assignment(-count), strict=True)
    return {int(true[i]): int(found[j]) for i, j in pairs if count[i, j] > 0}


def idf1(matches: Matches) -> float:
    """Return the F1 of identity: findings under the one number that stands for the particle (Ristani et al. 2016)."""
    number = identity_map(matches)
    same = sum(number.get(int(t)) == int(f) for t, f in zip(matches.true, matches.found, strict=True))
    asked = 2 * len(matches.frame) + matches.missed + matches.invented
    return 2 * same / asked if asked else float("nan")


def share_inside(error: FloatArray, sd: FloatArray) -> Share:
    """Return in how many rows the 95 % interval of a measured value holds the truth (rows without either: left out)."""
    known = np.isfinite(error) & np.isfinite(sd)
    return Share(int((np.abs(error[known]) <= 1.96 * sd[known]).sum()), int(known.sum()))


def mean_of(values: Iterable[float]) -> float:
    """Return the mean of the finite values; NaN where there is none."""
    finite = [v for v in values if np.isfinite(v)]
    return float(np.mean(finite)) if finite else float("nan")


def percent(measured: FloatArray, true: FloatArray) -> FloatArray:
    """Return 100 (measured / true - 1)."""
    return np.asarray(100 * (measured / true - 1))
