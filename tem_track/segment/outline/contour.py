"""Outlines of particles that rays from one centre cannot describe: the edge level along the label's own normals.

Elongated, branched or broken shapes have no common radial profile. Here every point of the label's contour looks along
its normal: background outside, particle inside, and the edge where the grey value passes half way between the two,
smoothed along the contour. The rule is that of a sharp edge; for a round onset it lies inside (see chord.py), so
the uncertainty of such an outline carries the width of the edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tem_track.movie import FloatArray, Image
from tem_track.segment.outline.average import circular_mean
from tem_track.segment.outline.polygon import polygon_area

# Spacing of the points along the contour and of the samples along a normal, px.
_SPACING_PX, _SAMPLE_PX = 1.5, 0.5


@dataclass(frozen=True)
class ContourOutline:
    """Outline (P, 2) yx px, standard uncertainty of its area (px^2), and the share of points where an edge was seen."""

    points: FloatArray
    area_sd: float
    seen: float


def follow_contour(frame: Image, barred: Image, contour: FloatArray, dark: bool) -> ContourOutline:
    """Return the outline near a label's contour.

    Parameters
    ----------
    frame, barred : (Y, X) float32
        Picture, and 1 where it may not be used (other particles, overlays).
    contour : (P, 2) float64
        yx, px of the same picture.
    dark : bool
    """
    size = float(np.sqrt(polygon_area(contour) / np.pi)) + 1
    reach = float(np.clip(0.35 * size, 3.0, 12.0))
    points = _even_points(contour)
    seen, width = np.zeros(len(points)), np.full(len(points), reach)
    for _ in range(2):
        normals = _normals(points)
        shift, seen, width = _edge_shift(frame, barred, points, normals, reach, dark)
        points = points + shift[:, None] * normals
        reach = max(3.0, 0.7 * reach)
    step = np.hypot(*(np.roll(points, -1, axis=0) - points).T)
    # Common error of the half-height rule: a third of the edge's width all round.
    common = float(np.average(width, weights=seen + 1e-9)) / 3 * float(step.sum())
    # Where nothing was seen the label decides: uncertain by the reach.
    blind = reach * float(step[seen <= 0].sum())
    return ContourOutline(points, float(np.hypot(common, blind)), float((seen > 0).mean()))


def _even_points(contour: FloatArray) -> FloatArray:
    """Return the contour at even spacing, smoothed over two points (a whole-pixel contour is a staircase)."""
    closed = np.vstack([contour, contour[:1]])
    along = np.append(0.0, np.cumsum(np.hypot(*np.diff(closed, axis=0).T)))
    count = int(np.clip(along[-1] / _SPACING_PX, 8, 2000))
    at = np.linspace(0, along[-1], count, endpoint=False)
    even = np.stack([np.interp(at, along, closed[:, axis]) for axis in (0, 1)], axis=1)
    flat = np.ones(count)
    smooth = circular_mean(even.T, flat, min(2.0, count / 16)).T
    # Label contours run through the centres of the outermost pixels: half a pixel inside the label.
    return np.asarray(smooth + 0.5 * _normals(smooth))


def _normals(points: FloatArray) -> FloatArray:
    """Return outward unit normals (P, 2) yx of a closed contour."""
    tangent = np.roll(points, -1, axis=0) - np.roll(points, 1, axis=0)
    y, x = points.T
    turn = np.sign(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) or 1.0
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1) * turn
    return np.asarray(normal / np.maximum(np.hypot(*normal.T), 1e-9)[:, None])


def _edge_shift(
    frame: Image, barred: Image, points: FloatArray, normals: FloatArray, reach: float, dark: bool
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return shift (P,) px along the normals to the half height, its weight (P,) and the edge's width (P,) px."""
    depth = np.arange(-reach, reach + 1e-9, _SAMPLE_PX)
    y = (points[:, :1] + normals[:, :1] * depth).astype(np.float32)
    x = (points[:, 1:] + normals[:, 1:] * depth).astype(np.float32)
    sign = np.float32(-1.0 if dark else 1.0)
    level = sign * cv2.remap(frame, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    bar = cv2.remap(barred, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    height, width = frame.shape
    seen = (bar < 0.25) & (y >= 0) & (x >= 0) & (y <= height - 1) & (x <= width - 1)
    weight = (seen & (depth > 0.4 * reach)).sum(axis=1).astype(np.float64)
    weight *= seen[:, depth < 0].mean(axis=1) > 0.7
    smooth_width = max(1.0, 4.0 / _SPACING_PX)
    level = circular_mean(level.T.astype(np.float64), weight + 1e-3, smooth_width / 2).T
    outside = circular_mean(np.median(level[:, depth > 0.5 * reach], axis=1), weight, smooth_width)
    inside = circular_mean(np.median(level[:, depth < -0.5 * reach], axis=1), weight, smooth_width)
    contrast = inside - outside
    weight *= contrast > 0.25 * float(np.median(contrast))
    fraction = np.clip((level - outside[:, None]) / np.maximum(np.abs(contrast), 1e-9)[:, None], 0, 1)
    # The integral of the step is where it stands, with every sample used.
    shift = fraction.sum(axis=1) * _SAMPLE_PX - reach - _SAMPLE_PX / 2
    slope = np.abs(np.diff(fraction, axis=1)).max(axis=1)
    shift = circular_mean(np.where(weight > 0, shift, 0.0), weight, smooth_width)
    return np.clip(shift, -reach, reach), weight, np.clip(_SAMPLE_PX / np.maximum(slope, 1e-3), _SAMPLE_PX, reach)
