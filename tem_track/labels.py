"""Label images of a whole movie, kept compressed so that a long movie fits in memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np

from tem_track.movie import Labels


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
        lengths, numbers = np.frombuffer(zlib.decompress(self._packed[k]), np.int32).reshape(2, -1)
        return np.repeat(numbers, lengths).reshape(self.shape)

    def thinned(self, k: int, step: int) -> Labels:
        """Return every step-th pixel of every step-th row of label image k, without the image itself.

        >>> stack = LabelStack((3, 4))
        >>> stack.append(np.array([[1, 1, 0, 2], [0, 0, 0, 2], [3, 3, 0, 0]], np.int32))
        >>> stack.thinned(0, 2).tolist()
        [[1, 0], [3, 0]]
        """
        lengths, numbers = np.frombuffer(zlib.decompress(self._packed[k]), np.int32).reshape(2, -1)
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
        starts = np.flatnonzero(change).astype(np.int32)
        lengths = np.diff(starts, append=np.int32(flat.size)).astype(np.int32)
        return zlib.compress(np.concatenate((lengths, flat[starts])).tobytes(), 1)
