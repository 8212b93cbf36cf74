"""Rows of outlines, one per particle and frame, while the movie runs and when it is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Image, Mask
from tem_track.segment.core.boundaries import inner_boundaries
from tem_track.segment.outline.evidence import Evidence, MovieProfiles
from tem_track.segment.outline.fit import OutlineGroup
from tem_track.segment.outline.polygon import ellipse_axes, polygon_areas, polygon_moments
from tem_track.segment.outline.table import Outlines

# What the body model itself leaves open: the radius, as a share of it (real bodies are not balls; measured on simulated
# movies, where it is 0.2 to 0.4 %), and the edge in px (astigmatism, pixel aperture).
_MODEL_SD, _EDGE_SD_PX = 0.003, 0.05
# Uncertainty of the area over (departure from a circle) x (departure from an ellipse), both rms of the log radius: the
# profile common to all directions is exact for an ellipsoid, and wrong to second order in what departs from one. The
# factor is the scatter found on broken particles in simulated movies.
_UNROUND = 1.5
# Quality falls to 1/e where the misfit is this share of the profile's height or the area is off its label's by this
# share, and to a half where the area is uncertain by this share.
_MISFIT, _OFF_LABEL, _UNCERTAIN = 0.15, 0.3, 0.3


@dataclass
class OutlineRow:
    """One particle in one frame: its outline (P, 2) yx px of the frame and what is known about it so far.

    `circle` is the mean of the outline's points and the radii about it, `shown` which of these the frame shows, and
    `label_radius` the mean radius of its label, px of the frame.
    """

    track_id: int
    frame: int
    points: Image
    area_sd: float
    touches_border: bool
    quality: float
    rays_sd: float = 0.0
    evidence: Evidence | None = None
    label_area: float = np.nan
    label_radius: float = np.nan
    circle: tuple[FloatArray, FloatArray] | None = None
    shown: Mask | None = None
    core_ratio: float = np.nan
    core_sd: float = np.nan
    void_ratio: float = np.nan
    void_sd: float = np.nan


def quality_of(group: OutlineGroup) -> FloatArray:
    """Return 0 to 1 (P,): how much of each outline was seen, and how small its profile's misfit is to its height."""
    misfit = group.misfit / np.maximum(group.height, 1e-9) / _MISFIT
    return np.asarray(np.clip(group.shown.mean(axis=1) * np.exp(-(misfit**2)), 0.0, 1.0))


def evidence_of(group: OutlineGroup, i: int) -> Evidence:
    """Return what a track's later analysis needs of one fit, about one kilobyte."""
    return Evidence(
        float(group.step[i]),
        group.level[i].copy(),
        group.weight[i].copy(),
        float(group.blur[i]),
        float(group.blur_sd[i]),
        group.parameters[i].copy(),
    )


def finished_outlines(rows: list[OutlineRow], dark: bool) -> Outlines:
    """Return the outlines of a movie, with cores, voids and kinds, from its rows sorted by frame, then track."""
    kinds = dict.fromkeys((row.track_id for row in rows), "solid")
    fitted = sorted((row for row in rows if row.evidence is not None), key=lambda row: (row.track_id, row.frame))
    if fitted:
        track = np.array([row.track_id for row in fitted], np.int64)
        found = inner_boundaries(MovieProfiles([row.evidence for row in fitted if row.evidence], track, dark))
        kinds.update(found.kinds)
        for i, row in enumerate(fitted):
            row.core_ratio, row.core_sd = float(found.core_ratio[i]), float(found.core_ratio_sd[i])
            row.void_ratio, row.void_sd = float(found.void_ratio[i]), float(found.void_ratio_sd[i])
        _scale(fitted, found.edge_factor, np.hypot(found.edge_sd, found.form_sd))
    return _as_outlines(rows, {track: kinds[track] for track in sorted(kinds)})


def outlines_without_cores(rows: list[OutlineRow]) -> Outlines:
    """Return outlines as they stand frame by frame, every particle taken as solid, from rows sorted by frame."""
    return _as_outlines(rows, dict.fromkeys(sorted({row.track_id for row in rows}), "solid"))


def _scale(rows: Sequence[OutlineRow], factor: FloatArray, edge_sd: FloatArray) -> None:
    """Scale rows' outlines about their centres by the final edges of their profiles, and state their uncertainties."""
    known = np.isfinite(factor) & np.isfinite(edge_sd)
    for i in np.flatnonzero(known).tolist():
        centre = rows[i].points.mean(axis=0)
        rows[i].points = centre + np.float32(factor[i]) * (rows[i].points - centre)
    for mine in _by_length(rows):
        stacked = np.stack([rows[i].points for i in mine.tolist()]).astype(np.float64)
        area, unround = polygon_areas(stacked), _UNROUND * unroundness(stacked)
        rays_sd = np.array([rows[i].rays_sd for i in mine.tolist()])
        edge_px = 2 * _EDGE_SD_PX / np.sqrt(np.maximum(area, 1e-9) / np.pi)
        share = np.sqrt(rays_sd**2 + (2 * edge_sd[mine]) ** 2 + (2 * _MODEL_SD) ** 2 + edge_px**2 + unround**2)
        # An area that is not known at all is uncertain by itself.
        for i, sd in zip(mine.tolist(), (np.minimum(share, 1.0) * area).tolist(), strict=True):
            if known[i]:
                rows[i].area_sd = sd


def unroundness(points: FloatArray) -> FloatArray:
    """Return (R,) departure from a circle times departure from an ellipse of (R, P, 2) outlines by rays."""
    offset = points - points.mean(axis=1, keepdims=True)
    log_radius = np.log(np.maximum(np.hypot(offset[:, :, 0], offset[:, :, 1]), 1e-9))
    power = 2 * np.abs(np.fft.rfft(log_radius, axis=1) / points.shape[1]) ** 2
    return np.asarray(np.sqrt(power[:, 2:].sum(axis=1) * power[:, 3:].sum(axis=1)))


def _judge(rows: Sequence[OutlineRow], area: FloatArray) -> FloatArray:
    """Return the final quality (R,): less where the area is uncertain, and where it is not that of the label."""
    label = np.array([row.label_area for row in rows], np.float64)
    off = np.log(np.maximum(area, 1e-9) / np.where(label > 0, label, np.nan)) / _OFF_LABEL
    share = np.array([row.area_sd for row in rows]) / np.maximum(area, 1e-9) / _UNCERTAIN
    return np.array([row.quality for row in rows]) * np.exp(-(np.nan_to_num(off) ** 2)) / (1 + share**2)


def _by_length(rows: Sequence[OutlineRow]) -> list[NDArray[np.intp]]:
    """Return the rows whose outlines have equal numbers of points, together."""
    count = np.array([len(row.points) for row in rows], np.int64)
    return [np.flatnonzero(count == points) for points in sorted(set(count.tolist()))]


def _moments(rows: Sequence[OutlineRow]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return areas (R,), centroids (R, 2) and full axes (R, 2) of the rows' outlines."""
    area, centre, axes = np.zeros(len(rows)), np.zeros((len(rows), 2)), np.zeros((len(rows), 2))
    for mine in _by_length(rows):
        stacked = np.stack([rows[i].points for i in mine.tolist()]).astype(np.float64)
        area[mine], centre[mine], moments = polygon_moments(stacked)
        axes[mine] = ellipse_axes(moments)
    return area, centre, axes


def _as_outlines(rows: Sequence[OutlineRow], kinds: Mapping[int, str]) -> Outlines:
    """Return the rows as plain arrays."""
    area, centre, axes = _moments(rows)
    diameter = 2 * np.sqrt(area / np.pi)
    ratio = np.array([row.core_ratio for row in rows], np.float64)
    ratio_sd = np.array([row.core_sd for row in rows], np.float64)
    area_sd = np.array([row.area_sd for row in rows], np.float64)
    outer_part = ratio * 0.5 * area_sd / np.maximum(area, 1e-9)
    void = np.array([row.void_ratio for row in rows], np.float64)
    void_sd = np.array([row.void_sd for row in rows], np.float64)
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
        void_diameter_px=void * diameter,
        void_diameter_sd_px=np.hypot(void_sd, void * 0.5 * area_sd / np.maximum(area, 1e-9)) * diameter,
        touches_border=np.array([row.touches_border for row in rows], np.bool_),
        quality=_judge(rows, area),
        points=tuple(row.points for row in rows),
        core_ratio=ratio,
        kinds=dict(kinds),
    )
