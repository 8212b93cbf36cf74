"""A small movie with a closed-form answer for the tests of growing objects: a disc that grows on a dark edge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pictures import disc
from scipy.ndimage import gaussian_filter

SHAPE = (72, 80)
CENTRE = (34.0, 40.0)
BRIGHT, DARK, RISE = 200.0, 60.0, 150.0


def radius(k: int, onset: float = 8.0, speed: float = 0.4, last: float = 14.0) -> float:
    """Return the radius in px of the disc in frame k."""
    return float(min(max(k - onset, 0) * speed, last))


def matrix() -> NDArray[np.float64]:
    """Return what stands there before: bright on the left, dark on the right, softly joined, with a fine texture."""
    x = np.arange(SHAPE[1])
    level = np.tile(DARK + (BRIGHT - DARK) / (1 + np.exp((x - 34) / 1.5)), (SHAPE[0], 1))
    texture = gaussian_filter(np.random.default_rng(8).normal(0, 1, SHAPE), 1.5)
    return np.asarray(level * (1 + 0.05 * texture / texture.std()))


def growing_frames(
    count: int = 40, noise: float = 8.0, seed: int = 3, drift: NDArray[np.float64] | None = None, **course: float
) -> NDArray[np.float32]:
    """Return (T, Y, X) frames: the disc adds `RISE` to the matrix and drifts with it."""
    rng = np.random.default_rng(seed)
    path = np.zeros((count, 2)) if drift is None else drift
    wide = np.pad(matrix(), 8, mode="edge")
    frames = []
    for k in range(count):
        dy, dx = np.round(path[k]).astype(int)
        image = wide[8 - dy : 8 - dy + SHAPE[0], 8 - dx : 8 - dx + SHAPE[1]].copy()
        if radius(k, **course) > 0:
            image += RISE * disc(SHAPE, CENTRE[0] + dy, CENTRE[1] + dx, radius(k, **course))
        frames.append(image + rng.normal(0, noise, SHAPE))
    return np.asarray(frames, np.float32)
