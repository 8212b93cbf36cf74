"""Looking across a line and along it: planes of arrival times, images moved to one side, averages along a direction."""

from __future__ import annotations

import cv2
import numpy as np

from tem_track.front.speed import Slope, fit_slope
from tem_track.movie import FloatArray, Image, Mask

# Planes are fitted in windows of 7 x 7 px.
RADIUS = 3
# Evidence of a boundary is averaged along it over this standard deviation, px: over the gaps that a place where the
# front just passed leaves, and still short beside a grain.
ALONG_PX = 6.0


def arrival_planes(arrival_frame: Image, film: Mask) -> Slope:
    """Return the planes that show where a front was held or led.

    Parameters
    ----------
    arrival_frame : (Y, X) float32
        Fractional arrival frame; NaN = never, 0 = before the movie.
    film : (Y, X) bool
    """
    usable = film & np.isfinite(arrival_frame) & (arrival_frame > 0)
    return fit_slope(arrival_frame, film.astype(np.int32), usable, RADIUS)


def shifted(image: Image, by: FloatArray) -> Image:
    """Return image[p + by] at every pixel p, NaN beyond the edge."""
    matrix = np.array([[1, 0, by[1]], [0, 1, by[0]]], np.float32)
    return np.asarray(
        cv2.warpAffine(
            np.asarray(image, np.float32),
            matrix,
            image.shape[::-1],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=float("nan"),
        )
    )


def averaged_along(evidence: Image, across: FloatArray) -> Image:
    """Return an image averaged along the line through every pixel whose unit normal (y, x) is given."""
    radius = round(2 * ALONG_PX)
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1].astype(np.float64)
    off = y * across[0] + x * across[1]
    along = x * across[0] - y * across[1]
    # One pixel wide, whatever its direction.
    kernel = np.exp(-0.5 * (along / ALONG_PX) ** 2) * np.clip(1 - np.abs(off), 0, 1)
    return np.asarray(cv2.filter2D(evidence, -1, (kernel / kernel.sum()).astype(np.float32)), np.float32)
