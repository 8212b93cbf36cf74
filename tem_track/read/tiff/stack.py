"""TIFF stacks of every writer: plain, ImageJ, OME, DigitalMicrograph; classic and BigTIFF; compressed or not.

Strategy: tifffile finds the series and names its axes; `tiff_layout` decides which axis is time and where frame k
lies. Uncompressed frames that lie in one piece are memory-mapped one at a time (a map of the whole movie would count
against the memory of the process); all others are decoded page by page, seeks under tifffile's own lock, decoding
outside it. Other files that an OME-TIFF names are never opened.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tifffile
from numpy.typing import NDArray

from tem_track.errors import InputError
from tem_track.read.limits import check_frame_claim, check_frame_count
from tem_track.read.quiet import listening, silence_loggers
from tem_track.read.recording import ReadFrames, Recording
from tem_track.read.tiff.chain import check_chain
from tem_track.read.tiff.layout import Layout, find_layout
from tem_track.read.tiff.meaning import MeaningReader, grey_reader, label_reader
from tem_track.read.tiff.scale import find_scale, find_start, find_times

# What tifffile logs when the chain of pages leads out of the file (TiffPages._seek): the rest was cut off.
_BROKEN_CHAIN = "invalid page offset"


def read_tiff(path: Path, allow_truncated: bool, as_labels: bool = False) -> Recording:
    """Return the content of a TIFF file.

    Parameters
    ----------
    path : Path
    allow_truncated : bool
        Take the complete frames of a truncated file.
    as_labels : bool
        The numbers themselves are wanted: no palette, no inversion, no colour.

    Raises
    ------
    InputError
        Damaged, truncated, absurd, or not a stack of frames.
    """
    with listening() as chatter:
        tif = opened_tiff(path)
        try:
            return _recording(tif, path, allow_truncated, label_reader if as_labels else grey_reader, chatter)
        except BaseException:
            tif.close()
            raise


def _recording(
    tif: tifffile.TiffFile, path: Path, allow_truncated: bool, reader: MeaningReader, chatter: list[str]
) -> Recording:
    layout = find_layout(tif, path.name)
    _check_claims(path.name, layout, path.stat().st_size)
    kept = _complete_frames(tif, layout, path, any(_BROKEN_CHAIN in line for line in chatter), allow_truncated)
    meaning, dtype = reader(layout.keyframe, layout.tail, path.name)
    scale, reciprocal = find_scale(tif, layout.keyframe)
    times_s, time_source = find_times(tif, kept)
    shape = (kept, *layout.size)
    frames = ReadFrames(shape, _frame_reader(tif, layout, path, meaning), path.name, serial=False)
    # The file is closed when nobody can read frames any more.
    weakref.finalize(frames, tif.close)
    recording = Recording(
        frames=frames,
        shape=shape,
        dtype=dtype,
        format=tiff_format(tif),
        scale=scale,
        times_s=times_s,
        time_source=time_source,
        start=find_start(tif),
        reciprocal=reciprocal,
        notes=list(layout.notes),
        warnings=list(layout.warnings),
    )
    if layout.frames_claimed > kept:
        recording.warnings.append(f"truncated file: complete frames: {kept}; the rest is missing")
    return recording


def tiff_size(path: Path) -> tuple[int, int]:
    """Return height and width in px of the first page, from its header alone.

    Raises
    ------
    InputError
        No page in the file.
    """
    silence_loggers()
    with opened_tiff(path) as tif:
        page = tif.pages.first
        return int(page.imagelength), int(page.imagewidth)


def tiff_format(tif: tifffile.TiffFile) -> str:
    """Return what kind of TIFF it is, in words."""
    kind = "TIFF"
    if tif.is_ome:
        kind = "OME-TIFF"
    elif tif.is_imagej:
        kind = "ImageJ TIFF"
    elif 65009 in tif.pages.first.tags:
        kind = "DigitalMicrograph TIFF"
    compression = tif.pages.first.compression
    packed = "" if compression == 1 else f", {getattr(compression, 'name', compression)}"
    return f"{kind}{' (BigTIFF)' if tif.is_bigtiff else ''}{packed}"


def opened_tiff(path: Path, stream: BinaryIO | None = None) -> tifffile.TiffFile:
    """Return an open TIFF with its lock set; from a stream that the caller opened and closes, where one is given.

    Raises
    ------
    InputError
        No page can be found in it.
    """
    if stream is None:
        check_chain(path)
    try:
        tif = tifffile.TiffFile(stream or path, _multifile=False)
        if _is_series_of_one(tif):
            tif.close()
            if stream is not None:
                stream.seek(0)
            tif = tifffile.TiffFile(stream or path, _multifile=False, is_shaped=False)
    except OSError:
        raise
    # A header that is cut off or damaged makes tifffile throw struct.error, IndexError, MemoryError or its own class.
    except Exception as error:
        raise InputError(f"{path.name}: truncated or damaged: no image can be found in it") from error
    if not len(tif.pages):
        tif.close()
        raise InputError(f"{path.name}: truncated or damaged: no image can be found in it")
    tif.filehandle.set_lock(True)
    return tif


def _is_series_of_one(tif: tifffile.TiffFile) -> bool:
    """Return whether every frame calls itself a series of its own, as tifffile writes them one call after the other."""
    if not tif.is_shaped or len(tif.pages) < 2:
        return False
    pages = [tif.pages.get(k, cache=False) if k else tif.pages.first for k in (0, 1)]
    shapes = [(page.is_shaped, page.shape, page.dtype) for page in pages]
    return bool(shapes[0][0]) and shapes[0][1:] == shapes[1][1:] and bool(shapes[1][0])


def _check_claims(name: str, layout: Layout, file_bytes: int) -> None:
    page = layout.keyframe
    check_frame_count(name, layout.frames)
    if page.samplesperpixel > 4 and "S" in layout.tail:
        raise InputError(f"{name}: has {page.samplesperpixel} samples per pixel: neither grey nor colour")
    depth = max(1, page.samplesperpixel) * max(1, layout.dtype.itemsize)
    stored = None if layout.offset is not None else max(1, min(sum(page.databytecounts), file_bytes))
    check_frame_claim(name, *layout.size, depth, stored)
    if page.is_tiled:
        check_frame_claim(name, page.tilelength, page.tilewidth * page.tiledepth, depth, stored)


def _complete_frames(
    tif: tifffile.TiffFile, layout: Layout, path: Path, chain_broken: bool, allow_truncated: bool
) -> int:
    """Return how many leading frames are wholly in the file; refuse a truncated file unless that is allowed."""
    size = path.stat().st_size
    if layout.offset is not None:
        last = [layout.offset + (layout.page_of(k) + 1) * layout.frame_bytes for k in (0, layout.frames - 1)]
        complete = layout.frames if last[1] <= size else _count(layout.frames, lambda k: layout.end_of(k) <= size)
    else:
        complete = _complete_pages(tif, layout, size)
    claimed = max(layout.frames, layout.frames_claimed)
    if complete == claimed and not chain_broken:
        return complete
    if complete == 0:
        raise InputError(f"{path.name}: truncated: not one frame is complete")
    if not allow_truncated:
        # Where the chain of pages is cut, nobody knows how many frames there were.
        of = f" of {claimed}" if claimed > complete and not chain_broken else ""
        raise InputError(
            f"{path.name}: truncated: complete frames: {complete}{of}; --allow-truncated goes on with these"
        )
    layout.frames_claimed = max(claimed, complete + 1)
    return complete


def _complete_pages(tif: tifffile.TiffFile, layout: Layout, size: int) -> int:
    def is_complete(k: int) -> bool:
        with tif.filehandle.lock:
            page = layout.page(k)
        return page is not None and all(
            offset + count <= size for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False)
        )

    # Cut-off files lose their end: when the first and the last page are whole, so is the rest.
    if is_complete(0) and is_complete(layout.frames - 1):
        return layout.frames
    return _count(layout.frames, is_complete)


def _count(frames: int, is_complete: Callable[[int], bool]) -> int:
    return next((k for k in range(frames) if not is_complete(k)), frames)


def _frame_reader(
    tif: tifffile.TiffFile, layout: Layout, path: Path, meaning: Callable[[NDArray[Any]], NDArray[Any]]
) -> Callable[[int], NDArray[Any]]:
    def mapped(k: int) -> NDArray[Any]:
        where = layout.end_of(k) - layout.frame_bytes
        # A plain copy: the map ends here, so a file that shrinks later cannot kill the process.
        return meaning(np.array(np.memmap(path, layout.dtype, "r", where, layout.stored_shape)))

    def decoded(k: int) -> NDArray[Any]:
        with tif.filehandle.lock:
            page = layout.page(k)
        if page is None:
            raise InputError(f"{path.name}: frame {k} is in another file, which is not followed")
        # One decoding thread: frames are read side by side by the caller.
        return meaning(page.asarray(maxworkers=1).reshape(layout.stored_shape))

    return decoded if layout.offset is None else mapped
