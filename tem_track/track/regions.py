"""Regions of a label image: areas, centroids, boxes and overlaps, from runs of equal numbers along the rows.

A label image is nearly all long runs of one number. Every quantity here is a sum over runs, a few per particle and
row, so that a frame with thousands of particles costs one comparison of neighbouring pixels and little more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tem_track.labels import Runs
from tem_track.movie import FloatArray, Labels, Mask

IntArray = NDArray[np.int64]

# A table with an entry per number is fastest; numbers beyond a few million (hashes) are sorted and looked up instead.
TABLE_UP_TO = 1 << 24


@dataclass(frozen=True)
class Regions:
    """The regions of one (Y, X) label image, one entry each, in the order of their numbers.

    Attributes
    ----------
    number : (R,) int64
        Their number in the label image, ascending.
    area : (R,) float64
        Pixels.
    y, x : (R,) float64
        Centroid, px, in the coordinates of the label image.
    box : (R, 4) int64
        First row, first column, last row + 1, last column + 1.
    at_border : (R,) bool
        True where a pixel lies on the edge of the image.
    """

    number: IntArray
    area: FloatArray
    y: FloatArray
    x: FloatArray
    box: IntArray
    at_border: Mask

    def __len__(self) -> int:
        return len(self.number)

    def renumbered(self, to: IntArray) -> Regions | None:
        """Return the regions under other numbers, those that get 0 left out; None where two of them become one."""
        kept = np.flatnonzero(to > 0)
        order = kept[np.argsort(to[kept], kind="stable")]
        number = to[order].astype(np.int64)
        if (np.diff(number) == 0).any():
            return None
        return Regions(number, self.area[order], self.y[order], self.x[order], self.box[order], self.at_border[order])


def measure_regions(labels: Labels | Runs) -> Regions:
    """Return area, centroid, box and border contact of every region of a (Y, X) label image or of its runs.

    >>> regions = measure_regions(np.array([[0, 0, 0, 0], [0, 7, 7, 0], [0, 7, 7, 0], [0, 0, 0, 0]], np.int32))
    >>> regions.number.tolist(), regions.area.tolist(), regions.y.tolist(), regions.at_border.tolist()
    ([7], [4.0], [1.5], [False])
    """
    height, width = labels.shape
    value, row, start, stop = _inner(as_runs(labels))
    number, index = _numbered(value)
    n = len(number)
    length = stop - start
    area = np.bincount(index, length, n).astype(np.float64)
    y = np.bincount(index, length * row, n) / np.maximum(area, 1)
    x = np.bincount(index, length * (start + stop - 1) / 2, n) / np.maximum(area, 1)
    box = np.empty((n, 4), np.int64)
    for column, (values, extreme) in enumerate(
        ((row, np.minimum), (start, np.minimum), (row + 1, np.maximum), (stop, np.maximum))
    ):
        box[:, column] = 2 * (height + width) if extreme is np.minimum else -1
        extreme.at(box[:, column], index, values)
    at_border = (box[:, 0] == 0) | (box[:, 1] == 0) | (box[:, 2] == height) | (box[:, 3] == width)
    return Regions(number.astype(np.int64), area, y, x, box, at_border)


@dataclass(frozen=True)
class Overlaps:
    """Pixels shared by the regions of two label images: one entry per pair that shares any.

    Attributes
    ----------
    first, second : (M,) int64
        Numbers in the first and the second label image; sorted by first, then second.
    count : (M,) float64
        Shared pixels.
    """

    first: IntArray
    second: IntArray
    count: FloatArray


def measure_overlaps(first: Labels | Runs, second: Labels | Runs) -> Overlaps:
    """Return how many pixels each region of one (Y, X) label image shares with each region of another.

    >>> a, b = np.array([[1, 1, 2, 0]], np.int32), np.array([[5, 9, 9, 9]], np.int32)
    >>> shared = measure_overlaps(a, b)
    >>> list(zip(shared.first.tolist(), shared.second.tolist(), shared.count.tolist()))
    [(1, 5, 1.0), (1, 9, 1.0), (2, 9, 1.0)]
    """
    one, other = as_runs(first), as_runs(second)
    # Both sequences of starts are in order, so that a stable sort merges them; the last bit says whose a start is.
    order = np.sort(np.concatenate((2 * one.start, 2 * other.start + 1)), kind="stable")
    of_other = order & 1
    length = np.diff(order >> 1, append=one.shape[0] * one.shape[1])
    at_other = np.cumsum(of_other) - 1
    at_one = np.arange(len(order)) - at_other - 1
    a, b = one.number[at_one].astype(np.int64), other.number[at_other].astype(np.int64)
    both = (a > 0) & (b > 0) & (length > 0)
    a, b, length = a[both], b[both], length[both]
    base = int(b.max(initial=0)) + 1
    key, index = np.unique(a * base + b, return_inverse=True)
    return Overlaps(key // base, key % base, np.bincount(index, length, len(key)).astype(np.float64))


def renumbered(labels: Labels, numbers: IntArray, to: IntArray) -> Labels:
    """Return the label image with `numbers` (ascending) replaced by `to`; a number that is not listed becomes 0."""
    return renumbered_runs(Runs.of(labels), numbers, to).image()


def renumbered_runs(found: Runs, numbers: IntArray, to: IntArray) -> Runs:
    """Return the runs with `numbers` (ascending) replaced by `to`; a number that is not listed becomes 0."""
    value = found.number
    if not len(numbers):
        return found.under(np.zeros_like(value))
    highest = int(value.max(initial=0))
    if highest < TABLE_UP_TO:
        table = np.zeros(highest + 1, np.int32)
        known = numbers <= highest
        table[numbers[known]] = to[known]
        return found.under(table[value])
    place = np.minimum(np.searchsorted(numbers, value), len(numbers) - 1)
    return found.under(np.where(numbers[place] == value, to[place], 0).astype(np.int32))


def as_runs(labels: Labels | Runs) -> Runs:
    """Return the runs of a (Y, X) label image, or those given."""
    return labels if isinstance(labels, Runs) else Runs.of(labels)


def shifted(labels: Labels, dy: int, dx: int) -> Labels:
    """Return the label image moved down by dy and right by dx px; what comes in from outside is 0."""
    moved = np.zeros_like(labels)
    height, width = labels.shape
    if abs(dy) < height and abs(dx) < width:
        source = labels[max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)]
        moved[max(0, dy) : height - max(0, -dy), max(0, dx) : width - max(0, -dx)] = source
    return moved


def _numbered(value: IntArray) -> tuple[IntArray, IntArray]:
    """Return the different values in ascending order, and the place of each value among them."""
    if value.max(initial=0) >= TABLE_UP_TO:
        number, index = np.unique(value, return_inverse=True)
        return number, index
    number = np.flatnonzero(np.bincount(value))
    place = np.zeros(int(number.max(initial=0)) + 1, np.int64)
    place[number] = np.arange(len(number))
    return number, place[value]


def _inner(found: Runs) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Return number, row, first column and last column + 1 of every run that is not background."""
    keep = found.number > 0
    row, column = np.divmod(found.start[keep], found.shape[1])
    return found.number[keep].astype(np.int64), row, column, column + found.length[keep]
