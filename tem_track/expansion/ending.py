"""The last rows before a particle breaks or merges: what tracking calls one particle may be two there already.

A merger or a break is seen a frame or two late. The outline of these frames holds the pieces that are left, or a part
of the neighbour, and is no volume of the particle that the curve is of. Nothing else in a curve may fall at its very
end, so that such rows are known by leaving the course of the rows before them at once and for good.
"""

from __future__ import annotations

import numpy as np

from tem_track.expansion.noise import roughness
from tem_track.movie import FloatArray, Mask

# Frames by which a fracture or a merger may be named late, as the benchmark counts it found.
LATE_ROWS = 3
# Rows that tell the course before: enough for a slope, few enough to be straight.
COURSE_ROWS = 8
# A row off the course by this many standard deviations is not its noise; the course itself is off by up to two.
OFF_SD = 5.0
# ... and never for less than this share of the volume: what a stage changes at least.
LEAST_OFF = 0.06


def rows_of_event(times_s: FloatArray, values: FloatArray, fate: str) -> Mask:
    """Return the last rows that belong to the event which ends a track rather than to its particle.

    Parameters
    ----------
    times_s, values : (N,) float64
        Times and volumes, finite, in order of time.
    fate : str
        ``"fractured"``: rows that fall off the course; ``"merged"``: rows that leave it either way; any other: none.

    Returns
    -------
    (N,) bool
        True for at most the last `LATE_ROWS` rows.

    >>> volumes = np.append(np.ones(12), [0.7, 0.6])
    >>> [int(rows_of_event(np.arange(14.0), volumes, fate).sum()) for fate in ("fractured", "whole")]
    [2, 0]
    """
    found = np.zeros(len(values), bool)
    if fate not in ("fractured", "merged"):
        return found
    for count in range(LATE_ROWS, 0, -1):
        first = len(values) - count
        if first < COURSE_ROWS:
            continue
        before = slice(first - COURSE_ROWS, first)
        slope, level = np.polyfit(times_s[before] - times_s[first], values[before], 1)
        off = values[first:] - level - slope * (times_s[first:] - times_s[first])
        off = off if fate == "merged" else np.minimum(off, 0.0)
        least = max(OFF_SD * roughness(values[:first]), LEAST_OFF * float(np.median(values[before])))
        if (np.abs(off) > least).all():
            found[first:] = True
            break
    return found
