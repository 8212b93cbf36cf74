"""Small valid files of microscope makers, written byte by byte, so that what is changed in them is known."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[Any]
# Codes of DigitalMicrograph's tag types and of its image types, as RosettaSciIO's reader names them.
_DM_LONG, _DM_FLOAT, _DM_CHARS, _DM_ARRAY = 3, 6, 4, 20
_DM_ELEMENT = {"uint8": 10, "int16": 2, "uint16": 4, "float32": 6}
_DM_IMAGE = {"uint8": 6, "int16": 1, "uint16": 10, "float32": 2}
_TIA_TYPE = {"uint8": 1, "uint16": 2, "int16": 5, "float32": 7}


class DmWriter:
    """Tags of a DM3 or DM4 file: sizes big-endian (4 bytes in DM3, 8 in DM4), values little-endian."""

    def __init__(self, version: int):
        self.version = version

    def size(self, number: int) -> bytes:
        """Return a count or length."""
        return struct.pack(">q" if self.version == 4 else ">i", number)

    def tag(self, name: str, kind: int, body: bytes) -> bytes:
        """Return a tag (20 = group, 21 = value) with its name."""
        length = self.size(len(body)) if self.version == 4 else b""
        return struct.pack(">bh", kind, len(name)) + name.encode() + length + body

    def value(self, name: str, definition: Sequence[int], content: bytes) -> bytes:
        """Return a value tag."""
        words = b"".join(map(self.size, definition))
        return self.tag(name, 21, b"%%%%" + self.size(len(definition)) + words + content)

    def long(self, name: str, number: int) -> bytes:
        """Return a 32-bit whole number."""
        return self.value(name, [_DM_LONG], struct.pack("<i", number))

    def real(self, name: str, number: float) -> bytes:
        """Return a 32-bit real number."""
        return self.value(name, [_DM_FLOAT], struct.pack("<f", number))

    def text(self, name: str, text: str) -> bytes:
        """Return a text of 16-bit letters."""
        return self.value(name, [_DM_ARRAY, _DM_CHARS, len(text)], text.encode("utf-16-le"))

    def group(self, name: str, members: Sequence[bytes]) -> bytes:
        """Return a group of tags."""
        return self.tag(name, 20, b"\1\0" + self.size(len(members)) + b"".join(members))

    def file(self, members: Sequence[bytes]) -> bytes:
        """Return a whole file."""
        root = b"\1\0" + self.size(len(members)) + b"".join(members)
        return struct.pack(">i", self.version) + self.size(len(root)) + struct.pack(">i", 1) + root + bytes(8)


def dm_file(frames: Frames, version: int, nm: float = 0.5) -> bytes:
    """Return a DM3 or DM4 file with a stack (T, Y, X) or an image (Y, X)."""
    dm, sizes = DmWriter(version), frames.shape[::-1]
    scales = [(nm, "nm"), (nm, "nm"), (0.4, "s")][: frames.ndim]
    axes = [
        dm.group("", [dm.real("Origin", 0.0), dm.real("Scale", scale), dm.text("Units", unit)])
        for scale, unit in scales
    ]
    brightness = dm.group("Brightness", [dm.real("Origin", 0.0), dm.real("Scale", 1.0), dm.text("Units", "counts")])
    kind = str(frames.dtype)
    picture = dm.group(
        "ImageData",
        [
            dm.group("Calibrations", [brightness, dm.group("Dimension", axes)]),
            dm.value("Data", [_DM_ARRAY, _DM_ELEMENT[kind], frames.size], frames.tobytes()),
            dm.long("DataType", _DM_IMAGE[kind]),
            dm.group("Dimensions", [dm.long("", size) for size in sizes]),
            dm.long("PixelDepth", frames.itemsize),
        ],
    )
    image = dm.group("", [picture, dm.group("ImageTags", [dm.text("Operator", "nobody")]), dm.text("Name", "movie")])
    return dm.file([dm.long("ApplicationBounds", 0), dm.group("ImageList", [image]), dm.long("InImageMode", 1)])


def mrc_file(frames: Frames, angstrom: float = 5.0) -> bytes:
    """Return an MRC2014 file of int16 or float32."""
    count, height, width = frames.shape
    header = np.zeros(256, "<i4")
    header[:4] = width, height, count, {"int16": 1, "float32": 2, "uint16": 6}[str(frames.dtype)]
    header[7:10] = width, height, count
    header.view("<f4")[10:13] = width * angstrom, height * angstrom, count * angstrom
    header[52], header[53] = int.from_bytes(b"MAP ", "little"), 0x4444
    return header.tobytes() + frames.tobytes()


def ser_file(frames: Frames, metres: float = 5e-10) -> bytes:
    """Return a TIA SER series of images (version 0x0210, 32-bit offsets)."""
    count, height, width = frames.shape
    name, unit = b"Number", b""
    dimension = struct.pack("<IddII", count, 0.0, 1.0, 0, len(name)) + name + struct.pack("<I", len(unit)) + unit
    begin = 30 + len(dimension)
    first = begin + 8 * count
    head = struct.pack("<ddI", 0.0, metres, 0) * 2 + struct.pack("<HII", _TIA_TYPE[str(frames.dtype)], width, height)
    tag = struct.pack("<HHI", 16722, 0, 1_600_000_000)
    elements = [head + frame[::-1].tobytes() + tag for frame in frames]
    places = [first + k * len(elements[0]) for k in range(count)]
    tags = [place + len(elements[0]) - len(tag) for place in places]
    header = struct.pack("<HHHIIIIII", 0x4949, 0x0197, 0x0210, 0x4122, 0x4152, count, count, begin, 1)
    return header + dimension + struct.pack(f"<{2 * count}I", *places, *tags) + b"".join(elements)


def emi_file() -> bytes:
    """Return the part of a TIA EMI file that is read: the XML about each recording."""
    xml = (
        "<ObjectInfo><Uuid>1</Uuid><AcquireDate>Mon Nov 23 10:00:00 2020</AcquireDate><ExperimentalDescription><Root>"
        "<Data><Label>Mode</Label><Value>TEM Imaging</Value><Unit></Unit></Data></Root></ExperimentalDescription>"
        "</ObjectInfo>"
    )
    return b"JL\x02\x42" + bytes(60) + xml.encode() + bytes(20)


def tvips_file(frames: Frames, nm: int = 1) -> bytes:
    """Return a TVIPS file (version 2) of uint16 frames."""
    count, height, width = frames.shape
    # Size of this header, version, width, height, bits, offsets, binning, nm per pixel, voltage, magnification, and
    # the bytes in front of every frame: fifteen numbers.
    header = struct.pack("<13I", 256, 2, width, height, 16, 0, 0, 1, 1, nm, 200_000, 50_000, 60)
    parts = [header.ljust(256, b"\0")]
    for k in range(count):
        before = struct.pack("<4IfI", k, 1_600_000_000 + k, 0, 0, 0.0, 50_000) + struct.pack("<I", 1)
        parts.append(before.ljust(60, b"\0") + frames[k].astype("<u2").tobytes())
    return b"".join(parts)
