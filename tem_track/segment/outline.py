"""Sub-pixel outlines, cores and shells of tracked particles, frame by frame.

Strategy. Each frame is read once. All particles of a frame start from their labels and are refined in three common
rounds, so that each knows by then where its neighbours really end. What is kept of a particle and frame is small: its
outline and its mean profile. When the movie is over, the profiles of a track together decide what kind of body it is
and give core and void of every frame (core.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from tem_track.movie import FloatArray, Frames, Image, Labels, Mask, Progress, no_progress
from tem_track.segment.core import inner_boundaries
from tem_track.segment.outline_chord import BodyFit
from tem_track.segment.outline_contour import follow_contour
from tem_track.segment.outline_fit import (
    Evidence,
    RayOutline,
    evidence_of,
    finished_radius,
    quality_of,
    rays_uncertainty,
    refine,
)
from tem_track.segment.outline_polygon import (
    ellipse_axes,
    polygon_area,
    polygon_moments,
    rough_mask,
)
from tem_track.segment.outline_rays import Surroundings, binning_for, cut_surroundings, ray_points, resample_radius
from tem_track.segment.outline_start import Start, label_boxes, start_from_label
from tem_track.segment.outline_table import Outlines
from tem_track.settings import SegmentSettings

# Rounds of refinement; a label that is a pixel or two off is further off for a small particle.
_ROUNDS_LARGE, _ROUNDS, _SMALL_PX = 3, 5, 12.0
# An outline whose radius differs from its label's by more than this factor and margin has run away.
_RUNAWAY, _RUNAWAY_PX = 1.5, 2.5
# A neighbour's own blurred edge reaches this far beyond its outline, px.
_NEIGHBOUR_MARGIN_PX = 2
# What the body model itself leaves open: the radius, as a share of it (real bodies are not balls; measured on simulated
# movies, where it is 0.2 to 0.4 %), and the edge in px (astigmatism, pixel aperture).
_MODEL_SD, _EDGE_SD_PX = 0.003, 0.05
# An outline that encloses less is none, px^2.
_LEAST_AREA = 0.5
# Weight of the newest frame in the remembered shape: a memory of about five frames.
_RECENT = 0.2
Measured = Callable[[int, int], bool]


@dataclass
class _Row:
    """One particle in one frame, while the movie runs."""

    track_id: int
    frame: int
    points: Image
    area_sd: float
    touches_border: bool
    quality: float
    rays_sd: float = 0.0
    evidence: Evidence | None = None
    core_ratio: float = np.nan
    core_sd: float = np.nan
    void_ratio: float = np.nan


@dataclass
class _Particle:
    """One particle of the frame in hand."""

    track_id: int
    start: Start
    around: Surroundings
    fit: RayOutline
    neighbours: list[int] = field(default_factory=list)

    def points(self) -> FloatArray:
        """Outline as it stands, frame coordinates."""
        working = ray_points(self.fit.centre, self.fit.radius)
        return np.asarray((working + 0.5) * self.around.binning - 0.5 + self.around.corner)


@dataclass(frozen=True)
class _Memory:
    """What a track brings to its next frame: its profile's fit and its shape (mean over the last frames)."""

    body: BodyFit | None
    radius: FloatArray


def _remember(memory: _Memory | None, fit: RayOutline) -> _Memory:
    shape = fit.radius / float(fit.radius.mean())
    if memory is not None:
        shape = (1 - _RECENT) * resample_radius(memory.radius, len(shape)) + _RECENT * shape
    return _Memory(fit.body, shape)


def outline_particles(
    frames: Frames,
    labels: Sequence[Labels],
    *,
    drift_px: FloatArray,
    measured: Measured | set[tuple[int, int]],
    usable: Mask,
    polarity: str,
    fixed: Mask | None = None,
    settings: SegmentSettings | None = None,
    progress: Progress = no_progress,
) -> Outlines:
    """Return sub-pixel outlines, cores and kinds of the particles of a movie.

    Parameters
    ----------
    frames : Frames
        T frames of (Y, X), float32, finite.
    labels : sequence of (Y, X) int32
        Label image of each frame in its own coordinates; value = track number.
    drift_px : (T, 2) float64
        Drift of each frame (dy, dx), px; not used by the outlines themselves, which follow the labels.
    measured : callable (track, frame) -> bool, or set of (track, frame)
        Whether a label was seen in its frame; or the labels that were not (bridged). Those get no row.
    usable : (T,) bool
        Frames that may be measured.
    polarity : {"dark", "bright"}
        Particles darker (bright field) or brighter (dark field) than their surroundings.
    fixed : (Y, X) bool or None
        Burned-in overlays.
    settings : SegmentSettings or None
    progress : callable

    Raises
    ------
    ValueError
        Numbers of frames, labels, drifts or flags that differ, or an unknown polarity.
    """
    count = len(frames)
    if not len(labels) == len(drift_px) == len(usable) == count:
        raise ValueError(f"{count} frames, but {len(labels)} labels, {len(drift_px)} drifts, {len(usable)} flags")
    if polarity not in ("dark", "bright"):
        raise ValueError(f"polarity {polarity!r} is neither 'dark' nor 'bright'")
    seen = _as_callable(measured)
    rows: list[_Row] = []
    memories: dict[int, _Memory] = {}
    for k in range(count):
        if usable[k]:
            rows += _outline_frame(k, frames[k], labels[k], seen, polarity == "dark", fixed, memories)
        progress(k + 1, count)
    kinds = _find_cores(rows)
    return _as_outlines(rows, kinds)


def _as_callable(measured: Measured | set[tuple[int, int]]) -> Measured:
    if callable(measured):
        return measured
    bridged = measured
    return lambda track, frame: (track, frame) not in bridged


def _outline_frame(
    k: int,
    frame: Image,
    labels: Labels,
    seen: Measured,
    dark: bool,
    fixed: Mask | None,
    memories: dict[int, _Memory],
) -> list[_Row]:
    """Return the rows of one frame, sorted by track; `memories` goes on from frame to frame."""
    particles: list[_Particle] = []
    contours: list[_Row] = []
    for track, box in sorted(label_boxes(labels).items()):
        if not seen(track, k):
            continue
        top, left, bottom, right = box
        own = labels[top:bottom, left:right] == track
        start = start_from_label(own, (top, left), (frame.shape[0], frame.shape[1]))
        if start is None:
            continue
        if start.star:
            particles.append(_begin(track, start, frame, fixed, memories.get(track)))
        else:
            contours.append(_contour_row(k, track, start, frame, labels, fixed, box, dark))
    _meet(particles)
    for r in range(_ROUNDS):
        bars = [_barred(p, particles) for p in particles]
        for p, bar in zip(particles, bars, strict=True):
            if r < _ROUNDS_LARGE or float(p.fit.radius.mean()) < _SMALL_PX:
                refine(p.around, bar, p.fit, dark)
    for p in particles:
        memories[p.track_id] = _remember(memories.get(p.track_id), p.fit)
    rows = contours + [_ray_row(k, p) for p in particles]
    # A label one or two pixels wide, such as the tip that a particle leaves the field with, has no outline.
    return sorted(
        (row for row in rows if polygon_area(row.points.astype(np.float64)) >= _LEAST_AREA),
        key=lambda row: row.track_id,
    )


def _begin(track: int, start: Start, frame: Image, fixed: Mask | None, memory: _Memory | None) -> _Particle:
    mean = float(start.radius.mean())
    binning = binning_for(mean)
    around = cut_surroundings(frame, fixed, start.centre, 1.9 * float(start.radius.max()) + 20, binning)
    fit = RayOutline(around.to_working(start.centre), start.radius / binning)
    if memory is not None:
        fit.body, fit.before = memory.body, memory.radius
    return _Particle(track, start, around, fit)


def _meet(particles: list[_Particle]) -> None:
    """Note for every particle which others come near enough to stand in its rays."""
    centres = np.array([p.start.centre for p in particles]).reshape(-1, 2)
    largest = np.array([p.start.radius.max() for p in particles])
    for i, p in enumerate(particles):
        gap = np.hypot(*(centres - centres[i]).T)
        near = gap < 1.9 * largest[i] + 1.3 * largest + 28
        p.neighbours = [int(j) for j in np.flatnonzero(near) if j != i]


def _barred(p: _Particle, particles: list[_Particle]) -> Image:
    """Return the unusable pixels around a particle: overlays, and its neighbours where they stand by now."""
    if not p.neighbours:
        return p.around.barred
    rows, columns = p.around.picture.shape[:2]
    bar = np.zeros((rows, columns), np.uint8)
    for j in p.neighbours:
        bar |= rough_mask(p.around.to_working(particles[j].points()), (rows, columns), (0, 0))
    size = 2 * max(1, round(_NEIGHBOUR_MARGIN_PX / p.around.binning)) + 1
    bar = cv2.dilate(bar, np.ones((size, size), np.uint8))
    return np.asarray(np.maximum(p.around.barred, bar.astype(np.float32)))


def _ray_row(k: int, p: _Particle) -> _Row:
    """Return the finished row of a particle fitted by rays, or its label's where the fit ran away."""
    radius = finished_radius(p.fit)
    points = (ray_points(p.fit.centre, radius) + 0.5) * p.around.binning - 0.5 + p.around.corner
    area = polygon_area(points)
    size = float(np.sqrt(area / np.pi))
    expected = float(np.sqrt(polygon_area(ray_points(p.start.centre, p.start.radius)) / np.pi))
    most, least = _RUNAWAY * expected + _RUNAWAY_PX, expected / _RUNAWAY - _RUNAWAY_PX
    if not np.isfinite(points).all() or not least < size < most:
        return _label_row(k, p.track_id, p.start)
    share = rays_uncertainty(p.fit)
    return _Row(
        p.track_id,
        k,
        points.astype(np.float32),
        share * area,
        p.start.cut,
        quality_of(p.fit),
        share,
        evidence_of(p.fit),
    )


def _label_row(k: int, track: int, start: Start) -> _Row:
    """Return a row with the label's own outline and an uncertainty of 2 px all round."""
    points = ray_points(start.centre, start.radius)
    sd = 2.0 * 2 * np.pi * float(start.radius.mean())
    return _Row(track, k, points.astype(np.float32), sd, start.cut, 0.1)


def _contour_row(
    k: int,
    track: int,
    start: Start,
    frame: Image,
    labels: Labels,
    fixed: Mask | None,
    box: tuple[int, int, int, int],
    dark: bool,
) -> _Row:
    """Return the row of a particle that is not star-shaped."""
    margin = 16
    top, left = max(0, box[0] - margin), max(0, box[1] - margin)
    part = np.s_[top : box[2] + margin, left : box[3] + margin]
    barred = (labels[part] != 0) & (labels[part] != track)
    if fixed is not None:
        barred |= fixed[part]
    found = follow_contour(
        np.ascontiguousarray(frame[part]), barred.astype(np.float32), start.contour - (top, left), dark
    )
    points = found.points + np.array([top, left])
    return _Row(track, k, points.astype(np.float32), max(found.area_sd, 1.0), start.cut, 0.5 * found.seen)


def _find_cores(rows: list[_Row]) -> dict[int, str]:
    """Fill core, void and final edge into the rows, track by track, and return each track's kind."""
    by_track: dict[int, list[_Row]] = {}
    for row in rows:
        by_track.setdefault(row.track_id, []).append(row)
    kinds = {}
    for track, mine in sorted(by_track.items()):
        fitted = [row for row in mine if row.evidence is not None]
        found = inner_boundaries([row.evidence for row in fitted if row.evidence is not None])
        kinds[track] = found.kind
        for i, row in enumerate(fitted):
            row.core_ratio, row.core_sd = float(found.core_ratio[i]), float(found.core_ratio_sd[i])
            row.void_ratio = float(found.void_ratio[i])
            _scale(row, float(found.edge_factor[i]), float(found.edge_sd[i]))
    return kinds


def _scale(row: _Row, factor: float, edge_sd: float) -> None:
    """Scale a row's outline about its centre by the final edge of its profile."""
    if not np.isfinite(factor) or not np.isfinite(edge_sd):
        return
    points = row.points.astype(np.float64)
    centre = points.mean(axis=0)
    points = centre + factor * (points - centre)
    row.points = points.astype(np.float32)
    area = polygon_area(points)
    perimeter = 2 * float(np.sqrt(np.pi * area))
    parts = (row.rays_sd * area, 2 * edge_sd * area, _MODEL_SD * 2 * area, _EDGE_SD_PX * perimeter)
    row.area_sd = float(np.sqrt(np.sum(np.square(parts))))


def _as_outlines(rows: list[_Row], kinds: Mapping[int, str]) -> Outlines:
    """Return the rows as plain arrays."""
    moments = [polygon_moments(row.points.astype(np.float64)) for row in rows]
    axes = np.array([ellipse_axes(m[2]) for m in moments]).reshape(-1, 2)
    area = np.array([m[0] for m in moments], np.float64)
    centre = np.array([m[1] for m in moments]).reshape(-1, 2)
    diameter = 2 * np.sqrt(area / np.pi)
    ratio = np.array([row.core_ratio for row in rows], np.float64)
    ratio_sd = np.array([row.core_sd for row in rows], np.float64)
    area_sd = np.array([row.area_sd for row in rows], np.float64)
    outer_part = ratio * 0.5 * area_sd / np.maximum(area, 1e-9)
    return Outlines(
        track_id=np.array([row.track_id for row in rows], np.int64),
        frame=np.array([row.frame for row in rows], np.int64),
        y_px=centre[:, 0],
        x_px=centre[:, 1],
        area_px=area,
        area_sd_px=area_sd,
        major_axis_px=axes[:, 0],
        minor_axis_px=axes[:, 1],
        core_diameter_px=ratio * diameter,
        core_diameter_sd_px=np.hypot(ratio_sd, outer_part) * diameter,
        void_diameter_px=np.array([row.void_ratio for row in rows], np.float64) * diameter,
        touches_border=np.array([row.touches_border for row in rows], np.bool_),
        quality=np.array([row.quality for row in rows], np.float64),
        points=tuple(row.points for row in rows),
        core_ratio=ratio,
        kinds=dict(kinds),
    )
