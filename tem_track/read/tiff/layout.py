"""Which axis of a TIFF series is time, and where frame k lies."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tifffile

from tem_track.errors import InputError

# tifffile's axis letters that say nothing about what the axis is (unknown, image, repetition): a plain stack.
_PLAIN = "QIR"
_NAMES = {"Z": "slices", "C": "channels", "A": "angles", "P": "phases", "V": "views", "M": "mosaic tiles"}


@dataclass
class Layout:
    """Where the frames of a TIFF series lie.

    Attributes
    ----------
    frames : int
        T.
    frames_claimed : int
        Frames the metadata promise, where that is more than the pages found.
    size : (int, int)
        (Y, X).
    tail : str
        Axes of a stored frame: ``YX``, ``YXS`` (colour) or ``SYX`` (colour in planes).
    stored_shape : tuple of int
        Shape of a stored frame.
    stride : int
        Stored frames from one time to the next.
    offset : int or None
        Byte where uncompressed frames in one piece begin; None where pages must be decoded.
    """

    series: tifffile.TiffPageSeries
    keyframe: tifffile.TiffPage
    frames: int
    frames_claimed: int
    size: tuple[int, int]
    tail: str
    stored_shape: tuple[int, ...]
    stride: int
    offset: int | None
    dtype: np.dtype[Any]
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def frame_bytes(self) -> int:
        """Bytes of an uncompressed stored frame."""
        return math.prod(self.stored_shape) * self.dtype.itemsize

    def page_of(self, k: int) -> int:
        """Return the number, in the series, of the stored frame of time k."""
        return k * self.stride

    def end_of(self, k: int) -> int:
        """Return the byte after frame k of an uncompressed series."""
        return (self.offset or 0) + (self.page_of(k) + 1) * self.frame_bytes

    def page(self, k: int) -> Any:
        """Return tifffile's page of frame k, None where the file does not hold it."""
        return self.series.pages[self.page_of(k)]


def find_layout(tif: tifffile.TiffFile, name: str) -> Layout:
    """Return where the frames of a TIFF lie.

    The series with the most pixels is the movie; previews and other pictures beside it are left out, with a note.

    Raises
    ------
    InputError
        No two-dimensional frames, or more than one axis that could be time.
    """
    every = [series for series in tif.series if series is not None and series.shape and 0 not in series.shape]
    if not every:
        raise InputError(f"{name}: no image in it")
    series = max(every, key=lambda one: (_pixels(one), one.dtype.itemsize))
    _refuse_odd_pages(series, name)
    axes, shape = _axes(series, name)
    tail = axes[axes.rindex("Y") - (1 if "SY" in axes else 0) :]
    leading = dict(zip(axes[: -len(tail)], shape, strict=False))
    frames, stride, notes, warnings = _time_axis(leading, name)
    if len(every) > 1:
        notes.append(f"the largest of {len(every)} pictures in the file is read, the others are left out")
    stored_shape = tuple(shape[-len(tail) :])
    if tail == "SYX" and stored_shape[0] > 4 and frames == 1:
        frames, tail, stored_shape = stored_shape[0], "YX", stored_shape[1:]
        notes.append(f"the {frames} samples of a pixel are taken as time")
    elif tail == "SYX":
        warnings.append(
            f"the {stored_shape[0]} planes of each frame are read as colours; if they are times, save a TYX stack"
        )
    layout = Layout(
        series=series,
        keyframe=series.keyframe,
        frames=frames,
        frames_claimed=_claimed(tif, frames),
        size=(shape[axes.index("Y")], shape[axes.index("X")]),
        tail=tail,
        stored_shape=stored_shape,
        stride=stride,
        offset=series.dataoffset,
        dtype=np.dtype(series.dtype).newbyteorder(tif.byteorder),
        notes=notes,
        warnings=warnings,
    )
    if layout.offset is not None and layout.frames_claimed > frames == 1:
        # ImageJ writes one page header and the frames behind it: of a cut file, the length tells how many are left.
        layout.frames = layout.frames_claimed
    if layout.offset is None and len(series.pages) < math.prod(leading.values()):
        raise InputError(f"{name}: several frames share one compressed page; save it as an ordinary stack")
    return layout


def _refuse_odd_pages(series: tifffile.TiffPageSeries, name: str) -> None:
    """Refuse a movie with a page of another size or type among its frames: leaving it out would shift the times.

    Previews before or behind the movie, or one with every frame, shift nothing.
    """
    numbers = np.array([page.index for page in series.pages if page is not None and np.ndim(page.index) == 0])
    steps = np.diff(numbers)
    if len(steps) > 1 and steps.min() != steps.max():
        odd = int(numbers[int(np.argmax(steps))]) + 1
        raise InputError(f"{name}: page {odd} differs in size or type from the frames around it; a movie has one")


def _pixels(series: tifffile.TiffPageSeries) -> int:
    return math.prod(size for axis, size in zip(series.axes, series.shape, strict=False) if axis != "S")


def _axes(series: tifffile.TiffPageSeries, name: str) -> tuple[str, tuple[int, ...]]:
    for squeeze in (True, False):
        axes, shape = series.get_axes(squeeze), series.get_shape(squeeze)
        if axes.endswith(("YX", "YXS")) and axes.count("Y") == 1:
            if axes.endswith("YXS") and "S" in axes[:-1]:
                continue
            return axes, tuple(shape)
    raise InputError(f"{name}: not a stack of two-dimensional frames (axes {series.axes}, shape {series.shape})")


def _time_axis(leading: dict[str, int], name: str) -> tuple[int, int, list[str], list[str]]:
    """Return the number of frames, the stored frames between two of them, notes and warnings."""
    long = {letter: size for letter, size in leading.items() if size > 1}
    if not long:
        return 1, 1, [], []
    letters = list(leading)
    time = "T" if "T" in long else next(iter(long))
    stride = math.prod([leading[letter] for letter in letters[letters.index(time) + 1 :]])
    others = [letter for letter in long if letter != time]
    if others == ["C"] and time in "T" + _PLAIN:
        return long[time], stride, [], [f"the file holds {long['C']} channels; the first one is measured"]
    if others:
        listed = ", ".join(f"{size} {_NAMES.get(letter, f'along {letter}')}" for letter, size in long.items())
        raise InputError(f"{name}: more than one axis beside the image ({listed}); save one movie in the file")
    if time in "T" + _PLAIN:
        return long[time], stride, [], []
    return long[time], stride, [f"the file's {long[time]} {_NAMES.get(time, f'{time} axis')} are taken as time"], []


def _claimed(tif: tifffile.TiffFile, frames: int) -> int:
    """Return the frames that ImageJ's own header promises, where the pages found are fewer."""
    metadata = tif.imagej_metadata or {}
    images = metadata.get("images", 1)
    channels = metadata.get("channels", 1)
    if not (isinstance(images, int) and isinstance(channels, int) and frames == 1 and images > channels > 0):
        return frames
    return images // channels
