"""A TIFF stack that is still being written: classic or BigTIFF, page by page or one header and frames behind it.

Strategy: the chain of pages is followed by its offsets alone, each look going on from the last page of the one before.
A page counts when its own entries and all of its pixels lie within the file; a chain that leads behind the end of the
file is waited for. A writer that puts one header before all frames (ImageJ, tifffile with ``contiguous``) leaves no
chain: there the length of the file tells how many frames stand behind the header.
"""

from __future__ import annotations

import struct
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from tem_track.errors import InputError
from tem_track.read.growing.opening import bytes_now
from tem_track.read.growing.times import extended_times
from tem_track.read.quiet import listening
from tem_track.read.recording import ReadFrames, Recording
from tem_track.read.tiff.layout import find_layout
from tem_track.read.tiff.meaning import grey_reader
from tem_track.read.tiff.stack import opened_tiff, read_tiff

# A page has some twenty entries; more than this is no page yet.
_MOST_ENTRIES = 4096


class GrowingTiff:
    """Frames of a growing TIFF stack.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputError
        Not one page is complete yet.
    """

    def __init__(self, path: Path):
        self._path = path
        first = read_tiff(path, True)
        self._size = first.shape[1:]
        # Without a buffer, which would show again what stood at the end of the file before it grew.
        stream = path.open("rb", buffering=0)
        weakref.finalize(self, stream.close)
        with listening():
            self._tif = opened_tiff(path, stream)
        layout = find_layout(self._tif, path.name)
        if layout.stride != 1:
            raise InputError(f"{path.name}: holds several channels; it can be read once it is complete")
        self._meaning, self._dtype = grey_reader(layout.keyframe, layout.tail, path.name)
        self._stored_shape, self._stored_dtype = layout.stored_shape, layout.dtype
        self._frame_bytes = layout.frame_bytes
        page = self._tif.pages.first
        self._pages = [int(page.offset)]
        self._layout_key = (page.imagelength, page.imagewidth, page.samplesperpixel, page.dtype)
        # Frames in one piece behind one header: where they begin.
        self._behind = _frames_behind(page)
        self._claimed = max(layout.frames, layout.frames_claimed)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def look(self) -> int:
        """Return how many frames are complete now."""
        size = bytes_now(self._path)
        if size < self._tif.pages.first.offset:
            raise InputError(f"{self._path.name}: was replaced while it was being recorded")
        with self._tif.filehandle.lock:
            self._follow_chain(size)
        self._count = max(self._count, self._complete(size))
        return self._count

    def __getitem__(self, k: int, /) -> NDArray[Any]:
        if not 0 <= k < self._count:
            raise IndexError(f"frame {k} of {self._count}")
        if len(self._pages) > 1 or self._behind is None:
            with self._tif.filehandle.lock:
                stored = self._page(k).asarray(maxworkers=1).reshape(self._stored_shape)
        else:
            where = self._behind + k * self._frame_bytes
            # A plain copy: the map ends here, so a file that shrinks later cannot kill the process.
            stored = np.array(np.memmap(self._path, self._stored_dtype, "r", where, self._stored_shape))
        return self._meaning(stored)

    def recording(self) -> Recording:
        """Return what the file says of the frames that are complete."""
        found = read_tiff(self._path, True)
        count = max(1, self._count)
        found.shape = (count, *self._size)
        found.frames = ReadFrames(found.shape, self.__getitem__, self._path.name, serial=False)
        if found.times_s is not None and len(found.times_s) != count:
            found.times_s = extended_times(found.times_s, count)
        # It is not a damaged file, only an unfinished one.
        found.warnings = [text for text in found.warnings if not text.startswith("truncated")]
        return found

    def _follow_chain(self, size: int) -> None:
        """Add the pages that were linked since the last look."""
        while True:
            following = self._next_page(self._pages[-1], size)
            # Zeros stand where a writer has reserved space; a chain that turns back would never end.
            if following <= self._pages[-1] or self._entries(following, size) is None:
                return
            self._pages.append(following)

    def _entries(self, offset: int, size: int) -> int | None:
        """Return how many entries the page at an offset has, None where it is not wholly in the file yet."""
        tiff = self._tif.tiff
        if offset + tiff.tagnosize > size:
            return None
        self._tif.filehandle.seek(offset)
        (count,) = struct.unpack(tiff.tagnoformat, self._tif.filehandle.read(tiff.tagnosize))
        end = offset + tiff.tagnosize + count * tiff.tagsize + tiff.offsetsize
        return int(count) if 0 < count <= _MOST_ENTRIES and end <= size else None

    def _next_page(self, offset: int, size: int) -> int:
        """Return where the page after the one at an offset begins, 0 for nowhere yet."""
        tiff = self._tif.tiff
        count = self._entries(offset, size)
        if count is None:
            return 0
        self._tif.filehandle.seek(offset + tiff.tagnosize + count * tiff.tagsize)
        return int(struct.unpack(tiff.offsetformat, self._tif.filehandle.read(tiff.offsetsize))[0])

    def _complete(self, size: int) -> int:
        """Return how many leading frames have all of their pixels in the file."""
        if len(self._pages) == 1 and self._behind is not None:
            held = (size - self._behind) // self._frame_bytes
            return int(max(0, min(held, self._claimed) if self._claimed > 1 else held))
        count = self._count
        while count < len(self._pages) and self._is_complete(count, size):
            count += 1
        return count

    def _is_complete(self, k: int, size: int) -> bool:
        with self._tif.filehandle.lock:
            page = self._page(k)
        key = (page.imagelength, page.imagewidth, page.samplesperpixel, page.dtype)
        if key != self._layout_key:
            raise InputError(f"{self._path.name}: page {k} differs in size or type from the first; a movie has one")
        ends = [offset + count for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False)]
        return bool(ends) and max(ends) <= size and min(page.databytecounts) > 0

    def _page(self, k: int) -> tifffile.TiffPage:
        self._tif.filehandle.seek(self._pages[k])
        return tifffile.TiffPage(self._tif, k)


def _frames_behind(page: tifffile.TiffPage) -> int | None:
    """Return the byte where frames begin that follow their only header in one piece; None where that cannot be.

    The header must stand before them, or the next header would be taken for pixels.
    """
    if page.compression != 1 or page.is_tiled or not page.is_contiguous:
        return None
    begin = int(min(page.dataoffsets))
    return begin if page.offset < begin else None
