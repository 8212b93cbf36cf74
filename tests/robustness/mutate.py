"""Damage done to the bytes of a file: anywhere, in its header's numbers, in its pieces, in its tags."""

from __future__ import annotations

import contextlib
import re
import struct
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np

from tests.robustness.hdf5_files import spoil

Rng: TypeAlias = np.random.Generator
Damage: TypeAlias = Callable[[bytearray, Rng], None]

# Numbers that programs trip over: signs, halves, alignments, the largest of every width.
_EXTREMES = (
    *(0, 1, 2, 3, 7, 8, 255, 256, 32767, 32768, 65535, 65536, 2**20, 2**24, 10**6, 10**9),
    *(2**31 - 1, 2**31, 2**32 - 1, 2**32 - 4, 2**32 - 16, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**64 - 8),
)
_FIELD = {1: "B", 2: "H", 4: "I", 8: "Q"}
_FLOATS = (float("nan"), float("inf"), -1.0, 0.0, 1e308, 1e-320)


def damaged(content: bytes, kind: str, rng: Rng) -> bytes:
    """Return a file with one to four kinds of damage."""
    if kind == "hdf5" and rng.random() < 0.5:
        return _spoilt_hdf5(content, rng)
    body = bytearray(content)
    choices = [*_GENERAL, *(3 * _SPECIAL.get(kind, ()))]
    for _ in range(int(rng.choice([1, 1, 1, 2, 2, 3, 4]))):
        if body:
            choices[int(rng.integers(len(choices)))](body, rng)
    return bytes(body)


def _spoilt_hdf5(content: bytes, rng: Rng) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.h5"
        path.write_bytes(content)
        # Of two attacks that exclude each other, what the first left is taken.
        with contextlib.suppress(ValueError, KeyError, OSError, RuntimeError, TypeError, AttributeError):
            spoil(path, rng)
        return path.read_bytes()


def _place(body: bytearray, rng: Rng) -> int:
    """Return a place in the file, more often near its beginning, where headers are."""
    reach = min(len(body), int(rng.choice([32, 128, 1024, 8192, 10**9])))
    return int(rng.integers(reach))


def _flip_bits(body: bytearray, rng: Rng) -> None:
    for _ in range(int(rng.choice([1, 2, 8, 64]))):
        body[_place(body, rng)] ^= 1 << int(rng.integers(8))


def _random_bytes(body: bytearray, rng: Rng) -> None:
    at, length = _place(body, rng), int(rng.choice([1, 4, 16, 256]))
    body[at : at + length] = rng.bytes(len(body[at : at + length]))


def _truncate(body: bytearray, rng: Rng) -> None:
    del body[int(rng.integers(len(body))) :]


def _cut_out(body: bytearray, rng: Rng) -> None:
    at = _place(body, rng)
    del body[at : at + int(rng.choice([1, 2, 4, 16, 512]))]


def _repeat(body: bytearray, rng: Rng) -> None:
    at, length = _place(body, rng), int(rng.choice([4, 16, 256, 4096]))
    body[at:at] = body[at : at + length] * int(rng.choice([1, 1, 3, 50]))


def _swap(body: bytearray, rng: Rng) -> None:
    length = int(rng.choice([4, 16, 256, 1024]))
    a, b = sorted((_place(body, rng), _place(body, rng)))
    if a + length <= b and b + length <= len(body):
        body[a : a + length], body[b : b + length] = body[b : b + length], body[a : a + length]


def _blank(body: bytearray, rng: Rng) -> None:
    at, length = _place(body, rng), int(rng.choice([4, 64, 1024, 10**6]))
    body[at : at + length] = bytes([int(rng.choice([0, 255]))]) * len(body[at : at + length])


def _append(body: bytearray, rng: Rng) -> None:
    body += rng.bytes(int(rng.choice([1, 100, 5000])))


def _extreme_field(body: bytearray, rng: Rng) -> None:
    width = int(rng.choice([1, 2, 4, 4, 4, 8]))
    at = _place(body, rng) // min(width, 4) * min(width, 4)
    _put(body, at, width, rng)


def _extreme_float(body: bytearray, rng: Rng) -> None:
    at = _place(body, rng) // 4 * 4
    form = ("<f", ">f", "<d", ">d")[int(rng.integers(4))]
    with np.errstate(all="ignore"):
        value = _FLOATS[int(rng.integers(len(_FLOATS)))]
        packed = struct.pack(form, value if form[1] == "d" else float(np.float32(value)))
    body[at : at + len(packed)] = packed[: len(body) - at]


def _put(body: bytearray, at: int, width: int, rng: Rng) -> None:
    """Write an extreme number of the given width at a place, in either byte order."""
    value = _EXTREMES[int(rng.integers(len(_EXTREMES)))] % 2 ** (8 * width)
    packed = struct.pack("<>"[int(rng.integers(2))] + _FIELD[width], value)
    body[at : at + width] = packed[: max(0, len(body) - at)]


def _tiff_tag(body: bytearray, rng: Rng) -> None:
    """Change the type, count, value or offset of one tag of the first directories."""
    if len(body) < 16 or body[:2] not in (b"II", b"MM"):
        return
    order = "<" if body[:2] == b"II" else ">"
    big = body[2:4] in (b"+\0", b"\0+")
    entry, head = (20, 8) if big else (12, 2)
    (at,) = struct.unpack_from(order + ("Q" if big else "I"), body, 8 if big else 4)
    if at + head > len(body):
        return
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), body, at)
    if not 0 < count < 1000:
        return
    place = at + head + entry * int(rng.integers(count))
    shift, width = (
        ((0, 2), (2, 2), (4, 8), (12, 8))[int(rng.integers(4))]
        if big
        else ((0, 2), (2, 2), (4, 4), (8, 4), (8, 2))[int(rng.integers(5))]
    )
    value = _EXTREMES[int(rng.integers(len(_EXTREMES)))] % 2 ** (8 * width)
    packed = struct.pack(order + _FIELD[width], value)
    body[place + shift : place + shift + width] = packed[: max(0, len(body) - place - shift)]


def _tiff_words(body: bytearray, rng: Rng) -> None:
    """Change what the description says: counts, axes, files beside it, units."""
    swaps = (
        (rb"images=\d+", b"images=999999999"),
        (rb"frames=\d+", b"frames=-1"),
        (rb"SizeT=\"\d+\"", b'SizeT="2147483647"'),
        (rb"SizeX=\"\d+\"", b'SizeX="99999999"'),
        (rb"DimensionOrder=\"\w+\"", b'DimensionOrder="../..'),
        (rb"<TiffData", b'<TiffData IFD="4294967295" PlaneCount="4294967295"'),
        (rb"UUID=\"[^\"]*\"", b'FileName="../../../../etc/passwd"'),
        (rb"PhysicalSizeX=\"[^\"]*\"", b'PhysicalSizeX="1e999"'),
        (rb"shape\": \[[^\]]*\]", b'shape": [99999999, 99999999, 9999]'),
        (rb"finterval=[\d.]+", b"finterval=nan"),
        (rb"<Pixels", b"<Pixels" + b" a='b'" * 500),
    )
    pattern, words = swaps[int(rng.integers(len(swaps)))]
    body[:] = re.sub(pattern, words.replace(b"\\", b"\\\\"), bytes(body), count=1)


def _near_name(names: tuple[bytes, ...]) -> Damage:
    """Return damage to the numbers just behind one of the given names."""

    def damage(body: bytearray, rng: Rng) -> None:
        found = [at.end() for name in names for at in re.finditer(re.escape(name), bytes(body))]
        if found:
            _put(body, found[int(rng.integers(len(found)))] + int(rng.integers(48)), int(rng.choice([1, 4, 4, 8])), rng)

    return damage


def _chunk(body: bytearray, rng: Rng) -> None:
    """Change the length beside one of the four-letter names that pieces of PNG, AVI and MP4 carry."""
    found = [at.start() for at in re.finditer(rb"[A-Za-z]{4}", bytes(body[: 2**16]))]
    if found:
        at = found[int(rng.integers(len(found)))]
        _put(body, max(0, at + int(rng.choice([-4, 4, 8, 12, 16, 20]))), 4, rng)


def _png_header(body: bytearray, rng: Rng) -> None:
    """Change the picture's size or depth and mend the checksum."""
    if len(body) > 33:
        _put(body, 16 + int(rng.choice([0, 4])), 4, rng) if rng.random() < 0.7 else _put(body, 24, 1, rng)
        struct.pack_into(">I", body, 29, zlib.crc32(bytes(body[12:29])))


def _fixed(offsets: tuple[int, ...], width: int) -> Damage:
    """Return damage to one of the numbers at fixed places of a header."""

    def damage(body: bytearray, rng: Rng) -> None:
        _put(body, int(rng.choice(offsets)), width, rng)

    return damage


_GENERAL: tuple[Damage, ...] = (
    *(_flip_bits, _random_bytes, _truncate, _cut_out, _repeat, _swap, _blank, _append),
    *(_extreme_field, _extreme_field, _extreme_float),
)
_SPECIAL: dict[str, tuple[Damage, ...]] = {
    "tiff": (_tiff_tag, _tiff_tag, _tiff_words),
    "png": (_png_header, _chunk),
    "jpeg": (_near_name((b"\xff\xc0", b"\xff\xc4", b"\xff\xdb", b"\xff\xda")),),
    "gif": (_fixed((6, 8, 10), 2),),
    "video": (_chunk, _chunk),
    "dm": (
        _near_name((b"Dimensions", b"DataType", b"PixelDepth", b"Data", b"ImageList", b"Calibrations", b"%%%%")),
        _fixed((0, 4, 8, 12, 14, 16, 18, 20, 22, 24, 28, 32), 4),
    ),
    "mrc": (_fixed((*range(0, 96, 4), 208, 212), 4),),
    "ser": (_fixed((0, 2, 4, 6, 10, 14, 18, 22, 26, 30), 4), _near_name((b"Number",))),
    "tvips": (_fixed(tuple(range(0, 52, 4)), 4),),
    "zip": (_near_name((b"PK\1\2", b"PK\3\4", b"PK\5\6", b"chunks", b"shape", b"dtype")),),
    "npy": (_near_name((b"NUMPY", b"shape", b"descr")),),
}
