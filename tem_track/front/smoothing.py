"""Smoothing of maps and samples that have gaps."""

from __future__ import annotations

import cv2
import numpy as np

from tem_track.movie import Image

# Smoothing by less has no effect on a pixel grid.
LEAST_SIGMA_PX = 0.3


def smoothed(image: Image, sigma: float) -> Image:
    """Return a (y, x) image smoothed by a Gaussian (sigma in px) over its finite pixels; the others stay NaN."""
    if sigma < LEAST_SIGMA_PX:
        return image
    seen = np.isfinite(image)
    if seen.all():
        return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), dtype=np.float32)
    share = cv2.GaussianBlur(seen.astype(np.float32), (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    total = cv2.GaussianBlur(np.where(seen, image, np.float32(0)), (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    return np.where(seen, total / np.maximum(share, 1e-3), np.float32(np.nan))


def noise_sigma(noise: float, wanted: float, most: float) -> float:
    """Return the sigma (px) that brings white noise down to what is wanted: it falls by 2 sqrt(pi) sigma."""
    if noise <= wanted:
        return 0.0
    return float(np.clip(noise / wanted / (2 * np.sqrt(np.pi)), LEAST_SIGMA_PX, most))
