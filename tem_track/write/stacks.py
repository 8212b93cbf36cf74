"""Label images of a movie as one compressed TIFF stack that Fiji opens as a calibrated time series.

The stack carries ImageJ's own description (a plain text tag), which Fiji and tifffile read with compressed pages too;
OME-XML would add a random identifier and be ignored by Fiji in a file that is not called `.ome.tif`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tem_track.labels import LabelStack, Runs
from tem_track.movie import Frames, Progress, no_progress
from tem_track.write.files import whole_file

# A classic TIFF ends at 2^32 bytes; Fiji's own reader knows no other. Twice the estimate must stay below.
_CLASSIC_LIMIT = 2**31
# Label images sampled to foretell the size of the file.
_SAMPLED = 8
# Of libdeflate, which packs label images of 1024 px as tightly as zlib's own default in less than half the time; higher
# levels gain nothing on them until 9, which takes three times as long for a quarter.
_LEVEL = 2


def write_label_stack(
    path: Path,
    labels: Frames,
    *,
    shape: tuple[int, int, int],
    largest: int | None = None,
    pixel_size_nm: float | None = None,
    frame_interval_s: float | None = None,
    progress: Progress = no_progress,
) -> None:
    """Write (Y, X) label images as a zlib-compressed TIFF stack, one page per frame, whole or not at all.

    One image is held at a time. Pages are uint16 where every label fits, else uint32; the file is a classic TIFF
    unless it could pass 2 GB (then a BigTIFF, which Fiji opens through Bio-Formats).

    Parameters
    ----------
    path : Path
    labels : sequence of (Y, X) int32, such as a LabelStack
        0 = background. Each is asked for once, and a few of them a second time.
    shape : (int, int, int)
        (T, Y, X).
    largest : int, optional
        The largest label there is; found by a pass over the images where not given.
    pixel_size_nm : float, optional
    frame_interval_s : float, optional
        Mean time from frame to frame.

    Raises
    ------
    ValueError
        A label is negative or above `largest`, or an image or their number does not fit `shape`.
    OutputError
        The file cannot be written.
    """
    import tifffile

    if len(labels) != shape[0]:
        raise ValueError(f"{len(labels)} label images for {shape[0]} frames")
    if largest is None:
        largest = max((int(labels[k].max(initial=0)) for k in range(len(labels))), default=0)
    dtype = np.dtype(np.uint16 if largest <= np.iinfo(np.uint16).max else np.uint32)
    with (
        whole_file(path) as aside,
        tifffile.TiffWriter(aside, bigtiff=_foretold_bytes(labels, dtype) > _CLASSIC_LIMIT, byteorder="<") as tiff,
    ):
        tiff.write(
            (_compressed(image) for image in _checked(labels, shape, largest, dtype, progress)),
            shape=shape,
            dtype=dtype,
            photometric="minisblack",
            compression="zlib",
            rowsperstrip=max(shape[1], 1),
            description=_imagej_description(shape[0], largest, pixel_size_nm, frame_interval_s),
            resolution=imagej_resolution(pixel_size_nm),
            resolutionunit="NONE",  # as ImageJ does it: the unit stands in the description
            software="tem-track",
            metadata=None,
            maxworkers=1,
        )


def _checked(
    labels: Frames, shape: tuple[int, int, int], largest: int, dtype: np.dtype[Any], progress: Progress
) -> Iterator[NDArray[Any]]:
    for k in range(shape[0]):
        found = labels.runs(k) if isinstance(labels, LabelStack) else Runs.of(np.asarray(labels[k]))
        if found.shape != shape[1:]:
            raise ValueError(f"label image {k} of shape {found.shape} in a stack of {shape[1:]}")
        if found.number.min(initial=0) < 0 or found.number.max(initial=0) > largest:
            raise ValueError(f"label image {k} holds labels outside 0 to {largest}")
        # Told first: nobody asks for more after the last page, so nothing behind its yield would run.
        progress(k + 1, shape[0])
        yield found.under(found.number.astype(dtype)).image()


def _compressed(image: NDArray[Any]) -> bytes:
    """Return the one strip of a page, in little-endian order."""
    import imagecodecs

    return bytes(
        imagecodecs.deflate_encode(image.astype(image.dtype.newbyteorder("<"), copy=False).tobytes(), level=_LEVEL)
    )


def _foretold_bytes(labels: Frames, dtype: np.dtype[Any]) -> float:
    """Return twice the file size that a few of the images, compressed, let expect."""
    raw = len(labels) * (labels[0].size if len(labels) else 0) * dtype.itemsize
    if raw <= _CLASSIC_LIMIT:
        return float(raw)
    chosen = np.unique(np.linspace(0, len(labels) - 1, _SAMPLED).round().astype(int)).tolist()
    return 2 * len(labels) * float(np.mean([len(zlib.compress(labels[k].astype(dtype).tobytes(), 1)) for k in chosen]))


def _imagej_description(frames: int, largest: int, pixel_size_nm: float | None, frame_interval_s: float | None) -> str:
    # Keys of ImageJ 1.x's FileInfo description; `hyperstack` makes the pages time and not depth.
    lines = ["ImageJ=1.54f", f"images={frames}", f"frames={frames}", "hyperstack=true", "mode=grayscale"]
    if pixel_size_nm:
        lines.append("unit=nm")
    if frame_interval_s:
        lines.append(f"finterval={frame_interval_s:.9g}")
    lines += ["loop=false", "min=0.0", f"max={float(max(largest, 1))}"]
    return "\n".join(lines) + "\n"


def imagej_resolution(pixel_size_nm: float | None) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return pixels per nm as two TIFF rationals, the form ImageJ wants beside the unit in its description."""
    if not pixel_size_nm:
        return (1, 1), (1, 1)
    # Both parts of a TIFF rational are 32-bit.
    ratio = Fraction(1 / pixel_size_nm).limit_denominator(1_000_000)
    part = (max(ratio.numerator, 1), ratio.denominator)
    return part, part
