"""The illumination once more, from what is known to be intact.

Where a specimen degrades everywhere a little, as along all its boundaries first, every tile of the first fit loses some
of its brightness, and the fit follows. Once a first map says when each place changed, only those are asked that change
later, which no front has reached.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.front.frames.illumination import Tiles, robust_fit, tile_sums, tile_terms
from tem_track.movie import FloatArray, Image

# A place counts as intact up to this many samples before its change: its fall begins before its half, and the first map
# is late where the light was taken for darker than it is.
BEFORE_CHANGE = 6.0
# Share of the field that must be intact; with less the last correction stays.
LEAST_INTACT = 0.01
# Deviation of what is left to correct: of the gain, and of each coefficient of its shape.
GAIN_SD, SHAPE_SD = 0.05, 0.004
# Samples that a correction is averaged over.
MEAN_OF = 5


def light_left(samples: NDArray[np.float16], index: Image, tiles: Tiles, scatter: float) -> FloatArray:
    """Return what the illumination of each sample still needs, (n, 6) coefficients of the logarithm's surface.

    Parameters
    ----------
    samples : (n, y, x) float16
        Levels relative to the first frames, 0 = unchanged, the illumination as fitted at first taken out; NaN where
        not shown.
    index : (y, x) float32
        Sample at which each place changed by these, NaN = never.
    tiles : (int, int)
    scatter : float
        Standard deviation of a whole tile's logarithm.
    """
    change = np.where(np.isfinite(index), index, np.float32(np.inf))
    terms, area = tile_terms(tiles), tile_sums(np.ones(index.shape, np.float32), tiles)
    inertia = np.diag([(scatter / GAIN_SD) ** 2, *[(scatter / SHAPE_SD) ** 2] * 5])
    found = np.zeros((len(samples), 6))
    for n, level in enumerate(samples):
        intact = np.isfinite(level) & (change > n + BEFORE_CHANGE)
        if intact.sum() < LEAST_INTACT * intact.size:
            found[n] = found[max(n - 1, 0)]
            continue
        total = tile_sums(np.where(intact, level, 0).astype(np.float32), tiles)
        count = tile_sums(intact.astype(np.float32), tiles)
        ratio = np.log1p(np.maximum(total / np.maximum(count, 1), -0.9))
        found[n] = robust_fit(ratio, count / area, terms, np.zeros(6), inertia, scatter)
    # What followed the specimen did so over many frames: a mean over a few leaves less noise.
    return np.asarray(cv2.blur(found, (1, MEAN_OF), borderType=cv2.BORDER_REPLICATE), np.float64)
