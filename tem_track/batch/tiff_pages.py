"""Whether a TIFF file holds one image or several, told from its first bytes without reading its pages.

A folder is searched by the process that looks after all others, so nothing here may trust a file: every read is
bounded, and what is not understood is "not known".
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

# Tags of one image: TIFF 6.0 knows some 70; microscopes add a few dozen.
_MOST_TAGS = 4096
# OME-XML of long series states every plane; the sizes stand in its first part.
_DESCRIPTION_BYTES = 1 << 16
_WIDTH, _LENGTH, _BITS, _COMPRESSION, _DESCRIPTION, _SAMPLES = 256, 257, 258, 259, 270, 277
_INTEGERS = {1: "B", 3: "H", 4: "I", 16: "Q"}
# ImageJ writes the number of images, OME the sizes of the axes that are frames.
_SEVERAL = re.compile(rb"(?:^|\n)(?:images|frames|slices)=(\d+)|Size[TZ]=\"(\d+)\"")
# More than this share of an uncompressed image's bytes beyond it is another image (ImageJ: images without own tags).
_SECOND_IMAGE = 1.9
# Tags and descriptions of an image that do not count as one.
_BESIDE_BYTES = 1 << 16


@dataclass(frozen=True)
class _Layout:
    """How a TIFF file is laid out: byte order, formats of counts and offsets, bytes of one tag."""

    order: str
    big: bool

    @property
    def count(self) -> str:
        return self.order + ("Q" if self.big else "H")

    @property
    def offset(self) -> str:
        return self.order + ("Q" if self.big else "I")


def holds_several(path: Path) -> bool | None:
    """Return whether a TIFF file holds more than one image; None where its first bytes do not tell.

    Parameters
    ----------
    path : Path
        An ordinary file.
    """
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(0)
            return _several(stream, size)
    except (OSError, struct.error, ValueError, OverflowError):
        return None


def _several(stream: BinaryIO, size: int) -> bool | None:
    layout, first = _header(stream)
    if layout is None or not 0 < first < size:
        return None
    stream.seek(first)
    (count,) = _unpacked(stream, layout.count)
    if not 0 < count <= _MOST_TAGS:
        return None
    tags = stream.read(count * (20 if layout.big else 12))
    (following,) = _unpacked(stream, layout.offset)
    if following:
        return True
    values = _values(stream, tags, layout)
    description = values.get(_DESCRIPTION, b"")
    if isinstance(description, bytes):
        found = [int(number) for pair in _SEVERAL.findall(description) for number in pair if number]
        if any(number > 1 for number in found):
            return True
    return _overlong(values, size)


def _header(stream: BinaryIO) -> tuple[_Layout | None, int]:
    mark = stream.read(4)
    if mark in (b"II*\0", b"MM\0*"):
        layout = _Layout("<" if mark[:2] == b"II" else ">", False)
        return layout, int(_unpacked(stream, layout.offset)[0])
    if mark in (b"II+\0", b"MM\0+"):
        layout = _Layout("<" if mark[:2] == b"II" else ">", True)
        stream.seek(8)
        return layout, int(_unpacked(stream, layout.offset)[0])
    return None, 0


def _values(stream: BinaryIO, tags: bytes, layout: _Layout) -> dict[int, int | bytes]:
    """Return the first number, or the text, of the tags that matter here."""
    found: dict[int, int | bytes] = {}
    step, inline = (20, 8) if layout.big else (12, 4)
    for at in range(0, len(tags) - step + 1, step):
        tag, kind = struct.unpack_from(layout.order + "HH", tags, at)
        (count,) = struct.unpack_from(layout.offset, tags, at + 4)
        place = at + step - inline
        if tag == _DESCRIPTION and kind == 2:
            found[tag] = _bytes(stream, tags, place, count, inline, layout)
        elif tag in (_WIDTH, _LENGTH, _COMPRESSION, _SAMPLES) and kind in _INTEGERS and count == 1:
            found[tag] = int(struct.unpack_from(layout.order + _INTEGERS[kind], tags, place)[0])
        elif tag == _BITS and kind == 3:
            stored = _bytes(stream, tags, place, 2 * count, inline, layout)
            found[tag] = int(struct.unpack_from(layout.order + "H", stored)[0])
    return found


def _bytes(stream: BinaryIO, tags: bytes, place: int, length: int, inline: int, layout: _Layout) -> bytes:
    if length <= inline:
        return tags[place : place + length]
    stream.seek(int(struct.unpack_from(layout.offset, tags, place)[0]))
    return stream.read(min(length, _DESCRIPTION_BYTES))


def _overlong(values: dict[int, int | bytes], size: int) -> bool | None:
    """Return whether an uncompressed file is long enough for a second image like its first."""
    numbers = [values.get(tag, default) for tag, default in ((_WIDTH, 0), (_LENGTH, 0), (_BITS, 1), (_SAMPLES, 1))]
    width, length, bits, samples = (number if isinstance(number, int) else 0 for number in numbers)
    one = width * length * bits * samples // 8
    if not one:
        return None
    return values.get(_COMPRESSION, 1) == 1 and size > _SECOND_IMAGE * one + _BESIDE_BYTES


def _unpacked(stream: BinaryIO, form: str) -> tuple[int, ...]:
    return struct.unpack(form, stream.read(struct.calcsize(form)))
