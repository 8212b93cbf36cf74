"""Smooth random fields: waves, and filtered noise on a grid."""

from __future__ import annotations

import cv2
import numpy as np

from tem_track.movie import Image


def waves(rng: np.random.Generator, y: Image, x: Image, wavelength: float) -> Image:
    """Smooth random relief of unit standard deviation with waves no shorter than `wavelength`, in the unit of y, x."""
    relief = np.zeros((y.shape[0], x.shape[1]), np.float32)
    for _ in range(12):
        direction, phase, longer = rng.uniform(0, 2 * np.pi), rng.uniform(0, 2 * np.pi), rng.uniform(1, 3)
        k = 2 * np.pi / (longer * wavelength)
        relief += np.cos(y * np.float32(k * np.sin(direction)) + x * np.float32(k * np.cos(direction)) + phase)
    return relief / np.float32(np.sqrt(6))


def cloud(rng: np.random.Generator, shape: tuple[int, int], size_px: float) -> Image:
    """Return noise (Y, X) of zero mean and unit standard deviation smoothed to features of about `size_px`."""
    # Drawn coarser where features are large: four pixels a feature are enough.
    coarse = max(1.0, size_px / 4)
    grid = tuple(int(np.ceil(n / coarse)) + 2 for n in shape)
    noise = rng.standard_normal(grid, dtype=np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), size_px / coarse / 2, borderType=cv2.BORDER_REFLECT)
    noise /= np.float32(max(float(noise.std()), 1e-9))
    if coarse > 1:
        noise = cv2.resize(noise, None, fx=coarse, fy=coarse, interpolation=cv2.INTER_CUBIC)
    return np.asarray(noise[: shape[0], : shape[1]], np.float32)
