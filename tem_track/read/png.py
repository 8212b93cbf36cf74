"""The picture in a PNG, taken out of it and checked before libpng sees it.

libpng says on the terminal what it does not like, past Python, and unpacks as much as a stream holds. So the checksums,
the palette and the compressed stream are gone through here, and what libpng gets is a file that holds nothing but the
picture, whole and of the length that its header states.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

# Samples per pixel, and the depths there are, by colour type (PNG specification, table 11.1).
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_PALETTE = 3
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# First row and column and the steps of the seven passes of an interlaced picture (PNG specification, 8.2).
_PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def png_size(head: bytes) -> tuple[int, int, int]:
    """Return height and width in px and bytes per pixel, from the first 33 bytes.

    Raises
    ------
    ValueError, KeyError, struct.error
        Not the header of a PNG.
    """
    height, width, bits, colour, _ = _header(head[16:29])
    return height, width, _SAMPLES[colour] * max(1, bits // 8)


def plain_png(stored: bytes) -> bytes:
    """Return a PNG that holds the same picture and nothing else.

    Parameters
    ----------
    stored : bytes
        A PNG whose size has been found possible.

    Raises
    ------
    ValueError
        A checksum is wrong, the picture is incomplete or damaged.
    """
    pieces: dict[bytes, list[bytes]] = {}
    for name, body in _chunks(stored):
        pieces.setdefault(name, []).append(body)
        if name == b"IEND":
            break
    if b"IHDR" not in pieces:
        raise ValueError("incomplete")
    header = pieces[b"IHDR"][0]
    _, _, bits, colour, _ = _header(header)
    parts = [_SIGNATURE, _chunk(b"IHDR", header)]
    if colour == _PALETTE:
        parts.append(_chunk(b"PLTE", _palette(pieces.get(b"PLTE", [b""])[0], bits)))
    picture = _unpacked(b"".join(pieces.get(b"IDAT", [])), _picture_bytes(header))
    # Stored, not compressed: libpng then has nothing to do but copy.
    return b"".join([*parts, _chunk(b"IDAT", zlib.compress(picture, 0)), _chunk(b"IEND", b"")])


def _header(body: bytes) -> tuple[int, int, int, int, bool]:
    """Return height, width, bits per sample, colour type and whether the picture is interlaced."""
    width, height, bits, colour, packing, filters, interlace = struct.unpack(">IIBBBBB", body)
    if bits not in _DEPTHS[colour] or packing or filters or interlace > 1:
        raise ValueError("not a PNG header")
    return height, width, bits, colour, bool(interlace)


def _chunks(stored: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the pieces that make the picture; text, colour profiles and the like are left out."""
    at = len(_SIGNATURE)
    while at + 12 <= len(stored):
        (length,) = struct.unpack_from(">I", stored, at)
        name, body = stored[at + 4 : at + 8], stored[at + 8 : at + 8 + length]
        if name in (b"IHDR", b"PLTE", b"IDAT", b"IEND"):
            checksum = stored[at + 8 + length : at + 12 + length]
            if checksum != struct.pack(">I", zlib.crc32(body, zlib.crc32(name))):
                raise ValueError("a checksum is wrong")
            yield name, body
        at += 12 + length


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(name)))


def _palette(entries: bytes, bits: int) -> bytes:
    """Return the palette with an entry (black) for every number that a pixel can hold."""
    if not entries or len(entries) % 3:
        raise ValueError("no palette")
    return entries[: 3 * 2**bits].ljust(3 * 2**bits, b"\0")


def _unpacked(packed: bytes, length: int) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        # One byte more than there may be, so that the end of the stream, with its checksum, is reached.
        picture = unpacker.decompress(packed, length + 1)
    except zlib.error as error:
        raise ValueError("the picture is damaged") from error
    if len(picture) < length:
        raise ValueError("the picture is not complete")
    return picture[:length]


def _picture_bytes(header: bytes) -> int:
    """Return how many bytes the rows of a picture take, each with the byte that names its filter."""
    height, width, bits, colour, interlaced = _header(header)
    pixel_bits = bits * _SAMPLES[colour]
    total = 0
    for top, left, down, across in _PASSES if interlaced else ((0, 0, 1, 1),):
        rows, columns = -(-(height - top) // down), -(-(width - left) // across)
        if rows > 0 and columns > 0:
            total += rows * (1 + -(-columns * pixel_bits // 8))
    return total
