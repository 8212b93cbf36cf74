"""Where an outline starts: centre and rough radii of a particle from its whole-pixel label."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tem_track.movie import FloatArray, Labels, Mask
from tem_track.segment.outline_polygon import polygon_area
from tem_track.segment.outline_rays import ray_count
from tem_track.segment.outline_shape import smooth_log_radius

# Share of a label's area that rays from its centre may get wrong before it counts as not star-shaped.
_STAR_TOLERANCE = 0.06


@dataclass(frozen=True)
class Start:
    """A particle's label in one frame, as a starting outline.

    Attributes
    ----------
    centre : (2,) float64
        yx, px.
    radius : (N,) float64
        Radius per ray, px; smooth where the label is cut by the border.
    contour : (P, 2) float64
        Outer contour of the label, yx, px.
    cut : bool
        The border of the field cuts the label.
    star : bool
        Every point of the label is seen from the centre.
    """

    centre: FloatArray
    radius: FloatArray
    contour: FloatArray
    cut: bool
    star: bool


def label_boxes(labels: Labels) -> dict[int, tuple[int, int, int, int]]:
    """Return (top, left, bottom, right) of every label of a (Y, X) label image, bottom and right exclusive."""
    rows, columns = np.nonzero(labels)
    if not len(rows):
        return {}
    values = labels[rows, columns]
    found, index = np.unique(values, return_inverse=True)
    top = np.full(len(found), labels.shape[0])
    left = np.full(len(found), labels.shape[1])
    bottom, right = np.zeros(len(found), int), np.zeros(len(found), int)
    np.minimum.at(top, index, rows)
    np.minimum.at(left, index, columns)
    np.maximum.at(bottom, index, rows + 1)
    np.maximum.at(right, index, columns + 1)
    return {
        int(v): (int(t), int(le), int(b), int(r))
        for v, t, le, b, r in zip(found, top, left, bottom, right, strict=True)
    }


def start_from_label(own: Mask, corner: tuple[int, int], field: tuple[int, int]) -> Start | None:
    """Return the starting outline of a label given as (Y, X) mask cut out at `corner` of a `field`; None if empty."""
    padded = cv2.copyMakeBorder(own.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    contours, _ = cv2.findContours(padded, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    largest = max(contours, key=lambda c: (cv2.contourArea(c), len(c)))
    points = largest[:, 0, ::-1].astype(np.float64) - 1.0 + corner
    on_border = _on_border(points, field)
    cut = bool(on_border.sum() >= 3)
    centre = points.mean(axis=0) if len(points) < 8 else _centre(points, on_border if cut else None)
    radius, star = _radii(points, centre, on_border if cut else np.zeros(len(points), bool))
    return Start(centre, radius, points, cut, star)


def _on_border(points: FloatArray, field: tuple[int, int]) -> Mask:
    return np.asarray(((points <= 0.5) | (points >= np.array(field) - 1.5)).any(axis=1))


def _centre(points: FloatArray, on_border: Mask | None) -> FloatArray:
    """Return the centroid of a contour; of a cut one the centre of the circle through what is left of it."""
    moments = cv2.moments(points[:, ::-1].astype(np.float32))
    centre = points.mean(axis=0)
    if moments["m00"] > 0:
        centre = np.array([moments["m01"], moments["m10"]], np.float64) / moments["m00"]
    if on_border is None or (~on_border).sum() < 8:
        return np.asarray(centre)
    free = points[~on_border] - centre
    # Kasa's circle: |p|^2 = 2 c.p + k, linear in the centre c.
    system = np.hstack([2 * free, np.ones((len(free), 1))])
    solution = np.linalg.lstsq(system, (free**2).sum(axis=1), rcond=None)[0]
    size = np.sqrt(polygon_area(points) / np.pi)
    shift = solution[:2]
    return np.asarray(centre + shift * min(1.0, size / max(float(np.hypot(*shift)), 1e-9)))


def _radii(points: FloatArray, centre: FloatArray, hidden: Mask) -> tuple[FloatArray, bool]:
    """Return the radius per ray of a contour (mean of its points in each sector), and whether it is star-shaped."""
    offset = points - centre
    distance = np.hypot(offset[:, 0], offset[:, 1]) + 0.5
    size = float(np.sqrt(max(polygon_area(points), 1.0) / np.pi))
    count = ray_count(min(size, 50.0))
    angle = np.arctan2(offset[:, 0], offset[:, 1])
    sector = np.rint(angle / (2 * np.pi / count)).astype(int) % count
    weight = np.bincount(sector, ~hidden, count)
    log_sum = np.bincount(sector, np.log(np.maximum(distance, 0.5)) * ~hidden, count)
    mean = np.divide(log_sum, weight, out=np.full(count, np.log(max(size, 1.0))), where=weight > 0)
    # 5 % of the radius is the raggedness of a whole-pixel label.
    smooth, _ = smooth_log_radius(mean, np.where(weight > 0, 400.0, 0.0))
    radius = np.exp(np.clip(smooth, np.log(size) - 1.5, np.log(size) + 1.5))
    star_area = 0.5 * np.sin(2 * np.pi / count) * float((np.exp(mean) * np.roll(np.exp(mean), -1)).sum())
    label_area = polygon_area(points) + 0.5 * len(points)
    spread = np.bincount(sector, (np.log(distance) - mean[sector]) ** 2, count) / np.maximum(weight, 1)
    star = bool(hidden.any()) or (
        abs(star_area / label_area - 1) < 2 * _STAR_TOLERANCE + 2.0 / size
        and float(np.sqrt(spread).mean()) < _STAR_TOLERANCE + 1.0 / size
    )
    return radius, star
