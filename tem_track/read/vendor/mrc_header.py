"""What the header of an MRC file claims, compared with its length before RosettaSciIO believes it."""

from __future__ import annotations

import struct
from pathlib import Path

from tem_track.errors import InputError
from tem_track.read.limits import check_frame_claim, check_frame_count

# Bytes of a pixel by mode (MRC2014, https://doi.org/10.1016/j.jsb.2015.04.002); the others are not read.
_PIXEL_BYTES = {0: 1, 1: 2, 2: 4, 4: 8, 6: 2, 12: 2}
_HEADER_BYTES = 1024


def check_mrc(path: Path, allow_truncated: bool) -> None:
    """Compare what an MRC's header claims with the size of the file.

    A file that is a little too short is a truncated one and judged later; one that could never hold the claim is not
    opened at all.

    Parameters
    ----------
    path : Path
    allow_truncated : bool
        A file without one whole frame is left to the reader, which knows what it may take.

    Raises
    ------
    InputError
        No complete header, numbers that no MRC has, frames that the file cannot hold.
    """
    with path.open("rb") as file:
        head = file.read(_HEADER_BYTES)
    if len(head) < _HEADER_BYTES:
        raise InputError(f"{path.name}: truncated: no complete header")
    columns, rows, sections, mode = struct.unpack_from("<4i", head)
    swapped = struct.unpack_from(">4i", head)
    if mode not in _PIXEL_BYTES and swapped[3] in _PIXEL_BYTES and 0 < max(swapped[:3]) < 2**16:
        raise InputError(f"{path.name}: MRC in the byte order of old workstations is not read; save it anew")
    if mode not in _PIXEL_BYTES:
        raise InputError(f"{path.name}: damaged or not an MRC: pixels of the unknown mode {mode}")
    check_frame_claim(path.name, rows, columns, _PIXEL_BYTES[mode])
    check_frame_count(path.name, sections)
    held, frame = path.stat().st_size - _HEADER_BYTES, rows * columns * _PIXEL_BYTES[mode]
    if frame > max(held, 0) and not allow_truncated:
        raise InputError(f"{path.name}: truncated: not one frame of {rows} x {columns} pixels is in it")
    if frame * sections > 64 * max(held, 1):
        raise InputError(f"{path.name}: claims {sections} frames of {rows} x {columns} pixels, far more than it holds")
