"""Cracks and scratches that pass for grain boundaries: lines far deeper than the network, one grain on both sides.

A line that leads through a grain has the same brightness on its left and on its right, since it is the same crystal; a
boundary between grains rarely has, as neither their orientation nor their thickness agree. That alone happens to one
boundary in ten. But the lines of boundaries are alike throughout a film, by a factor or so, and a crack is a gap in it:
darker than they are by far. Both together tell it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.front.grains.merging import in_reading_order
from tem_track.movie import Image, Labels, Mask

# A crack is this many times as deep as the usual boundary, and deeper by this many standard deviations of the film's
# boundaries: where they differ much among themselves, as on etched sections, a deep one is no crack.
DEEPER, LEAST_DEVIATIONS = 2.0, 3.0
# Step across it, as a share of its depth: 0.1 and less across cracks, 0.3 or so across boundaries as deep.
LEAST_STEP = 0.08
# From where to where beside a line its sides are looked at, px: past its blur, within the grain beside it.
BESIDE_PX = (4.0, 12.0)
# Least of a side's pixels and of a line's pixel sides that tell a level, and least boundaries that tell what is usual.
FEWEST_PIXELS, FEWEST_SIDES, FEWEST_LINES = 20, 25, 5


@dataclass(frozen=True)
class _Line:
    """The common boundary of two regions: how much darker than its sides, and how much these differ, shares of them."""

    pair: tuple[int, int]
    depth: float
    step: float


def without_cracks(labels: Labels, picture: Image) -> Labels:
    """Return labels in which regions that only a crack divides are one.

    Parameters
    ----------
    labels : (Y, X) int32
        Regions 1..n, 0 outside the film.
    picture : (Y, X) float32
        The film before anything changed.

    Returns
    -------
    (Y, X) int32
        Numbered 1..n in reading order.
    """
    lines = [line for pair, y, x in _common_lines(labels) if (line := _line(labels, picture, pair, y, x)) is not None]
    if len(lines) < FEWEST_LINES:
        return labels
    depths = np.array([line.depth for line in lines])
    usual = float(np.median(depths))
    spread = 1.4826 * float(np.median(np.abs(depths - usual)))
    least = max(DEEPER * usual, usual + LEAST_DEVIATIONS * spread, 0.0)
    number = np.arange(int(labels.max()) + 1)
    for line in lines:
        if line.depth > least and line.step < LEAST_STEP * line.depth:
            number[number == number[line.pair[1]]] = number[line.pair[0]]
    return in_reading_order(number[labels])


def _common_lines(labels: Labels) -> list[tuple[tuple[int, int], NDArray[np.intp], NDArray[np.intp]]]:
    """Return every two regions that touch, and the pixels (y, x) of one of them along their common boundary."""
    found = []
    for a, b in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        differ = (labels[a] != labels[b]) & (labels[a] > 0) & (labels[b] > 0)
        y, x = np.nonzero(differ)
        found.append(np.stack((np.minimum(labels[a], labels[b])[y, x], np.maximum(labels[a], labels[b])[y, x], y, x)))
    low, high, y, x = np.concatenate(found, axis=1)
    order = np.lexsort((high, low))
    ends = np.flatnonzero(np.diff(low[order]) | np.diff(high[order])) + 1
    parts = [part for part in np.split(order, ends) if len(part) >= FEWEST_SIDES]
    return [((int(low[part[0]]), int(high[part[0]])), y[part], x[part]) for part in parts]


def _line(
    labels: Labels, picture: Image, pair: tuple[int, int], y: NDArray[np.intp], x: NDArray[np.intp]
) -> _Line | None:
    """Return what a common boundary looks like; None where too little beside it shows."""
    margin = int(BESIDE_PX[1]) + 1
    top, left = max(0, int(y.min()) - margin), max(0, int(x.min()) - margin)
    box = np.s_[top : int(y.max()) + margin + 1, left : int(x.max()) + margin + 1]
    away = np.ones(labels[box].shape, np.uint8)
    away[y - top, x - left] = 0
    distance = cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_5)
    beside: Mask = (distance > BESIDE_PX[0]) & (distance < BESIDE_PX[1]) & _inside(labels[box])
    sides = [picture[box][beside & (labels[box] == number)] for number in pair]
    if min(map(len, sides)) < FEWEST_PIXELS:
        return None
    levels = [float(np.median(side)) for side in sides]
    around = max(sum(levels) / 2, 1e-6)
    middle = float(np.median(picture[box][distance < 1.5]))
    return _Line(pair, 1 - middle / around, abs(levels[0] - levels[1]) / around)


def _inside(labels: Labels) -> Mask:
    """Return the pixels that are farther from every other region than the blur of a line."""
    size = 2 * int(BESIDE_PX[0]) + 1
    kernel = np.ones((size, size), np.uint8)
    number = labels.astype(np.float32)
    return np.asarray((cv2.dilate(number, kernel) == number) & (cv2.erode(number, kernel) == number))
