"""What a reader of one format finds in a file, before the user's options are put over it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tem_track.errors import InputError, TemTrackError
from tem_track.movie import FloatArray


@dataclass
class Scale:
    """A pixel size as a file states it.

    Attributes
    ----------
    y_nm, x_nm : float
        Edges of a pixel in nm.
    source : str
        Who says so, in words a person can check.
    binding : bool
        False for a statement that many programs write without meaning it (a print resolution): it counts only where
        it is possible for an electron microscope and is no error where it is not.
    doubt : str
        A warning for the user where this scale is used.
    """

    y_nm: float
    x_nm: float
    source: str
    binding: bool = True
    doubt: str = ""


@dataclass
class Recording:
    """The content of one file or folder.

    Attributes
    ----------
    frames : ReadFrames
        Grey frames, read lazily.
    shape : (int, int, int)
        (T, Y, X).
    dtype : numpy dtype
        Of a frame.
    format : str
        What the file was understood to be.
    scale : Scale or None
    times_s : (T,) float64 or None
        Times the file states, s.
    time_source : str
    times_doubt : str
        A warning for the user where these times are used.
    numbers : (T,) int64 or None
        The numbers that the frames' file names carry.
    temperatures_c : (T,) float64 or None
        Temperatures that the file or the frames' names state, degC.
    temperature_source : str
    start : datetime or None
        Date and time of frame 0, as the file states it.
    reciprocal : bool
        True where the file states its axes in reciprocal units: a diffraction pattern.
    """

    frames: ReadFrames
    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    format: str
    scale: Scale | None = None
    times_s: FloatArray | None = None
    time_source: str = ""
    times_doubt: str = ""
    numbers: NDArray[np.int64] | None = None
    temperatures_c: FloatArray | None = None
    temperature_source: str = ""
    start: datetime | None = None
    reciprocal: bool = False
    unusable: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class ReadFrames:
    """Frames that a function reads one at a time; whatever a library throws becomes one line for the user.

    Parameters
    ----------
    shape : (int, int, int)
        (T, Y, X).
    read : callable
        Returns frame k as a (Y, X) array.
    name : str
        Name of the file or folder, for the message.
    serial : bool
        True where the function may not be entered by two threads at once.
    """

    def __init__(self, shape: tuple[int, int, int], read: Callable[[int], NDArray[Any]], name: str, serial: bool):
        self._shape, self._read, self._name = shape, read, name
        self._lock = threading.Lock() if serial else None

    def __len__(self) -> int:
        return self._shape[0]

    def __getitem__(self, k: int, /) -> NDArray[Any]:
        if not 0 <= k < self._shape[0]:
            raise IndexError(f"frame {k} of {self._shape[0]}")
        try:
            if self._lock is None:
                frame = self._read(k)
            else:
                with self._lock:
                    frame = self._read(k)
        except TemTrackError:
            raise
        # Decoders throw whatever they like at damaged bytes (struct.error, KeyError, their own classes).
        except Exception as error:
            raise InputError(f"{self._name}: frame {k} cannot be read: {one_line(error)}") from error
        if frame.shape != self._shape[1:]:
            raise InputError(
                f"{self._name}: frame {k} is {frame.shape[0]} x {frame.shape[-1]} pixels, "
                f"the first one {self._shape[1]} x {self._shape[2]}"
            )
        return frame


def one_line(error: BaseException) -> str:
    """Return an exception's message as one short line, its type where it has no message."""
    if isinstance(error, MemoryError):
        return "not enough memory"
    text = " ".join(str(error).split()) or type(error).__name__
    # Long enough for a path and a reason, short enough for one line of a terminal with the name in front.
    return text if len(text) <= 160 else text[:157] + "..."
