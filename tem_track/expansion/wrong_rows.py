"""Rows of a volume curve that are wrong outlines, told before any fit: spikes, wrong first and last rows."""

from __future__ import annotations

import numpy as np

from tem_track.expansion.noise import LEAST_NOISE, MAD_TO_SD, roughness
from tem_track.movie import FloatArray, Mask

# First and last rows that may be wrong outlines: V0 must not be one, while a jump at the end may be the next stage.
WRONG_FIRST_ROWS, WRONG_LAST_ROWS = 2, 1
# ... told by the rows beside them, and by less than the smallest complete reaction changes a volume.
CALM_ROWS, LARGEST_WRONG = 6, 0.25
# An outline this many times as uncertain as those of its track usually are is not the particle's; in at most this share
# of the rows.
DOUBTFUL, MOST_DOUBTFUL = 4.0, 0.4
# The rows beside a wrong one change from row to row by less than this share of the step.
CALMER_SHARE = 1 / 3


def right_rows(values: FloatArray) -> FloatArray:
    """Return 0 for rows that stand out of the median of the seven around them, else 1.

    A monotone curve is its own running median, so a steep stage or a corner is never taken for a spike.
    """
    padded = np.pad(values, 3, mode="edge")
    middle = np.median(np.lib.stride_tricks.sliding_window_view(padded, 7), axis=1)
    away = np.abs(values - middle)
    sd = max(roughness(values), MAD_TO_SD * float(np.median(away)), LEAST_NOISE)
    # Seven standard deviations: the running median itself is off by up to one or two.
    weights = np.where(away > 7 * sd, 0.0, 1.0)
    noise = max(roughness(values), LEAST_NOISE)
    weights[: _wrong_at_start(values, noise, WRONG_FIRST_ROWS)] = 0.0
    weights[len(values) - _wrong_at_start(values[::-1], noise, WRONG_LAST_ROWS) :] = 0.0
    return weights


def doubtful_rows(relative_sd: FloatArray) -> Mask:
    """Return which rows their own outline calls doubtful: (N,) relative uncertainties far above the usual one.

    A label that holds a part of the neighbour has an outline that explains the picture badly, and says so. In 160
    tracks of 40 simulated movies only such rows did. Where many rows do, the curve is merely noisy.
    """
    usual = float(np.median(relative_sd)) if len(relative_sd) else 0.0
    far = relative_sd > DOUBTFUL * usual
    return far if usual > 0 and far.mean() <= MOST_DOUBTFUL else np.zeros_like(far)


def _wrong_at_start(values: FloatArray, noise: float, most: int) -> int:
    """Return how many first rows stand off calm rows after them, by more than noise and less than a stage makes.

    A running median has no rows on the other side of the first: a single wrong outline there would be V0. A stage that
    begins at once goes on rising after its first rows and is none of these.
    """
    for count in range(most, 0, -1):
        after = values[count : count + CALM_ROWS]
        if len(after) < CALM_ROWS:
            continue
        slope, level = np.polyfit(np.arange(CALM_ROWS), after, 1)
        # What the line's own two parameters leave uncertain where it is drawn out.
        limit = 7 * max(noise, float(np.std(after - level - slope * np.arange(CALM_ROWS), ddof=2)))
        off = values[:count] - level + slope * np.arange(count, 0, -1)
        step = abs(float(after[0] - values[count - 1]))
        near = np.abs(off) < LARGEST_WRONG * abs(float(level))
        if (np.abs(off) > limit).all() and near.all() and step * CALMER_SHARE > abs(float(slope)):
            return count
    return 0
