"""How long a place takes to fall from its old level to the new one, averaged over the movie."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tem_track.movie import Image

# Samples before and after the change that are looked at, and pixels: plenty for a mean.
BEFORE, AFTER, MOST_PIXELS = 25, 40, 20_000
# Distance of the pixels that tell the moment of the one between them, px, and how far they may differ, samples.
APART_PX, MOST_SPREAD = 4, 6.0
# Samples after a change that show the whole of most falls.
SHOWN_AFTER = 8
# Samples that the fall should take once frames are averaged: the change point is then sharp and loses no time.
WANTED_SAMPLES = 3.5


def frames_of_fall(samples: NDArray[np.float16], index: Image, run: int) -> float:
    """Return how many frames a fall takes: its full width at half of its greatest steepness; 0 where none is seen.

    Parameters
    ----------
    samples : (K, y, x) float16
        Relative levels; each the mean of `run` frames.
    index : (y, x) float32
        The change of each pixel, just before sample `index`; NaN = none.
    run : int

    Notes
    -----
    The mean level around the change falls steeply at first and slowly later; the fall is where it is at least half as
    steep as at its steepest.
    """
    # What changes near the end does not show how its fall goes on.
    whole = np.where(index < len(samples) - SHOWN_AFTER, index, np.float32(np.nan))
    steepness = -np.diff(_mean_level(samples, whole))
    if not np.isfinite(steepness).any() or np.nanmax(steepness) <= 0:
        return 0.0
    steep = np.nan_to_num(steepness, nan=-1.0) >= 0.5 * np.nanmax(steepness)
    middle = int(np.nanargmax(steepness))
    gentle_before, gentle_after = np.flatnonzero(~steep[:middle]), np.flatnonzero(~steep[middle:])
    first = int(gentle_before[-1]) + 1 if len(gentle_before) else 0
    last = middle + int(gentle_after[0]) if len(gentle_after) else len(steep)
    return float((last - first) * run)


def frames_to_average(fall: float) -> int:
    """Return over how many frames the samples should be averaged so that a fall takes some three of them.

    >>> frames_to_average(14.0)
    4
    """
    return max(1, round(fall / WANTED_SAMPLES))


def share_fallen(samples: float, fall: float) -> float:
    """Return which share of its steep fall a place has behind it so many samples after its change.

    >>> share_fallen(0.0, 3.0), round(share_fallen(1.5, 3.0), 2)
    (0.5, 0.85)
    """
    # The steepness of a hyperbolic tangent is half of its greatest at 0.8814.
    return 0.5 + 0.5 * float(np.tanh(2 * 0.8814 * samples / max(fall, 1e-6)))


def _mean_level(samples: NDArray[np.float16], index: Image) -> NDArray[np.float64]:
    """Return the mean level per whole sample from `BEFORE` before the change to `AFTER` after it; NaN where unknown.

    The change is that of pixels at equal distance on all sides: a pixel's own lies where its noise happens to fall.
    """
    around = np.stack([np.roll(index, shift, axis) for axis in (0, 1) for shift in (-APART_PX, APART_PX)])
    smooth = np.isfinite(around).all(axis=0) & (np.ptp(np.nan_to_num(around), axis=0) < MOST_SPREAD)
    pixels = np.flatnonzero(smooth.ravel())
    pixels = pixels[:: max(1, len(pixels) // MOST_PIXELS)]
    moment = np.rint(around.mean(axis=0).ravel()[pixels]).astype(int)
    flat = samples.reshape(len(samples), -1)
    levels = []
    for step in range(-BEFORE, AFTER):
        number = moment + step
        inside = (number >= 0) & (number < len(samples))
        taken = flat[number[inside], pixels[inside]].astype(np.float64)
        taken = taken[np.isfinite(taken)]
        # A mean over a few pixels is not the movie's.
        levels.append(float(taken.mean()) if len(taken) > 0.2 * len(pixels) else np.nan)
    return np.array(levels)
