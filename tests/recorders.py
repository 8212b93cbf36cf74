"""Cameras for tests: objects that write frames one by one in the ways that programs at microscopes do."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import tifffile
from numpy.typing import NDArray


class Recorder(Protocol):
    """Writes a recording frame by frame; `close` finishes it."""

    path: Path

    def write(self, frame: NDArray[Any]) -> None: ...

    def close(self) -> None: ...


class PagesRecorder:
    """A TIFF page per frame: header and pixels of each, then the link of the page before, as libtiff does it."""

    def __init__(self, path: Path, big: bool = False):
        self.path = path
        self._big = big
        # Byte order, magic, offset of the first page: not known yet.
        path.write_bytes(b"II" + (struct.pack("<HHHQ", 43, 8, 0, 0) if big else struct.pack("<HI", 42, 0)))
        self._link = 8 if big else 4

    def write(self, frame: NDArray[Any]) -> None:
        self.write_pixels(frame)
        self.write_page(frame)

    def write_pixels(self, frame: NDArray[Any], share: float = 1.0) -> None:
        """Append the pixels, or the first share of them."""
        stored = frame.astype("<u2").tobytes()
        with self.path.open("ab") as stream:
            self._pixels = stream.tell()
            stream.write(stored[: round(share * len(stored))])

    def write_page(self, frame: NDArray[Any]) -> None:
        """Append the page's entries, then link it."""
        with self.path.open("r+b") as stream:
            stream.seek(0, 2)
            page = stream.tell()
            stream.write(self._entries(frame))
            stream.seek(self._link)
            stream.write(struct.pack("<Q" if self._big else "<I", page))
        self._link = page + self._entries_bytes() - (8 if self._big else 4)

    def close(self) -> None:
        """Nothing is left to do: the chain ends where it ends."""

    def _tags(self, frame: NDArray[Any]) -> list[tuple[int, int]]:
        height, width = frame.shape
        return [
            (256, width), (257, height), (258, 16), (259, 1), (262, 1), (273, self._pixels), (277, 1), (278, height),
            (279, frame.size * 2),
        ]  # fmt: skip

    def _entries_bytes(self) -> int:
        return 8 + 9 * 20 + 8 if self._big else 2 + 9 * 12 + 4

    def _entries(self, frame: NDArray[Any]) -> bytes:
        entry, count, last = ("<HHQQ", "<Q", "<Q") if self._big else ("<HHII", "<H", "<I")
        tags = self._tags(frame)
        packed = b"".join(struct.pack(entry, tag, 16 if self._big else 4, 1, value) for tag, value in tags)
        return struct.pack(count, len(tags)) + packed + struct.pack(last, 0)


class TifffileRecorder:
    """What a Python script with tifffile writes; `contiguous`: one header, the frames in one piece behind it."""

    def __init__(self, path: Path, contiguous: bool = False, **options: Any):
        self.path = path
        self._contiguous, self._options = contiguous, options
        self._writer = tifffile.TiffWriter(
            path, bigtiff=options.pop("bigtiff", False), imagej=options.pop("imagej", False)
        )

    def write(self, frame: NDArray[Any]) -> None:
        self._writer.write(frame, contiguous=self._contiguous, photometric="minisblack", **self._options)
        self._writer.filehandle.flush()

    def close(self) -> None:
        self._writer.close()


class MrcRecorder:
    """An MRC whose header claims no frames until it is closed."""

    def __init__(self, path: Path, shape: tuple[int, int], pixel_size_nm: float = 0.5):
        self.path = path
        self._shape, self._nm, self._count = shape, pixel_size_nm, 0
        path.write_bytes(self._header())

    def write(self, frame: NDArray[Any]) -> None:
        with self.path.open("ab") as stream:
            stream.write(frame.astype("<u2").tobytes())
        self._count += 1

    def close(self) -> None:
        with self.path.open("r+b") as stream:
            stream.write(self._header())

    def _header(self) -> bytes:
        height, width = self._shape
        head = bytearray(1024)
        struct.pack_into("<4i", head, 0, width, height, self._count, 6)
        struct.pack_into("<3i", head, 28, width, height, max(1, self._count))
        edges = [10 * self._nm * side for side in (width, height)]
        struct.pack_into("<3f", head, 40, *edges, float(max(1, self._count)))
        struct.pack_into("<3i", head, 64, 1, 2, 3)
        head[208:212], head[212:216] = b"MAP ", b"DD\0\0"
        return bytes(head)


class FolderRecorder:
    """A folder that gets a TIFF per frame; `name` says where frame k goes."""

    def __init__(self, path: Path, name: Callable[[int], str] = lambda k: f"frame_{k:05d}.tif"):
        self.path = path
        self._name, self.count = name, 0
        path.mkdir(parents=True, exist_ok=True)

    def write(self, frame: NDArray[Any]) -> None:
        file = self.path / self._name(self.count)
        file.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(file, frame, photometric="minisblack")
        self.count += 1

    def close(self) -> None:
        """Nothing is left to do."""


def tree_name(frames_per_second: int) -> Callable[[int], str]:
    """Return where a Gatan in-situ recording puts frame k."""

    def name(k: int) -> str:
        second, number = divmod(k, frames_per_second)
        folder = f"Hour_{second // 3600:02d}/Minute_{second // 60 % 60:02d}/Second_{second % 60:02d}"
        return f"{folder}/movie_{folder.replace('/', '_')}_Frame_{number:04d}.tif"

    return name
