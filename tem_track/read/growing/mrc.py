"""An MRC stack that is still being written: a header of 1024 bytes, then the frames one behind the other.

The number of frames in the header is what the camera expects, or still zero; what the length of the file holds counts.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tem_track.errors import InputError
from tem_track.read.grey import native
from tem_track.read.growing.opening import bytes_now
from tem_track.read.limits import check_frame_claim
from tem_track.read.recording import ReadFrames, Recording, Scale

_HEADER = 1024
# MRC2014 (https://www.ccpem.ac.uk/mrc_format/mrc2014.php): the modes that hold one grey value per pixel.
_MODES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
# What programs write into the cell when they do not know: 1 A per pixel exactly, nm.
_UNKNOWN_NM = 0.1


class GrowingMrc:
    """Frames of a growing MRC stack.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputError
        The header is not there yet, or its numbers cannot be grey values.
    """

    def __init__(self, path: Path):
        self._path = path
        with path.open("rb") as stream:
            head = stream.read(_HEADER)
        if len(head) < _HEADER:
            raise InputError(f"{path.name}: its header is not complete yet")
        order = min("<>", key=lambda one: max(map(abs, struct.unpack(one + "4i", head[:16]))))
        columns, rows, _, mode = struct.unpack(order + "4i", head[:16])
        if mode not in _MODES:
            raise InputError(f"{path.name}: numbers of MRC mode {mode} can be read once the file is complete")
        self._dtype = np.dtype(order + _MODES[mode])
        check_frame_claim(path.name, rows, columns, self._dtype.itemsize)
        self._frame = (rows, columns)
        self._begin = _HEADER + max(0, struct.unpack(order + "i", head[92:96])[0])
        self._scale = _scale(head, order)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def look(self) -> int:
        """Return how many frames are complete now."""
        held = (bytes_now(self._path) - self._begin) // (math.prod(self._frame) * self._dtype.itemsize)
        if held < self._count:
            raise InputError(f"{self._path.name}: was replaced while it was being recorded")
        self._count = max(0, held)
        return self._count

    def __getitem__(self, k: int, /) -> NDArray[Any]:
        if not 0 <= k < self._count:
            raise IndexError(f"frame {k} of {self._count}")
        where = self._begin + k * math.prod(self._frame) * self._dtype.itemsize
        return native(np.array(np.memmap(self._path, self._dtype, "r", where, self._frame)))

    def recording(self) -> Recording:
        """Return what the header says, of the frames that are complete."""
        shape = (max(1, self._count), *self._frame)
        return Recording(
            frames=ReadFrames(shape, self.__getitem__, self._path.name, serial=False),
            shape=shape,
            dtype=self._dtype.newbyteorder("="),
            format="MRC",
            scale=self._scale,
        )


def _scale(head: bytes, order: str) -> Scale | None:
    """Return the pixel size: the cell's edges in A over its sampling, where the header states both."""
    samples = struct.unpack(order + "3i", head[28:40])
    cell = struct.unpack(order + "3f", head[40:52])
    if min(samples[:2]) <= 0 or not all(math.isfinite(edge) and edge > 0 for edge in cell[:2]):
        return None
    x_nm, y_nm = (0.1 * edge / count for edge, count in zip(cell[:2], samples[:2], strict=True))
    if math.isclose(x_nm, _UNKNOWN_NM, rel_tol=1e-6) and math.isclose(y_nm, _UNKNOWN_NM, rel_tol=1e-6):
        doubt = "the MRC header says exactly 1 A per pixel, which programs write when they do not know: check it"
        return Scale(y_nm, x_nm, "MRC axes", doubt=doubt)
    return Scale(y_nm, x_nm, "MRC axes")
