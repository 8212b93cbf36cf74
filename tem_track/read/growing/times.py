"""Times of frames that were recorded after the file was last asked for them."""

from __future__ import annotations

import numpy as np

from tem_track.movie import FloatArray


def extended_times(times_s: FloatArray, count: int) -> FloatArray:
    """Return (count,) times: those known, then on at their usual step.

    >>> extended_times(np.array([0.0, 0.5, 1.0]), 5).tolist()
    [0.0, 0.5, 1.0, 1.5, 2.0]
    """
    known = times_s[:count]
    step = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 1.0
    return np.concatenate([known, known[-1] + step * np.arange(1, count - len(known) + 1)])
