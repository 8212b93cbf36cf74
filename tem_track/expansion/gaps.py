"""Rows of a track in frames that could not be measured, filled between measured neighbours with a larger error."""

from __future__ import annotations

import numpy as np

from tem_track.movie import FloatArray, Mask


def bridged(times_s: FloatArray, values: FloatArray, seen: Mask) -> FloatArray:
    """Return values with those of unseen rows interpolated in time; none before the first or after the last seen one.

    >>> bridged(np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.0, 0.0, 3.0, 0.0]), np.array([1, 0, 1, 0], bool)).tolist()
    [1.0, 2.0, 3.0, nan]
    """
    filled = np.where(seen, values, np.nan)
    if seen.any():
        missing = ~seen
        filled[missing] = np.interp(times_s[missing], times_s[seen], values[seen], left=np.nan, right=np.nan)
    return filled


def bridged_sd(times_s: FloatArray, values: FloatArray, sds: FloatArray, seen: Mask) -> FloatArray:
    """Return the standard uncertainty of `bridged` values.

    Notes
    -----
    Between neighbours a and b at the share x of the gap: the larger of their own errors, and a bridge whose middle is
    uncertain by a quarter of |b - a|, |b - a| sqrt(x (1 - x)) / 2: the change may have come early or late in the gap.
    """
    filled = np.where(seen, sds, np.nan)
    at = np.flatnonzero(seen)
    missing = np.flatnonzero(~seen)
    right = np.searchsorted(at, missing)
    between = (right > 0) & (right < len(at))
    missing, right = missing[between], right[between]
    a, b = at[right - 1], at[right]
    share = (times_s[missing] - times_s[a]) / np.maximum(times_s[b] - times_s[a], 1e-30)
    bridge = np.abs(values[b] - values[a]) * np.sqrt(np.clip(share * (1 - share), 0, None)) / 2
    filled[missing] = np.hypot(np.fmax(sds[a], sds[b]), bridge)
    return filled
