"""Label images as runs of equal numbers, and those of a whole movie kept compressed: a long one fits in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from tem_track.movie import Labels


def runs(labels: Labels) -> tuple[NDArray[np.intp], NDArray[np.intp], Labels]:
    """Return start, length and number of the runs of one number along the rows of a (Y, X) label image.

    A label image is nearly all long runs of one number; a sum over a few thousand runs takes the place of one over
    millions of pixels. Starts are places in the flattened image; every row begins a run; the background's are there.

    >>> start, length, number = runs(np.array([[0, 1, 1], [1, 2, 2]], np.int32))
    >>> start.tolist(), length.tolist(), number.tolist()
    ([0, 1, 3, 4], [1, 2, 1, 2], [0, 1, 1, 2])
    """
    flat = labels.ravel()
    change = np.empty(flat.size, np.bool_)
    np.not_equal(flat[1:], flat[:-1], out=change[1:])
    change[:: labels.shape[1]] = True
    start = np.flatnonzero(change)
    return start, np.diff(start, append=flat.size), flat[start]


@dataclass(frozen=True)
class Runs:
    """A (Y, X) label image as the runs of one number along its rows, in the order of its pixels.

    Attributes
    ----------
    start, length : (N,) intp
        Place of each run in the flattened image, and its pixels; every row begins a run.
    number : (N,) int32
    shape : (Y, X)

    >>> image = np.array([[0, 1, 1], [1, 2, 2]], np.int32)
    >>> bool((Runs.of(image).image() == image).all())
    True
    """

    start: NDArray[np.intp]
    length: NDArray[np.intp]
    number: Labels
    shape: tuple[int, int]

    @classmethod
    def of(cls, labels: Labels) -> Runs:
        """Return the runs of a (Y, X) label image."""
        return cls(*runs(labels), (labels.shape[0], labels.shape[1]))

    def image(self) -> Labels:
        """Return the (Y, X) label image."""
        return np.repeat(self.number, self.length).reshape(self.shape)

    def under(self, number: Labels) -> Runs:
        """Return the same runs under other numbers, (N,) int32."""
        return replace(self, number=number)


def sizes(labels: Labels) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the numbers in a (Y, X) label image, rising, without the background, and how many pixels each has.

    >>> [values.tolist() for values in sizes(np.array([[0, 7, 7], [3, 7, 0]], np.int32))]
    [[3, 7], [1, 3]]
    """
    _, length, number = runs(labels)
    found, at = np.unique(number, return_inverse=True)
    pixels = np.bincount(at, length, len(found)).astype(np.int64)
    return found[found > 0].astype(np.int64), pixels[found > 0]


def boxes(labels: Labels) -> dict[int, tuple[slice, slice]]:
    """Return the rows and columns that every number of a (Y, X) label image lies in, numbers rising.

    >>> boxes(np.array([[0, 7, 7], [3, 7, 0]], np.int32))
    {3: (slice(1, 2, None), slice(0, 1, None)), 7: (slice(0, 2, None), slice(1, 3, None))}
    """
    start, length, number = runs(labels)
    found, at = np.unique(number, return_inverse=True)
    row, column = np.divmod(start, labels.shape[1])
    low, high = np.full((2, len(found)), max(labels.shape)), np.zeros((2, len(found)), np.int64)
    for axis, (first, last) in enumerate(((row, row + 1), (column, column + length))):
        np.minimum.at(low[axis], at, first)
        np.maximum.at(high[axis], at, last)
    return {
        n: (slice(top, bottom), slice(left, right))
        for n, top, left, bottom, right in zip(found.tolist(), *low.tolist(), *high.tolist(), strict=True)
        if n > 0
    }


# What lengths and numbers of runs are kept as: where all fit, half as wide.
_TYPES = (np.dtype(np.uint16), np.dtype(np.int32))


class LabelStack(Sequence[Labels]):
    """A growing sequence of (Y, X) int32 label images, 0 = background.

    A label image is nearly all runs of one number, and is kept as the compressed lengths and numbers of its runs: a few
    kilobytes, so the memory grows with the particles and not with the pixels.

    Attributes
    ----------
    shape : (Y, X)
    notes : tuple of str
        What was assumed when the label images came from a file.

    >>> stack = LabelStack((2, 3))
    >>> stack.append(np.array([[0, 1, 1], [0, 0, 2]], np.int32))
    >>> len(stack), stack[0].tolist()
    (1, [[0, 1, 1], [0, 0, 2]])
    """

    def __init__(self, shape: tuple[int, int]):
        self.shape = shape
        self.notes: tuple[str, ...] = ()
        self._packed: list[bytes] = []

    def __len__(self) -> int:
        return len(self._packed)

    @overload
    def __getitem__(self, k: int, /) -> Labels: ...
    @overload
    def __getitem__(self, k: slice, /) -> list[Labels]: ...
    def __getitem__(self, k: int | slice, /) -> Labels | list[Labels]:
        if isinstance(k, slice):
            return [self[i] for i in range(*k.indices(len(self)))]
        lengths, numbers = self._unpacked(k)
        return np.repeat(numbers, lengths).reshape(self.shape)

    def runs(self, k: int) -> Runs:
        """Return label image k as its runs, without the image itself.

        >>> stack = LabelStack((2, 2))
        >>> stack.append(np.array([[0, 3], [3, 3]], np.int32))
        >>> stack.runs(0).length.tolist(), stack.runs(0).number.tolist()
        ([1, 1, 2], [0, 3, 3])
        """
        lengths, numbers = self._unpacked(k)
        ends = np.cumsum(lengths, dtype=np.intp)
        rows = np.arange(0, self.shape[0] * self.shape[1], self.shape[1])
        # Two sequences in order: a stable sort merges them.
        start = np.sort(np.concatenate((ends - lengths, rows)), kind="stable")
        start = start[np.diff(start, prepend=-1) > 0]
        number = numbers[np.searchsorted(ends, start, side="right")]
        return Runs(start, np.diff(start, append=self.shape[0] * self.shape[1]), number, self.shape)

    def thinned(self, k: int, step: int) -> Labels:
        """Return every step-th pixel of every step-th row of label image k, without the image itself.

        >>> stack = LabelStack((3, 4))
        >>> stack.append(np.array([[1, 1, 0, 2], [0, 0, 0, 2], [3, 3, 0, 0]], np.int32))
        >>> stack.thinned(0, 2).tolist()
        [[1, 0], [3, 0]]
        """
        lengths, numbers = self._unpacked(k)
        columns = -(-self.shape[1] // step)
        row, column = np.divmod(np.concatenate(([0], np.cumsum(lengths, dtype=np.int64))), self.shape[1])
        # How many of the pixels asked for lie before the start of each run.
        before = -(-row // step) * columns + np.where(row % step == 0, -(-column // step), 0)
        return np.repeat(numbers, np.diff(before)).reshape(-(-self.shape[0] // step), columns)

    def __setitem__(self, k: int, labels: Labels) -> None:
        self._packed[k] = self._pack(labels)

    def __iter__(self) -> Iterator[Labels]:
        return (self[k] for k in range(len(self)))

    def append(self, labels: Labels) -> None:
        """Add the (Y, X) label image of the next frame."""
        self._packed.append(self._pack(labels))

    def append_runs(self, found: Runs) -> None:
        """Add the label image of the next frame, given as its runs; the same as adding the image."""
        if found.shape != self.shape:
            raise ValueError(f"label image of shape {found.shape} in a stack of {self.shape}")
        change = np.empty(len(found.number), np.bool_)
        change[:1] = True
        np.not_equal(found.number[1:], found.number[:-1], out=change[1:])
        self._packed.append(_packed(found.start[change], found.number[change], self.shape))

    def packed(self) -> list[bytes]:
        """Return the compressed label images, for `from_packed`."""
        return list(self._packed)

    @classmethod
    def from_packed(cls, shape: tuple[int, int], packed: Sequence[bytes], notes: tuple[str, ...] = ()) -> LabelStack:
        """Return the stack of (Y, X) label images that `packed` gave."""
        stack = cls(shape)
        stack.notes, stack._packed = notes, list(packed)
        return stack

    def _pack(self, labels: Labels) -> bytes:
        if labels.shape != self.shape:
            raise ValueError(f"label image of shape {labels.shape} in a stack of {self.shape}")
        flat = np.ascontiguousarray(labels, np.int32).ravel()
        change = np.empty(flat.size, np.bool_)
        change[:1] = True
        np.not_equal(flat[1:], flat[:-1], out=change[1:])
        starts = np.flatnonzero(change)
        return _packed(starts, flat[starts], self.shape)

    def _unpacked(self, k: int) -> tuple[NDArray[np.int32], Labels]:
        """Return lengths and numbers of the runs of label image k, (N,) each; a run may go on over several rows."""
        import imagecodecs

        packed = self._packed[k]
        content = imagecodecs.zstd_decode(packed[1:])
        lengths, numbers = np.frombuffer(content, _TYPES[packed[0]]).reshape(2, -1).astype(np.int32)
        return lengths, numbers


def _packed(starts: NDArray[Any], numbers: Labels, shape: tuple[int, int]) -> bytes:
    """Return the runs that begin at given places of the flattened image compressed: which type, lengths, numbers.

    Zstandard at its fastest packs them as tightly as zlib does in a fifth of the time, which counts where a frame has
    thousands of particles.
    """
    import imagecodecs

    both = np.concatenate((np.diff(starts, append=shape[0] * shape[1]), numbers))
    kind = 0 if both.max(initial=0) < 1 << 16 and both.min(initial=0) >= 0 else 1
    content = imagecodecs.zstd_encode(both.astype(_TYPES[kind]).tobytes(), level=1)
    return bytes([kind]) + bytes(content)
