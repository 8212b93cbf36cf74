"""The lengths of an AVI's pieces, compared with that of the file: FFmpeg takes memory for what is claimed."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from tem_track.errors import InputError

# A piece that is cut off by the end of the file may claim this much: a frame of 8192 x 4320 pixels in full colour.
_LARGEST_FRAME = 2**27
# Lists that hold pieces of their own.
_LISTS = (b"RIFF", b"LIST")


def check_avi(path: Path) -> None:
    """Refuse an AVI with a piece that claims far more than the file has left; other videos are left alone.

    What is no chain of pieces is left to FFmpeg, which looks for the next frame in it.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputError
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        if stream.read(4) != b"RIFF":
            return
        stream.seek(0)
        while (piece := _piece(stream)) is not None:
            name, length = piece
            if name in _LISTS:
                # Its kind stands in front of its pieces, which come next.
                stream.seek(4, 1)
                continue
            left = size - stream.tell()
            if length > max(left, _LARGEST_FRAME):
                raise InputError(f"{path.name}: damaged: a piece of {length >> 20} MiB with {left} bytes left")
            stream.seek(length + length % 2, 1)


def _piece(stream: BinaryIO) -> tuple[bytes, int] | None:
    head = stream.read(8)
    if len(head) < 8 or not head[:4].isascii() or not head[:4].decode("ascii").isprintable():
        return None
    return head[:4], struct.unpack("<I", head[4:])[0]
