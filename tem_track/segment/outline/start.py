"""Where outlines start: centres and rough radii of the particles from their whole-pixel labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from tem_track.labels import boxes
from tem_track.movie import FloatArray, Labels, Mask
from tem_track.segment.outline.polygon import polygon_area
from tem_track.segment.outline.rays import ray_count
from tem_track.segment.outline.shape import evenly_smoothed, smooth_log_radius

# Share of a label's area that rays from its centre may get wrong before it counts as not star-shaped.
_STAR_TOLERANCE = 0.06
# A particle's rays are counted for at most this radius, px: larger ones are binned.
_LARGEST_PX = 50.0
# Precision of the logarithm of a radius: 5 % of it is the raggedness of a whole-pixel label.
_EVEN = 400.0


@dataclass(frozen=True)
class LabelContour:
    """A particle's label in one frame, seen from outside.

    Attributes
    ----------
    track_id : int
    box : (int, int, int, int)
        top, left, bottom, right; bottom and right exclusive.
    points : (P, 2) float64
        Outer contour of the label, yx, px.
    centre : (2,) float64
        yx, px.
    area : float
        Inside the contour, px^2.
    hidden : (P,) bool
        Points where the border of the field cuts the label.
    cut : bool
        The border of the field cuts the label.
    """

    track_id: int
    box: tuple[int, int, int, int]
    points: FloatArray
    centre: FloatArray
    area: float
    hidden: Mask
    cut: bool

    @property
    def whole_area(self) -> float:
        """Area of the label, px^2: its contour runs through the centres of its outermost pixels."""
        return self.area + 0.5 * len(self.points) + 1.0


@dataclass(frozen=True)
class Start:
    """A particle's label in one frame, as a starting outline.

    Attributes
    ----------
    contour : LabelContour
    radius : (N,) float64
        Radius per ray, px; smooth where the label is cut by the border.
    star : bool
        Every point of the label is seen from the centre.
    """

    contour: LabelContour
    radius: FloatArray
    star: bool

    @cached_property
    def size(self) -> float:
        """Mean of the radii, px."""
        return float(self.radius.mean())


def starts_from_labels(labels: Labels, wanted: Callable[[int], bool], fixed: Mask | None = None) -> list[Start]:
    """Return the starting outlines of the wanted labels of a (Y, X) label image, sorted by label.

    Where a label ends at `fixed` pixels (a burned-in bar) the field ends for it too.
    """
    contours = []
    beside = (
        None if fixed is None or not fixed.any() else cv2.dilate(fixed.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    )
    for track, box in boxes(labels).items():
        if wanted(track):
            contours.append(_contour_of(labels, track, box, beside))
    by_count: dict[int, list[int]] = {}
    for i, contour in enumerate(contours):
        by_count.setdefault(ray_count(min(_size(contour), _LARGEST_PX)), []).append(i)
    starts: dict[int, Start] = {}
    for count, members in by_count.items():
        radius, star = _radii([contours[i] for i in members], count)
        starts.update({i: Start(contours[i], radius[k], bool(star[k])) for k, i in enumerate(members)})
    return [starts[i] for i in range(len(contours))]


def _contour_of(labels: Labels, track: int, box: tuple[slice, slice], beside: Mask | None) -> LabelContour:
    top, left, bottom, right = box[0].start, box[1].start, box[0].stop, box[1].stop
    padded = np.zeros((bottom - top + 2, right - left + 2), np.uint8)
    padded[1:-1, 1:-1] = labels[box] == track
    outer, _ = cv2.findContours(padded, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    largest = outer[0] if len(outer) == 1 else max(outer, key=lambda c: (cv2.contourArea(c), len(c)))
    points = largest[:, 0, ::-1].astype(np.float64) + np.array([top - 1.0, left - 1.0])
    field = labels.shape
    hidden = np.zeros(len(points), np.bool_)
    if top == 0 or left == 0 or bottom == field[0] or right == field[1]:
        hidden = ((points <= 0.5) | (points >= np.array(field) - 1.5)).any(axis=1)
    if beside is not None and beside[box].any():
        inside = points.round().astype(np.intp).clip(0, np.array(field) - 1)
        hidden |= beside[inside[:, 0], inside[:, 1]]
    cut = bool(hidden.sum() >= 3)
    moments = cv2.moments(largest)
    centre = points.mean(axis=0)
    if len(points) >= 8 and moments["m00"] > 0:
        centre = np.array([moments["m01"] / moments["m00"] + top - 1, moments["m10"] / moments["m00"] + left - 1])
    if cut and len(points) >= 8:
        centre = _centre_of_cut(points, hidden, centre)
    return LabelContour(track, (top, left, bottom, right), points, centre, float(moments["m00"]), hidden, cut)


def _size(contour: LabelContour) -> float:
    """Return the radius (px) of the circle of the contour's area."""
    return float(np.sqrt(max(contour.area, 1.0) / np.pi))


def _centre_of_cut(points: FloatArray, hidden: Mask, centre: FloatArray) -> FloatArray:
    """Return the centre of the circle through what the border leaves of a contour."""
    if (~hidden).sum() < 8:
        return centre
    free = points[~hidden] - centre
    # Kasa's circle: |p|^2 = 2 c.p + k, linear in the centre c.
    system = np.hstack([2 * free, np.ones((len(free), 1))])
    shift = np.linalg.lstsq(system, (free**2).sum(axis=1), rcond=None)[0][:2]
    size = np.sqrt(polygon_area(points) / np.pi)
    return np.asarray(centre + shift * min(1.0, size / max(float(np.hypot(*shift)), 1e-9)))


def _radii(contours: Sequence[LabelContour], count: int) -> tuple[FloatArray, Mask]:
    """Return radii (P, N) of contours (mean of their points in each sector), and whether they are star-shaped (P,)."""
    points = np.concatenate([c.points for c in contours])
    shown = ~np.concatenate([c.hidden if c.cut else np.zeros(len(c.points), np.bool_) for c in contours])
    lengths = np.array([len(c.points) for c in contours])
    which = np.repeat(np.arange(len(contours)), lengths)
    offset = points - np.stack([c.centre for c in contours])[which]
    log_distance = np.log(np.maximum(np.hypot(offset[:, 0], offset[:, 1]) + 0.5, 0.5))
    angle = np.arctan2(offset[:, 0], offset[:, 1])
    sector = which * count + np.rint(angle / (2 * np.pi / count)).astype(int) % count
    cells = len(contours) * count
    weight = np.bincount(sector, shown, cells)
    size = np.array([_size(c) for c in contours])[:, None]
    mean = np.divide(np.bincount(sector, log_distance * shown, cells), weight, where=weight > 0, out=np.zeros(cells))
    mean = np.where(weight > 0, mean, np.repeat(np.log(np.maximum(size, 1.0)), count))
    scatter = np.bincount(sector, (log_distance - mean[sector]) ** 2, cells) / np.maximum(weight, 1)
    mean, weight = mean.reshape(-1, count), weight.reshape(-1, count)
    smooth = evenly_smoothed(mean, _EVEN)
    uneven = np.flatnonzero((weight == 0).any(axis=1))
    if len(uneven):
        smooth[uneven], _ = smooth_log_radius(mean[uneven], np.where(weight[uneven] > 0, _EVEN, 0.0))
    radius = np.exp(np.clip(smooth, np.log(size) - 1.5, np.log(size) + 1.5))
    star_area = 0.5 * np.sin(2 * np.pi / count) * (np.exp(mean) * np.exp(np.roll(mean, -1, axis=1))).sum(axis=1)
    label_area = np.array([c.area for c in contours]) + 0.5 * lengths
    close = np.abs(star_area / label_area - 1) < 2 * _STAR_TOLERANCE + 2.0 / size[:, 0]
    clean = np.sqrt(scatter.reshape(-1, count)).mean(axis=1) < _STAR_TOLERANCE + 1.0 / size[:, 0]
    hidden = np.array([c.cut for c in contours])
    return radius, hidden | (close & clean)
