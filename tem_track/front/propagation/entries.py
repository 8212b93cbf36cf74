"""Where a front comes out of a grain boundary into a grain, and how long it stood there.

Every pixel side between two grains is looked at from both: the plane fitted to the arrival times a few pixels inside
each grain is carried to the boundary, which gives when the front arrived there on one side and when it set out on the
other, and the direction in which it set out. No pixel that carries the boundary's own line is used.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from tem_track.front.speed import Slope
from tem_track.movie import FloatArray, Image, Labels, Mask

# How far inside a grain its plane is read, px: past the boundary's line and blur, well before most zones end.
DEPTH_PX = 3.0
# Smoothing of a grain's outline before its normal is taken, px.
NORMAL_PX = 2.0
# A front that sets out from a boundary moves within 45 deg of its normal; one that runs along it does not.
LEAST_COSINE = 0.7
# A front that passes a boundary may be bent by its faster zone on both sides.
PASSING_COSINE = 0.3
# A window that holds a jump of the arrival time (a boundary a little beside its true place) scatters about its plane
# by up to half of the jump; a delay must be this many times what a plane's scatter has beyond the usual.
JUMP_FACTOR = 2.0
# Beyond this many usual scatters, and half of the least delay, a plane says nothing about the boundary.
MOST_MISFIT = 2.0


@dataclass(frozen=True)
class Sides:
    """Every pixel side between two grains, once in each direction (from one grain to the other).

    Attributes
    ----------
    place : (S, 2) float64
        (y, x) of the side's middle.
    normal : (S, 2) float64
        Unit vector into the grain the front goes to.
    source, target : (S,) int32
        Grain the front comes from, and grain it goes to.
    arrival, departure : (S,) float64
        When the front is at the boundary in the source, and in the target; unit of the arrival map, NaN = unknown.
    cosine : (S,) float64
        Of the angle between the front's motion in the target and `normal`.
    approach : (S,) float64
        The same of the front's motion in the source: positive towards the boundary.
    misfit : (S,) float64
        Scatter about the worse of the two planes beyond the movie's usual, unit of the arrival map.
    usual : float
        The movie's usual scatter about a plane.
    """

    place: FloatArray
    normal: FloatArray
    source: NDArray[np.int32]
    target: NDArray[np.int32]
    arrival: FloatArray
    departure: FloatArray
    cosine: FloatArray
    approach: FloatArray
    misfit: FloatArray
    usual: float

    @property
    def delay(self) -> FloatArray:
        """How long the front stood at the boundary (S,)."""
        return self.departure - self.arrival


def boundary_sides(territory: Labels, slope: Slope) -> Sides:
    """Return what the front did at every pixel side between two grains.

    Parameters
    ----------
    territory : (Y, X) int32
        Grain of every pixel, 0 outside.
    slope : Slope
        Planes fitted within grains.

    Returns
    -------
    Sides
    """
    first, second = _touching_pixels(territory)
    place = (first + second) / 2
    source, target = territory[first[:, 0], first[:, 1]], territory[second[:, 0], second[:, 1]]
    ny, nx = _inward_normals(territory)
    at = second[:, 0], second[:, 1]
    normal = np.stack((ny[at], nx[at]), axis=1).astype(np.float64)
    usual = float(np.nanmedian(slope.scatter)) if np.isfinite(slope.scatter).any() else 0.0
    arrival, before, misfit = _carried(slope, usual, territory, place, -normal, source)
    departure, motion, other_misfit = _carried(slope, usual, territory, place, normal, target)
    cosine, approach = ((m * normal).sum(axis=1) / np.maximum(np.hypot(*m.T), 1e-12) for m in (motion, before))
    return Sides(
        place, normal, source, target, arrival, departure, cosine, approach, np.maximum(misfit, other_misfit), usual
    )


def entering(sides: Sides, least_delay: float) -> Mask:
    """Return (S,) which sides a front set out from into the target, after it had stood there in the source."""
    clear = sides.misfit < max(MOST_MISFIT * sides.usual, least_delay / 2)
    with np.errstate(invalid="ignore"):
        held = sides.delay > least_delay + JUMP_FACTOR * sides.misfit
        return np.asarray(held & clear & (sides.cosine > LEAST_COSINE))


def passing(sides: Sides, least_delay: float) -> Mask:
    """Return (S,) which sides a front went through without standing there: it came up to them and set out behind.

    Two fronts that start on a boundary and leave it to both sides do not pass it.
    """
    with np.errstate(invalid="ignore"):
        toward = (sides.approach > PASSING_COSINE) & (sides.cosine > PASSING_COSINE)
        return np.asarray(toward & (sides.delay > -least_delay / 2))


def _touching_pixels(territory: Labels) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return (S, 2) pixels and (S, 2) their neighbours of another grain, every side in both directions."""
    firsts, seconds = [], []
    for a, b in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        differ = (territory[a] != territory[b]) & (territory[a] > 0) & (territory[b] > 0)
        here = np.argwhere(differ)
        there = here + ((1, 0) if isinstance(a, slice) else (0, 1))
        firsts += [here, there]
        seconds += [there, here]
    return np.concatenate(firsts), np.concatenate(seconds)


def _inward_normals(territory: Labels) -> tuple[Image, Image]:
    """Return unit vectors (y, x) that point into each pixel's own grain, meaningful near its outline."""
    ny, nx = np.zeros(territory.shape, np.float32), np.zeros(territory.shape, np.float32)
    reach = int(np.ceil(4 * NORMAL_PX))
    for k, tight in enumerate(find_objects(territory)):
        if tight is None:
            continue
        rows, columns = (slice(max(0, s.start - reach), s.stop + reach) for s in tight)
        box: tuple[slice, slice] = (rows, columns)
        grain = np.asarray(territory[box] == k + 1)
        soft = cv2.GaussianBlur(grain.astype(np.float32), (0, 0), NORMAL_PX, borderType=cv2.BORDER_REPLICATE)
        gy = cv2.Sobel(soft, cv2.CV_32F, 0, 1, borderType=cv2.BORDER_REPLICATE)[grain]
        gx = cv2.Sobel(soft, cv2.CV_32F, 1, 0, borderType=cv2.BORDER_REPLICATE)[grain]
        length = np.maximum(np.hypot(gy, gx), 1e-9)
        ny[box][grain], nx[box][grain] = gy / length, gx / length
    return ny, nx


def _carried(
    slope: Slope, usual: float, territory: Labels, place: FloatArray, inward: FloatArray, grain: NDArray[np.int32]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the time (S,) at each place by the plane read inside the given grain, its gradient (S, 2) and misfit."""
    pixel = np.rint(place + DEPTH_PX * slope.step * inward).astype(int)
    last = np.array(territory.shape) - 1
    known = ((pixel >= 0) & (pixel <= last)).all(axis=1)
    y, x = np.clip(pixel, 0, last).T
    known &= territory[y, x] == grain
    gradient = np.stack((slope.dy[y, x], slope.dx[y, x]), axis=1).astype(np.float64)
    time = slope.level[y, x] - (gradient * (pixel - place)).sum(axis=1)
    scatter = slope.scatter[y, x].astype(np.float64)
    misfit = np.sqrt(np.maximum(scatter**2 - usual**2, 0.0))
    return np.where(known, time, np.nan), gradient, misfit
