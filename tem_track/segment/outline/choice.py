"""Which of two outlines of a particle the picture supports, and how far apart they are."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

from tem_track.movie import FloatArray, Image, Mask
from tem_track.segment.outline.polygon import bounding_box, polygon_areas, polygon_mask
from tem_track.segment.outline.rays import ray_angles

# Width of the surroundings that are looked at, in units of the equivalent radius, and at least in px.
_MARGIN, _MARGIN_PX = 0.25, 5.0
# Share of the surroundings that may be anything (strands, specks).
_ANYTHING = 0.05
# Smoothing before pixels are judged, px: single electrons say little.
_SMOOTH_PX = 1.0
# Evidence (nats per pixel of the outline's length) by which the second outline must win.
_CLEARLY = 0.1
# Beside an edge its blur leaves up to this share of the particle's contrast in the surroundings: with many electrons
# that is more than noise, and no particle for that.
_BLURRED = 0.05


def radii_about(points: FloatArray, centre: FloatArray, count: int) -> FloatArray:
    """Return the (N,) radii of a (P, 2) yx outline on N rays from a centre (2,) inside it."""
    offset = points - centre
    angle = np.arctan2(offset[:, 0], offset[:, 1]) % (2 * np.pi)
    order = np.argsort(angle, kind="stable")
    distance = np.hypot(offset[order, 0], offset[order, 1])
    return np.asarray(np.interp(ray_angles(count), angle[order], distance, period=2 * np.pi))


def hull_of(points: FloatArray) -> FloatArray:
    """Return the convex hull (Q, 2) of an outline (P, 2), its sides filled with points no further apart than before."""
    corners = cv2.convexHull(points.astype(np.float32))[:, 0].astype(np.float64)
    closed = np.vstack([corners, corners[:1]])
    along = np.append(0.0, np.cumsum(np.hypot(*np.diff(closed, axis=0).T)))
    at = np.linspace(0.0, along[-1], 2 * len(points), endpoint=False)
    return np.stack([np.interp(at, along, closed[:, axis]) for axis in (0, 1)], axis=1)


def difference(first: FloatArray, second: FloatArray, count: int = 48) -> float:
    """Return how far two outlines (P, 2) of a particle are apart, root mean square in units of the radius.

    >>> circle = np.stack([np.sin(ray_angles(48)), np.cos(ray_angles(48))], axis=1)
    >>> round(difference(circle, 1.05 * circle), 3)
    0.049
    """
    centre = first.mean(axis=0)
    mine, other = (radii_about(points, centre, count) for points in (first, second))
    return float(np.sqrt(np.mean(np.log(np.maximum(mine, 1e-6) / np.maximum(other, 1e-6)) ** 2)))


def bites(outlines: FloatArray, deep: float) -> Mask:
    """Return which of (K, N, 2) outlines may be further than `deep` (rms over the radius) from their convex hulls.

    Notes
    -----
    For a given rms the hull encloses least more than the outline where a single one of the N radii differs: then
    by 2 `deep` / sqrt(N) of the area.
    """
    area = polygon_areas(outlines)
    hull = [cv2.contourArea(cv2.convexHull(points)) for points in outlines.astype(np.float32)]
    return np.asarray(np.array(hull) > (1 + 2 * deep / np.sqrt(outlines.shape[1])) * area)


def second_is_better(
    picture: Image, barred: Callable[[tuple[slice, slice]], Mask], first: FloatArray, second: FloatArray
) -> bool:
    """Return whether the picture speaks for the second outline.

    Parameters
    ----------
    picture : (Y, X) float32
    barred : callable (box) -> (Y, X) bool
        Pixels of a box of the picture that are other particles' or overlays', which say nothing.
    first, second : (P, 2) float64
        Outlines, yx, px.

    Notes
    -----
    What counts are the pixels that one outline holds and the other does not. The surroundings have a level and a
    noise of their own, nearly; a particle's grains may be of any grey. So a pixel that looks like the surroundings
    speaks against being inside by the logarithm of how much narrower their distribution is than all that occurs,
    and one that does not look like them speaks for it.
    """
    shape = (picture.shape[0], picture.shape[1])
    both = np.concatenate([first, second])
    radius = 0.5 * float(np.ptp(first, axis=0).mean())
    margin = max(_MARGIN_PX, _MARGIN * radius)
    top, left, bottom, right = bounding_box(both, shape, margin)
    if bottom - top < 3 or right - left < 3:
        return False
    size = (bottom - top, right - left)
    mine, other = (polygon_mask(points, size, (top, left)) for points in (first, second))
    part = np.ascontiguousarray(picture[top:bottom, left:right])
    free = ~barred((slice(top, bottom), slice(left, right)))
    smooth = cv2.GaussianBlur(part, (0, 0), _SMOOTH_PX)
    far = cv2.distanceTransform((~(mine | other)).astype(np.uint8), cv2.DIST_L2, 5)
    around = free & (far > 2.0) & (far <= margin)
    judged = free & (mine != other)
    if around.sum() < 30 or not judged.any():
        return False
    level = float(np.median(smooth[around]))
    noise = max(1.4826 * float(np.median(np.abs(smooth[around] - level))), 1e-9)
    common = free & mine & other
    if common.any():
        noise = math.hypot(noise, _BLURRED * abs(float(np.median(smooth[common])) - level))
    seen = smooth[free & (mine | other)]
    extent = max(float(np.ptp(np.percentile(seen, (1, 99)))), 4 * noise) + 2 * noise
    off = (smooth[judged] - level) / noise
    outside = (1 - _ANYTHING) * np.exp(-0.5 * off**2) / (np.sqrt(2 * np.pi) * noise) + _ANYTHING / extent
    for_inside = -np.log(extent) - np.log(outside)
    evidence = float(np.where(other[judged], for_inside, -for_inside).sum())
    return evidence > _CLEARLY * 2 * np.pi * radius
