"""Closed polygons in sub-pixel coordinates: area, centroid, second moments, rendering to whole pixels."""

from __future__ import annotations

import numpy as np

from tem_track.movie import FloatArray, Mask


def polygon_area(points: FloatArray) -> float:
    """Return the area (px^2) enclosed by a (P, 2) yx polygon, whichever way round it is drawn.

    >>> polygon_area(np.array([[0.0, 0.0], [0.0, 2.0], [3.0, 2.0], [3.0, 0.0]]))
    6.0
    """
    y, x = points[:, 0], points[:, 1]
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def polygon_areas(points: FloatArray) -> FloatArray:
    """Return the areas (..., px^2) enclosed by (..., P, 2) yx polygons, whichever way round they are drawn.

    >>> float(polygon_areas(np.array([[0.0, 0.0], [0.0, 2.0], [3.0, 2.0], [3.0, 0.0]])))
    6.0
    """
    # From the first vertex: coordinates of a large frame would leave too few digits for the area.
    y, x = np.moveaxis(points[..., 1:, :] - points[..., :1, :], -1, 0)
    twice = (x[..., :-1] * y[..., 1:]).sum(axis=-1) - (x[..., 1:] * y[..., :-1]).sum(axis=-1)
    return np.asarray(np.abs(twice) / 2)


def polygon_moments(points: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return area (px^2), centroid yx (px) and central second moments per area (px^2) of polygons.

    Parameters
    ----------
    points : (..., P, 2) float64
        yx, px; either way round.

    Returns
    -------
    area : (...,) float64
    centroid : (..., 2) float64
    moments : (..., 2, 2) float64

    Notes
    -----
    Green's theorem over the edges of the polygon.

    References
    ----------
    Steger, "On the calculation of arbitrary moments of polygons", FGBV-96-05, TU Muenchen (1996).
    """
    origin = points.mean(axis=-2)
    y, x = np.moveaxis(points - origin[..., None, :], -1, 0)
    y1, x1 = np.roll(y, -1, axis=-1), np.roll(x, -1, axis=-1)
    cross = x * y1 - x1 * y
    area = cross.sum(axis=-1) / 2
    none = np.abs(area) < 1e-9
    whole = np.where(none, np.inf, area)
    my, mx = ((y + y1) * cross).sum(axis=-1) / (6 * whole), ((x + x1) * cross).sum(axis=-1) / (6 * whole)
    yy = ((y * y + y * y1 + y1 * y1) * cross).sum(axis=-1) / (12 * whole) - my * my
    xx = ((x * x + x * x1 + x1 * x1) * cross).sum(axis=-1) / (12 * whole) - mx * mx
    xy = ((x * y1 + 2 * x * y + 2 * x1 * y1 + x1 * y) * cross).sum(axis=-1) / (24 * whole) - mx * my
    moments = np.stack([np.stack([yy, xy], axis=-1), np.stack([xy, xx], axis=-1)], axis=-2)
    return np.where(none, 0.0, np.abs(area)), origin + np.stack([my, mx], axis=-1), moments


def ellipse_axes(moments: FloatArray) -> FloatArray:
    """Return the full long and short axes (..., 2) px of the ellipses with the given second moments (..., 2, 2) px^2.

    >>> ellipse_axes(np.diag([4.0, 1.0]))
    array([8., 4.])
    """
    return np.asarray(4 * np.sqrt(np.maximum(np.linalg.eigvalsh(moments)[..., ::-1], 0.0)))


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
    # The rows that each edge crosses: from its upper end, that one included, to its lower end.
    first, last = (np.clip(np.ceil(ends), 0, height).astype(np.intp) for ends in (np.minimum(y, y1), np.maximum(y, y1)))
    crossed = last - first
    edge = np.repeat(np.arange(len(y)), crossed)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(crossed) - crossed - first, crossed)
    slope = np.divide(x1 - x, y1 - y, out=np.zeros_like(y), where=y1 != y)
    column = np.clip(np.ceil(x[edge] + (row - y[edge]) * slope[edge]), 0, width).astype(np.intp)
    flips = np.bincount(row * (width + 1) + column, minlength=height * (width + 1)).reshape(height, width + 1)
    return np.asarray(np.logical_xor.accumulate((flips[:, :width] & 1).astype(np.bool_), axis=1))


def bounding_box(points: FloatArray, shape: tuple[int, int], margin: float = 1.0) -> tuple[int, int, int, int]:
    """Return (top, left, bottom, right) of whole pixels around a polygon, clipped to a (Y, X) field."""
    low = np.floor(points.min(axis=0) - margin).astype(int)
    high = np.ceil(points.max(axis=0) + margin).astype(int) + 1
    top, left = np.clip(low, 0, shape)
    bottom, right = np.clip(high, 0, shape)
    return int(top), int(left), int(bottom), int(right)
