"""From frames to seconds and degC, and from px to nm, where the movie says how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray


@dataclass(frozen=True)
class Scale:
    """Times, temperatures and pixel size of a movie; NaN comes out where they are not known.

    Attributes
    ----------
    times_s : (T,) float64
        Time of each frame; frame numbers where `timed` is False.
    timed : bool
    temperatures_c : (T,) float64 or None
    pixel_size_nm : float or None
    """

    times_s: FloatArray
    timed: bool
    temperatures_c: FloatArray | None
    pixel_size_nm: float | None

    def seconds(self, frame: Any) -> Any:
        """Return the time in s of fractional frame numbers."""
        return self.clock(frame) if self.timed else np.full(np.shape(frame), np.nan)[()]

    def clock(self, frame: Any) -> Any:
        """Return the time of fractional frame numbers by the movie's own times, in s only where the movie is timed."""
        return self._between(frame, self.times_s)

    def frame(self, clock: Any) -> Any:
        """Return fractional frame numbers of times, the inverse of `clock`."""
        at = np.asarray(clock, float)
        return np.where(np.isfinite(at), np.interp(at, self.times_s, np.arange(len(self.times_s))), np.nan)[()]

    def degrees(self, frame: Any) -> Any:
        """Return the temperature in degC at fractional frame numbers."""
        if self.temperatures_c is None:
            return np.full(np.shape(frame), np.nan)[()]
        return self._between(frame, self.temperatures_c)

    def nm(self, px: Any) -> Any:
        """Return lengths in nm."""
        return np.asarray(px, float)[()] * (np.nan if self.pixel_size_nm is None else self.pixel_size_nm)

    def nm_per_s(self, px_per_clock: Any) -> Any:
        """Return speeds in nm/s of speeds in px per unit of `clock`."""
        return self.nm(px_per_clock) * (1.0 if self.timed else np.nan)

    @property
    def interval(self) -> float:
        """Usual time from frame to frame, unit of `clock`."""
        return float(np.median(np.diff(self.times_s))) if len(self.times_s) > 1 else 1.0

    def _between(self, frame: Any, values: FloatArray) -> Any:
        at = np.asarray(frame, float)
        known: NDArray[np.bool_] = np.isfinite(at)
        out = np.full(at.shape, np.nan)
        out[known] = np.interp(at[known], np.arange(len(values)), values)
        return out[()]
