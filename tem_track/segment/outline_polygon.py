"""Closed polygons in sub-pixel coordinates: area, centroid, second moments, rendering to whole pixels."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Mask

# cv2.fillPoly takes fixed-point vertices; 8 fractional bits place a vertex to 1/256 px.
_SHIFT = 8


def polygon_area(points: FloatArray) -> float:
    """Return the area (px^2) enclosed by a (P, 2) yx polygon, whichever way round it is drawn.

    >>> polygon_area(np.array([[0.0, 0.0], [0.0, 2.0], [3.0, 2.0], [3.0, 0.0]]))
    6.0
    """
    y, x = points[:, 0], points[:, 1]
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def polygon_moments(points: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """Return area (px^2), centroid (2,) yx (px) and central second moments (2, 2) per area (px^2) of a polygon.

    Notes
    -----
    Green's theorem over the edges of the polygon.

    References
    ----------
    Steger, "On the calculation of arbitrary moments of polygons", FGBV-96-05, TU Muenchen (1996).
    """
    origin = points.mean(axis=0)
    y, x = (points - origin).T
    y1, x1 = np.roll(y, -1), np.roll(x, -1)
    cross = x * y1 - x1 * y
    area = cross.sum() / 2
    if abs(area) < 1e-9:
        return 0.0, origin, np.zeros((2, 2))
    my, mx = ((y + y1) * cross).sum() / (6 * area), ((x + x1) * cross).sum() / (6 * area)
    yy = ((y * y + y * y1 + y1 * y1) * cross).sum() / (12 * area) - my * my
    xx = ((x * x + x * x1 + x1 * x1) * cross).sum() / (12 * area) - mx * mx
    xy = ((x * y1 + 2 * x * y + 2 * x1 * y1 + x1 * y) * cross).sum() / (24 * area) - mx * my
    return float(abs(area)), origin + np.array([my, mx]), np.array([[yy, xy], [xy, xx]])


def ellipse_axes(moments: FloatArray) -> tuple[float, float]:
    """Return the full long and short axis (px) of the ellipse with the given second moments (px^2).

    >>> ellipse_axes(np.diag([4.0, 1.0]))
    (8.0, 4.0)
    """
    low, high = np.linalg.eigvalsh(moments)
    return 4 * float(np.sqrt(max(high, 0.0))), 4 * float(np.sqrt(max(low, 0.0)))


def polygon_mask(points: FloatArray, shape: tuple[int, int], corner: tuple[int, int] = (0, 0)) -> Mask:
    """Return the (Y, X) pixels whose centre lies in a (P, 2) yx polygon.

    Parameters
    ----------
    points : (P, 2) float64
        Vertices, px.
    shape : (int, int)
        Size of the picture, px.
    corner : (int, int)
        Row and column of the picture's first pixel in the coordinates of the points.

    Notes
    -----
    Crossing-number rule along each pixel row: a pixel belongs to the polygon if an odd number of edges lies to its
    right. cv2.fillPoly also paints the boundary pixels, half a pixel too much all round, so it is not used here.
    """
    height, width = shape
    y, x = points[:, 0] - corner[0], points[:, 1] - corner[1]
    y1, x1 = np.roll(y, -1), np.roll(x, -1)
    rows = np.arange(height)[:, None]
    crosses = (y <= rows) != (y1 <= rows)
    slope = np.divide(x1 - x, y1 - y, out=np.zeros_like(y), where=y1 != y)
    column = np.ceil(x + (rows - y) * slope)
    flips = np.zeros((height, width + 1), np.int32)
    at_row, at_edge = np.nonzero(crosses)
    at_column = np.clip(column[at_row, at_edge], 0, width).astype(np.intp)
    np.add.at(flips, (at_row, at_column), 1)
    return np.asarray(np.cumsum(flips[:, :width], axis=1) % 2 == 1)


def rough_mask(points: FloatArray, shape: tuple[int, int], corner: tuple[int, int]) -> NDArray[np.uint8]:
    """Return a (Y, X) uint8 picture of a polygon with its boundary pixels, fast; for exclusion zones."""
    picture = np.zeros(shape, np.uint8)
    vertices = np.rint((points[:, ::-1] - (corner[1], corner[0])) * (1 << _SHIFT)).astype(np.int32)
    cv2.fillPoly(picture, [vertices], 1, shift=_SHIFT)
    return picture


def bounding_box(points: FloatArray, shape: tuple[int, int], margin: float = 1.0) -> tuple[int, int, int, int]:
    """Return (top, left, bottom, right) of whole pixels around a polygon, clipped to a (Y, X) field."""
    low = np.floor(points.min(axis=0) - margin).astype(int)
    high = np.ceil(points.max(axis=0) + margin).astype(int) + 1
    top, left = np.clip(low, 0, shape)
    bottom, right = np.clip(high, 0, shape)
    return int(top), int(left), int(bottom), int(right)
