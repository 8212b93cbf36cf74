"""Dispersed nanovoids: dark spots that the degradation left, counted and sized."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tem_track.front.grains.network import Grains
from tem_track.movie import FloatArray, Image, Mask

# A spot is dark against the median of its surroundings, this many px wide: several times the widest spot counted.
SURROUNDINGS_PX = 31
# Dark spots lie this many robust standard deviations below, and hold at least this many pixels.
DARKNESS, LEAST_PX = 4.0, 5
# Smoothing before spots are sought, px: one pixel's noise is no spot.
SMOOTHING_PX = 1.0
# Boundary lines are dark before the front comes; this far to either side, px, nothing is counted.
BOUNDARY_PX = 6.0
# Voids are the mechanism where the degraded film has at least this many times the dark spots it had before.
TIMES_MORE = 3.0
# Median absolute deviation to standard deviation of a normal distribution.
MAD_TO_SD = 1.4826


@dataclass(frozen=True)
class Voids:
    """Dark spots of the degraded film.

    Attributes
    ----------
    places : (N, 2) float64
        (y, x), specimen frame.
    diameter_px : (N,) float64
        2 sqrt(area / pi) at half of each spot's darkness.
    area_px : float
        Degraded film in which they were counted.
    before : int
        Dark spots that the same film showed before, by the same rule.
    """

    places: FloatArray
    diameter_px: FloatArray
    area_px: float
    before: int

    @property
    def dispersed(self) -> bool:
        """Voids came with the degradation, and are not the texture the film had."""
        return len(self.places) >= TIMES_MORE * max(self.before, 1)


def find_voids(after: Image, before: Image, degraded: Mask, grains: Grains) -> Voids:
    """Return the dark spots that degradation left away from the boundaries.

    Parameters
    ----------
    after, before : (Y, X) float32
        Mean of the last and of the first registered frames, NaN where not seen.
    degraded : (Y, X) bool
        Where the film degraded during the movie.
    grains : Grains

    Returns
    -------
    Voids
    """
    where = degraded & (grains.distance_px > BOUNDARY_PX) & np.isfinite(after) & np.isfinite(before)
    spots, areas = _dark_spots(after, where)
    count = len(_dark_spots(before, where)[1])
    return Voids(spots, 2 * np.sqrt(areas / np.pi), float(where.sum()), count)


def _dark_spots(image: Image, where: Mask) -> tuple[FloatArray, FloatArray]:
    """Return places (N, 2) and areas (N,) of connected dark spots."""
    if not where.any():
        return np.zeros((0, 2)), np.zeros(0)
    usual = float(np.median(image[where]))
    filled = np.where(np.isfinite(image), image, usual).astype(np.float32)
    smooth = cv2.GaussianBlur(filled, (0, 0), SMOOTHING_PX)
    dark = _surroundings(filled) - smooth
    spread = MAD_TO_SD * float(np.median(np.abs(dark[where] - np.median(dark[where]))))
    number, table, centre = cv2.connectedComponentsWithStats(
        ((dark > DARKNESS * spread) & where).astype(np.uint8), connectivity=8
    )[1:]
    deepest = np.zeros(len(table), np.float32)
    np.maximum.at(deepest, number.ravel(), dark.ravel())
    half = (number > 0) & (dark > deepest[number] / 2)
    areas = np.bincount(number[half], minlength=len(table)).astype(float)
    keep = (table[:, cv2.CC_STAT_AREA] >= LEAST_PX) & (np.arange(len(table)) > 0)
    return centre[keep][:, ::-1].astype(np.float64), areas[keep]


def _surroundings(image: Image) -> Image:
    """Return the median of each pixel's wide surroundings, by 8-bit medians (exact to 1/255 of the range)."""
    low, high = np.quantile(image, (0.005, 0.995))
    scale = max(float(high - low), 1e-9)
    grey = np.clip((image - low) / scale * 255, 0, 255).astype(np.uint8)
    return np.asarray(cv2.medianBlur(grey, SURROUNDINGS_PX).astype(np.float32) / 255 * scale + low, np.float32)
