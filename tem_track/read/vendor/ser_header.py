"""What the header of a TIA SER file claims, compared with its length before RosettaSciIO believes it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from tem_track.errors import InputError
from tem_track.read.limits import check_frame_claim

# Series of spectra and of images; their elements begin with a header of 26 and 50 bytes (C. Boothroyd, "TIA (Emispec)
# file format").
_SPECTRA, _IMAGES = 0x4120, 0x4122
_HEADER_BYTES = {_SPECTRA: 26, _IMAGES: 50}
# Bytes of a pixel by TIA's type.
_PIXEL_BYTES = {1: 1, 2: 2, 3: 4, 4: 1, 5: 2, 6: 4, 7: 4, 8: 8, 9: 8, 10: 16}
# From this version on (TIA 4.7.3) places in the file have 8 bytes.
_LONG_PLACES = 0x220
# TIA writes one or two axes, with names and units of a few letters.
_MOST_AXES = 8
_MOST_LETTERS = 65536


def check_ser(path: Path) -> None:
    """Refuse a SER file that claims more than it holds.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputError
        Truncated, damaged, or frames of an absurd size.
    """
    with path.open("rb") as stream:
        try:
            _check(path.name, stream, path.stat().st_size)
        except struct.error as error:
            raise InputError(f"{path.name}: truncated: no complete header") from error


def _check(name: str, stream: BinaryIO, size: int) -> None:
    _, _, version, kind, _, _, count = _unpacked(stream, "<HHHIIII")
    place = "<Q" if version >= _LONG_PLACES else "<I"
    (places_at,), (axes,) = _unpacked(stream, place), _unpacked(stream, "<I")
    if kind not in _HEADER_BYTES or axes > _MOST_AXES:
        raise InputError(f"{name}: damaged: not the header of a TIA series")
    for _ in range(axes):
        stream.seek(24, 1)
        for _ in ("name", "unit"):
            (letters,) = _unpacked(stream, "<I")
            if letters > _MOST_LETTERS:
                raise InputError(f"{name}: damaged: an axis with a name of {letters} letters")
            stream.seek(letters, 1)
    if places_at > size or not 0 < count * struct.calcsize(place) <= size:
        raise InputError(f"{name}: truncated or damaged: claims {count} frames in {size} bytes")
    stream.seek(places_at)
    (first,) = _unpacked(stream, place)
    if first > size:
        raise InputError(f"{name}: truncated: the first frame is not in it")
    stream.seek(first + (40 if kind == _IMAGES else 20))
    element = _HEADER_BYTES[kind] + _element_bytes(name, stream, kind)
    if count * element > size:
        raise InputError(
            f"{name}: truncated: complete frames: {max(0, size - first) // element} of {count}; TIA SER cannot be read "
            "in part"
        )


def _element_bytes(name: str, stream: BinaryIO, kind: int) -> int:
    """Return the bytes of the picture or spectrum whose type and size stand here."""
    (code,) = _unpacked(stream, "<H")
    depth = _PIXEL_BYTES.get(code)
    if depth is None:
        raise InputError(f"{name}: damaged: pixels of the unknown type {code}")
    if kind == _SPECTRA:
        return int(_unpacked(stream, "<I")[0]) * depth
    width, height = _unpacked(stream, "<II")
    check_frame_claim(name, height, width, depth)
    return int(height * width * depth)


def _unpacked(stream: BinaryIO, form: str) -> tuple[int, ...]:
    return struct.unpack(form, stream.read(struct.calcsize(form)))
