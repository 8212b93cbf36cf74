"""Small files that claim, or unpack to, far more than they are: each must be refused before memory is taken for it."""

from __future__ import annotations

import functools
import io
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

# Side of the pictures: 400 million pixels, beyond any camera and, as float32, beyond the memory a request may take.
SIDE = 20_000


def bombs(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of every bomb; `folder` is used to write some."""
    writers: dict[str, Callable[[Path], None]] = {
        "deflate.tif": lambda path: _tiff(path, 8),
        "lzw.tif": lambda path: _tiff(path, 5),
        "one-strip-for-all.tif": _repeated_strip,
        "sparse-tiles.tif": _sparse_tiles,
        "zeros.png": _png,
        "blank.jpg": _jpeg,
        "m.gif": _gif,
        "m.avi": _avi,
        "chunks.emd": _hdf5_chunks,
        "unwritten.hspy": _hdf5_unwritten,
        "laughs.ome.tif": _laughs,
        "loop.tif": _loop,
        "pages.tif": _many_pages,
        "m.zspy": _zspy,
        "zip.zspy": _zipped,
        "claims.npy": _npy,
    }
    for name, write in writers.items():
        path = folder / f"bomb-{name}"
        write(path)
        yield path.name, path.read_bytes()


@functools.cache
def _zeros(length: int) -> bytes:
    """Return deflated zeros: one packed megabyte again and again, since a full flush makes it stand by itself."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    rest = packer.compress(bytes(length % 2**20)) + packer.flush()
    return b"\x78\xda" + piece * (length // 2**20) + rest + struct.pack(">I", zlib.adler32(bytes(length)))


def _ifd(tags: list[tuple[int, int, int, int]], data: bytes) -> bytes:
    """Return a classic little-endian TIFF of one page, its data at byte 8."""
    at = 8 + len(data) + len(data) % 2
    body = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
    return b"II*\0" + struct.pack("<I", at) + data.ljust(at - 8, b"\0") + struct.pack("<H", len(tags)) + body + bytes(4)


def _grey_tags(compression: int) -> list[tuple[int, int, int, int]]:
    return [(256, 4, 1, SIDE), (257, 4, 1, SIDE), (258, 3, 1, 8), (259, 3, 1, compression), (262, 3, 1, 1)]


def _tiff(path: Path, compression: int) -> None:
    """One strip that unpacks to the whole picture (LZW: that claims to)."""
    data = _zeros(SIDE * SIDE) if compression == 8 else b"\x80\x0b\x60\x50\x22\x0c\x0c\x85\x01" * 1000
    path.write_bytes(_ifd([*_grey_tags(compression), (273, 4, 1, 8), (278, 4, 1, SIDE), (279, 4, 1, len(data))], data))


def _repeated_strip(path: Path) -> None:
    """Twenty thousand uncompressed strips that are all the same one."""
    row = bytes(SIDE)
    places, lengths = struct.pack("<I", 8) * SIDE, struct.pack("<I", SIDE) * SIDE
    data = row + places + lengths
    tags = [(273, 4, SIDE, 8 + SIDE), (278, 4, 1, 1), (279, 4, SIDE, 8 + SIDE + len(places))]
    path.write_bytes(_ifd([*_grey_tags(1), *tags], data))


def _sparse_tiles(path: Path) -> None:
    """Tiles that are not there at all (place and length 0), which readers fill with zeros."""
    count = (SIDE // 16) ** 2
    none = bytes(4 * count)
    tags = [(322, 4, 1, 16), (323, 4, 1, 16), (324, 4, count, 8), (325, 4, count, 8)]
    path.write_bytes(_ifd([*_grey_tags(8), *tags], none))


def _loop(path: Path) -> None:
    """A page that is followed by itself."""
    page = bytearray(_ifd([(256, 4, 1, 8), (257, 4, 1, 8), (258, 3, 1, 8), (273, 4, 1, 8), (279, 4, 1, 64)], bytes(64)))
    page[-4:] = page[4:8]
    path.write_bytes(bytes(page))


def _many_pages(path: Path) -> None:
    """Thousands of pages of one tag."""
    count, length = 20_000, 18
    pages = (
        struct.pack("<HHHIII", 1, 256, 4, 1, 8, 8 + length * (k + 1) if k < count - 1 else 0) for k in range(count)
    )
    path.write_bytes(b"II*\0" + struct.pack("<I", 8) + b"".join(pages))


def _png(path: Path) -> None:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)
    packed = _zeros(SIDE * (SIDE + 1))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b""))


def _blank_jpeg(side: int) -> bytes:
    """Return a blank grey JPEG: that of one row of blocks, the row said once for each."""
    import imagecodecs

    return bytes(imagecodecs.jpeg_encode(np.zeros((side, side), np.uint8), level=30))


def _jpeg(path: Path) -> None:
    """A picture of 64 x 64 pixels whose header claims a gigapixel."""
    body = bytearray(_blank_jpeg(64))
    at = body.index(b"\xff\xc0")
    struct.pack_into(">HH", body, at + 5, 16_000, 65_500)
    path.write_bytes(bytes(body))


def _gif(path: Path) -> None:
    from PIL import Image

    stream = io.BytesIO()
    Image.new("L", (64, 64)).save(stream, "GIF", save_all=True, append_images=[Image.new("L", (64, 64), 9)])
    body = bytearray(stream.getvalue())
    struct.pack_into("<HH", body, 6, SIDE, SIDE)
    path.write_bytes(bytes(body))


def _avi(path: Path) -> None:
    """A motion JPEG whose only frame is blank and has 144 million pixels."""
    side, picture = 12_000, _blank_jpeg(12_000)

    def chunk(name: bytes, body: bytes) -> bytes:
        return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)

    main = struct.pack("<14I", 100_000, 0, 0, 0x10, 1, 0, 1, 0, side, side, 0, 0, 0, 0)
    stream = b"vidsMJPG" + struct.pack("<10I4H", 0, 0, 0, 1, 10, 0, 1, 0, 0, 0, 0, 0, 0, 0)
    form = struct.pack("<IiiHH4sIiiII", 40, side, side, 1, 24, b"MJPG", 0, 0, 0, 0, 0)
    lists = chunk(b"avih", main) + chunk(b"LIST", b"strl" + chunk(b"strh", stream) + chunk(b"strf", form))
    movie = chunk(b"LIST", b"movi" + chunk(b"00dc", picture))
    path.write_bytes(chunk(b"RIFF", b"AVI " + chunk(b"LIST", b"hdrl" + lists) + movie))


def _hdf5_chunks(path: Path) -> None:
    """One chunk of zeros, well packed, that holds all frames."""
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs.update(version_major=0, version_minor=2)
        group = file.create_group("data/movie")
        group.attrs["emd_group_type"] = 1
        shape = (4000, 4000, 80)
        dataset = group.create_dataset("data", shape=shape, dtype="u1", chunks=shape, compression="gzip")
        dataset.id.write_direct_chunk((0, 0, 0), _zeros(4000 * 4000 * 80))
        for k, size in enumerate(shape):
            group.create_dataset(f"dim{k + 1}", data=np.arange(size, dtype=np.float32))


def _hdf5_unwritten(path: Path) -> None:
    """A movie of which not one frame was written, beside frames enough to make the file look well filled."""
    import h5py

    from tests.robustness.hdf5_files import fill_hspy

    with h5py.File(path, "w") as file:
        fill_hspy(file, np.zeros((3, 16, 16), np.uint8))
        del file["Experiments/movie/data"]
        file["Experiments/movie"].create_dataset(
            "data", shape=(3, SIDE, SIDE), dtype="u1", chunks=(1, SIDE, SIDE), compression="gzip"
        )


def _laughs(path: Path) -> None:
    """An OME description whose entities unfold to gigabytes, and which names other files."""
    import tifffile

    entities = "".join(f'<!ENTITY a{k} "{f"&a{k - 1};" * 10}">' for k in range(1, 12))
    xml = (
        f'<?xml version="1.0"?><!DOCTYPE OME [<!ENTITY a0 "ha"><!ENTITY x SYSTEM "file:///etc/passwd">{entities}]>'
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0" Name="&a11;&x;">'
        '<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="16" SizeY="16" SizeZ="1" SizeC="1" SizeT="3">'
        '<TiffData IFD="0" FirstT="0"><UUID FileName="../../../../etc/passwd">urn:uuid:x</UUID></TiffData>'
        "</Pixels></Image></OME>"
    )
    with tifffile.TiffWriter(path) as writer:
        for k in range(3):
            writer.write(
                np.zeros((16, 16), np.uint8),
                photometric="minisblack",
                description=xml if k == 0 else None,
                metadata=None,
            )


def _zspy_store(path: Path, packing: int) -> None:
    import json
    import zipfile

    zarray = {
        "chunks": [1, SIDE, SIDE],
        "compressor": None,
        "dtype": "|u1",
        "fill_value": 0,
        "filters": None,
        "order": "C",
        "shape": [3, SIDE, SIDE],
        "zarr_format": 2,
    }
    group, movie = json.dumps({"zarr_format": 2}), "Experiments/movie"
    with zipfile.ZipFile(path, "w", packing) as store:
        for name in ("", "Experiments/", f"{movie}/", f"{movie}/metadata/", f"{movie}/original_metadata/"):
            store.writestr(f"{name}.zgroup", group)
        store.writestr(".zattrs", json.dumps({"file_format": "ZSpy", "file_format_version": "3.1"}))
        store.writestr(f"{movie}/data/.zarray", json.dumps(zarray))
        for k, (name, size) in enumerate((("time", 3), ("y", SIDE), ("x", SIDE))):
            axis = {"_type": "UniformDataAxis", "name": name, "units": "nm", "scale": 1.0, "offset": 0.0, "size": size}
            store.writestr(f"{movie}/axis-{k}/.zgroup", group)
            store.writestr(f"{movie}/axis-{k}/.zattrs", json.dumps({**axis, "navigate": k < 1}))
        if packing:
            store.writestr(f"{movie}/data/0.0.0", bytes(SIDE * SIDE))


def _zspy(path: Path) -> None:
    """A movie of which not one chunk is there."""
    _zspy_store(path, 0)


def _zipped(path: Path) -> None:
    """A chunk of zeros that the ZIP archive itself has packed."""
    _zspy_store(path, 8)


def _npy(path: Path) -> None:
    """An array that claims terabytes."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<u2", "fortran_order": False, "shape": (6, 2**20, 2**20)})
    path.write_bytes(stream.getvalue() + bytes(1000))
