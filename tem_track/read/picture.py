"""PNG and JPEG: one picture, decoded at its full depth, its size checked before memory is taken."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tem_track.errors import InputError
from tem_track.read.grey import grey_from_colour, native
from tem_track.read.limits import check_frame_claim
from tem_track.read.png import plain_png, png_size
from tem_track.read.recording import ReadFrames, Recording

# Start-of-frame markers of JPEG (ITU-T T.81, table B.1); C4, C8 and CC are tables, not frames.
_START_OF_FRAME = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


def read_picture(path: Path, kind: str, allow_truncated: bool) -> Recording:
    """Return a PNG or JPEG as a movie of one frame.

    Raises
    ------
    InputError
        Damaged, truncated or absurdly large.
    """
    frame = decode_picture(path, kind)
    shape = (1, *frame.shape)
    return Recording(
        frames=ReadFrames(shape, lambda k: decode_picture(path, kind), path.name, serial=False),
        shape=shape,
        dtype=frame.dtype,
        format=kind.upper(),
    )


def picture_size(path: Path, kind: str) -> tuple[int, int, int]:
    """Return height and width in px and bytes per pixel, from the header alone.

    Raises
    ------
    InputError
        No valid header.
    """
    with path.open("rb") as stream:
        head = stream.read(1 << 16)
        try:
            if kind == "png":
                return png_size(head)
            while True:
                size = _jpeg_size(head)
                if size:
                    return size
                more = stream.read(1 << 20)
                if not more:
                    break
                head += more
        except (struct.error, KeyError, IndexError, ValueError):
            pass
    raise InputError(f"{path.name}: truncated or damaged: its size cannot be read")


def decode_picture(path: Path, kind: str, colour: bool = True) -> NDArray[Any]:
    """Return the grey (Y, X) of a PNG or JPEG at its own depth; colours are refused where they are not allowed.

    Raises
    ------
    InputError
        Damaged, truncated or absurdly large.
    """
    import imagecodecs

    height, width, depth = picture_size(path, kind)
    stored = path.read_bytes()
    check_frame_claim(path.name, height, width, depth, len(stored))
    # libjpeg fills what is missing with grey and says nothing: the end mark must be there (some cameras pad after it).
    if kind == "jpeg" and b"\xff\xd9" not in stored[-65536:]:
        raise InputError(f"{path.name}: truncated: the picture is not complete")
    try:
        if kind == "png":
            frame = np.asarray(imagecodecs.png_decode(plain_png(stored)))
        else:
            frame = np.asarray(imagecodecs.jpeg_decode(stored))
    except Exception as error:
        raise InputError(f"{path.name}: truncated or damaged: {kind.upper()} cannot be decoded") from error
    if frame.shape[:2] != (height, width):
        raise InputError(f"{path.name}: damaged: {kind.upper()} of {height} x {width} pixels decodes to another size")
    if frame.ndim > 2 and not colour:
        raise InputError(f"{path.name}: holds colours; a label image holds one whole number per pixel")
    return native(frame) if frame.ndim == 2 else grey_from_colour(frame)


def _jpeg_size(head: bytes) -> tuple[int, int, int] | None:
    """Return the size in a JPEG's frame header, None where it is not within the bytes given."""
    at = 2
    while at + 9 < len(head):
        if head[at] != 0xFF:
            at += 1
            continue
        marker = head[at + 1]
        if marker in _START_OF_FRAME:
            height, width, samples = struct.unpack_from(">HHB", head, at + 5)
            return height, width, samples
        # Fill bytes and marks without content have no length.
        at += (
            1
            if marker == 0xFF
            else 2
            if marker in {0x01, *range(0xD0, 0xDA)}
            else 2 + struct.unpack_from(">H", head, at + 2)[0]
        )
    return None
