"""What travels between the stages: a movie, its calibration, and frames ready for measuring.

Dimension letters used by every docstring of the package::

    T  frames        Y  image rows (down)      X  image columns (right)
    N  rows of a table                         P  points of an outline

Positions are (y, x) in pixels, pixel centres at integers. Drift is (dy, dx) in pixels: a feature at
(y, x) in frame 0 stands at (y + dy, x + dx) in frame k.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

# Pixels converted at a time: 1 MiB of float32 and what it comes from fit the second-level cache of current processors.
_STRIP_PIXELS = 2**18

Result = TypeVar("Result")
FloatArray: TypeAlias = NDArray[np.float64]
Image: TypeAlias = NDArray[np.float32]
Labels: TypeAlias = NDArray[np.int32]
Mask: TypeAlias = NDArray[np.bool_]
Progress: TypeAlias = Callable[[int, int], None]
"""Called by a stage with (frames done, frames in all)."""


def no_progress(done: int, total: int) -> None:
    """Report to nobody."""


class InOrder(Protocol):
    """Works a function out for several numbers, perhaps side by side; results come in the order of the numbers."""

    def __call__(self, function: Callable[[int], Result], numbers: Iterable[int], /) -> Iterator[Result]:
        """Yield the function of every number."""


def one_by_one(function: Callable[[int], Result], numbers: Iterable[int], /) -> Iterator[Result]:
    """Yield the function of every number, worked out one after the other as it is asked for."""
    return map(function, numbers)


class Frames(Protocol):
    """A lazily read sequence of images of one shape; ``frames[k]`` is safe to call from several threads."""

    def __len__(self) -> int: ...

    def __getitem__(self, k: int, /) -> NDArray[Any]: ...


@dataclass(frozen=True)
class Calibration:
    """How large a pixel is, and who says so.

    Attributes
    ----------
    pixel_size_nm : float or None
        Edge of a (square) pixel in nm; None where nobody gave one.
    source : str
        Where the value comes from, in words a person can check: ``"OME PhysicalSizeX"``, ``"--pixel-size"``.
    """

    pixel_size_nm: float | None = None
    source: str = "not given"


@dataclass(frozen=True)
class Movie:
    """A recording: lazily read frames, a time for every frame and a calibration with its source.

    Attributes
    ----------
    frames : Frames
        ``frames[k]`` reads frame k as recorded: (Y, X), the file's own depth, grey.
    shape : (int, int, int)
        (T, Y, X).
    dtype : numpy dtype
        Of a frame as read.
    times_s : (T,) float64
        Time of each frame in s, increasing, frame 0 at 0.
    time_source : str
        Where the times come from, in words. ``"frame number"`` where nobody gave an interval (times are then
        0, 1, 2, ... and `timed` is False).
    timed : bool
        False where times are frame numbers only.
    calibration : Calibration
    name : str
        Name of the file or folder, without its path.
    format : str
        What the file was understood to be: ``"OME-TIFF"``, ``"folder of DM4 frames"``.
    temperatures_c : (T,) float64 or None
        Temperature of each frame in degC, from the file itself, a log or a ramp; None where nobody gave it.
    temperature_source : str
        Where the temperatures come from, in words.
    start : datetime or None
        Date and time of frame 0 where the file states it, with its time zone if that is stated.
    unusable : mapping of int to str
        Frames the reader already knows to be unusable, with the reason (a repeated video frame).
    notes : tuple of str
        What the reader decided that a user should know (``"slices taken as time"``).
    warnings : tuple of str
        What needs the user's attention (``"no pixel size"``).
    """

    frames: Frames
    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    times_s: FloatArray
    time_source: str = "frame number"
    timed: bool = False
    calibration: Calibration = field(default_factory=Calibration)
    name: str = ""
    format: str = ""
    temperatures_c: FloatArray | None = None
    temperature_source: str = ""
    start: datetime | None = None
    unusable: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return self.shape[0]


class MeasuredFrames:
    """The same frames as float32 without NaN or infinity, the form every stage measures on.

    Grey values are not rescaled. Pixels that are not finite take the median of the finite ones; a frame with no
    finite pixel becomes zero.

    Parameters
    ----------
    frames : Frames
    zero : float
        Grey value that stands for no electrons, taken off every pixel of every frame.
    """

    def __init__(self, frames: Frames, zero: float = 0.0):
        self._frames = frames
        self._zero = np.float32(zero)

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, k: int, /) -> Image:
        image = finite(self.recorded(k))
        return np.subtract(image, self._zero, out=image) if self._zero else image

    def recorded(self, k: int) -> NDArray[Any]:
        """Return frame k as recorded, in the file's own depth."""
        if not 0 <= k < len(self._frames):
            raise IndexError(k)
        return self._frames[k]

    @property
    def zero(self) -> float:
        """Grey value that stands for no electrons."""
        return float(self._zero)

    def __iter__(self) -> Iterator[Image]:
        return (self[k] for k in range(len(self)))


def recorded_frame(frames: Frames, k: int) -> tuple[NDArray[Any], float]:
    """Return frame k as recorded (Y, X), and the grey value that stands for zero in it."""
    if isinstance(frames, MeasuredFrames):
        return frames.recorded(k), frames.zero
    return frames[k], 0.0


def binned(frame: NDArray[Any], binning: int) -> Image:
    """Return a (Y, X) frame of any depth averaged over binning x binning pixels, (Y // binning, X // binning) float32.

    What is left over at the lower and right edges is dropped. Rows are converted a strip at a time: a strip stays in
    the processor's cache, where a float32 copy of a whole large frame goes through memory twice.

    >>> binned(np.arange(16, dtype=np.uint16).reshape(4, 4), 2).tolist()
    [[2.5, 4.5], [10.5, 12.5]]
    """
    if binning == 1:
        return finite(frame)
    import cv2  # not needed to say what a file is

    rows, columns = frame.shape[0] // binning, frame.shape[1] // binning
    if np.issubdtype(frame.dtype, np.floating):
        frame = finite(frame)
    small = np.empty((rows, columns), np.float32)
    strip = max(1, _STRIP_PIXELS // (binning * frame.shape[1]))
    for y in range(0, rows, strip):
        end = min(rows, y + strip)
        part = frame[y * binning : end * binning, : columns * binning].astype(np.float32, copy=False)
        small[y:end] = cv2.resize(part, (columns, end - y), interpolation=cv2.INTER_AREA)
    return small


def finite(frame: NDArray[Any]) -> Image:
    """Return a (Y, X) frame as float32 with pixels that are not finite set to the median of the finite ones.

    >>> finite(np.array([[1.0, np.nan], [1.0, 3.0]])).tolist()
    [[1.0, 1.0], [1.0, 3.0]]
    """
    image = np.array(frame, dtype=np.float32)
    if np.issubdtype(frame.dtype, np.floating):
        bad = ~np.isfinite(image)
        if bad.any():
            image[bad] = np.median(image[~bad]) if not bad.all() else 0.0
    return image
