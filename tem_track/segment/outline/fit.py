"""Outlines of the particles of one frame: profile, edge and shape in turn until they agree.

Particles with equal numbers of rays are fitted together as one group of arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Image, Mask
from tem_track.segment.outline.body import fit_any_bodies
from tem_track.segment.outline.chord import (
    BASE,
    BLUR,
    EDGE,
    PARAMETERS,
    RadialProfiles,
    body_profiles,
    in_single_precision,
    joined,
)
from tem_track.segment.outline.profile import View, normalised, radial_profiles
from tem_track.segment.outline.rays import (
    Rays,
    local_background,
    near_surroundings,
    recentred,
    sample_count,
    sample_rays,
)
from tem_track.segment.outline.shape import follow_shape, ray_shifts, smooth_log_radius
from tem_track.segment.side_by_side import in_parts, side_by_side

# Samples of rays that are worked on together, and outlines that are fitted together: their arrays stay in the
# processor's cache. Fewer outlines than twice the last are not shared out.
_SAMPLES_TOGETHER, _OUTLINES_TOGETHER, _WORTH_A_THREAD = 250_000, 128, 16
# A ray that knows less than this share of what the good ones know is blind.
_BLIND = 0.1


@dataclass
class OutlineGroup:
    """Outlines of P particles with N rays each while they are being fitted; working coordinates (binned frame).

    Attributes
    ----------
    number : (P,) int64
        The particles' numbers in the owner pictures.
    frame : (P,) int
        Which of the frames that are worked on together each is in, rising.
    centre : (P, 2) float64
    radius : (P, N) float64
    before : (P, N) float64
        Log radius of the same particles in the frames before, any unit; NaN where there is none.
    parameters : (P, 10) float64
        Of the profiles' fits; NaN where there is none yet.
    step, blur, blur_sd : (P,) float64, level, weight : (P, J) float32
        Last profiles, whose radius unit is `radius` before the body's edge was applied (see RadialProfiles).
    shown : (P, N) bool
        Rays that carry information of this frame.
    misfit, height, contrast : (P,) float64
        Root mean square of the profile's residual and the profile's height, in the profile's units; height in grey
        values.
    variance : (P,) float64
        Of the area relative to the area, from the single rays.
    moved : (P,) float64
        How far the outline moved in the last round (root mean square), working px.
    near : (P,) bool
        The start was nearly right.
    crowded : (P,) bool
        Rays may meet other particles, or pixels that may not be looked at.
    wrong : (P, N) bool
        Rays that are known to find something else than the edge.
    """

    number: NDArray[np.int64]
    frame: NDArray[np.intp]
    centre: FloatArray
    radius: FloatArray
    before: FloatArray
    parameters: FloatArray
    step: FloatArray
    level: Image
    weight: Image
    blur: FloatArray
    blur_sd: FloatArray
    shown: Mask
    misfit: FloatArray
    height: FloatArray
    contrast: FloatArray
    variance: FloatArray
    moved: FloatArray
    near: Mask
    crowded: Mask
    wrong: Mask

    def __len__(self) -> int:
        return len(self.number)

    def take(self, rows: NDArray[Any] | slice) -> OutlineGroup:
        """Return some of the outlines: a copy for a list of rows, a view for a slice."""
        return OutlineGroup(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def put(self, rows: NDArray[Any], other: OutlineGroup) -> None:
        """Replace some of the outlines."""
        for f in fields(self):
            getattr(self, f.name)[rows] = getattr(other, f.name)


def new_group(
    number: NDArray[np.int64], frame: NDArray[np.intp], centre: FloatArray, radius: FloatArray
) -> OutlineGroup:
    """Return outlines at their start: numbers and frames (P,), centres (P, 2) and radii (P, N), working px."""
    count = len(number)
    unknown = np.full(count, np.nan)
    no_profile = np.zeros((count, sample_count(radius.shape[1])), np.float32)
    return OutlineGroup(
        number=number,
        frame=frame,
        centre=centre.copy(),
        radius=radius.copy(),
        before=np.full(radius.shape, np.nan),
        parameters=np.full((count, PARAMETERS), np.nan),
        step=unknown.copy(),
        level=no_profile,
        weight=no_profile.copy(),
        blur=unknown.copy(),
        blur_sd=unknown.copy(),
        shown=np.ones(radius.shape, np.bool_),
        misfit=np.full(count, np.inf),
        height=np.zeros(count),
        contrast=np.zeros(count),
        variance=np.full(count, 0.25),
        moved=np.full(count, np.inf),
        near=np.zeros(count, np.bool_),
        crowded=np.ones(count, np.bool_),
        wrong=np.zeros(radius.shape, np.bool_),
    )


def refine(
    group: OutlineGroup,
    pictures: Sequence[Image],
    owners: Sequence[Image | None],
    chosen: NDArray[np.intp],
    view: View,
) -> None:
    """Improve the chosen outlines of a group by one round: sample, fit the common profile, shift every ray against it.

    Parameters
    ----------
    group : OutlineGroup
    pictures : sequence of (Y, X) float32, owners : sequence of (Y, X) float32 or None
        Working pictures of the frames, and who stands where in them (outline/owner.py); None where nobody is near.
    chosen : (K,) int
        Rows of the group, rising.
    view : View
    """
    if not len(chosen):
        return
    parts = np.array_split(
        chosen, max(-(-len(chosen) // _OUTLINES_TOGETHER), min(2, len(chosen) // _WORTH_A_THREAD), 1)
    )
    refined = side_by_side(lambda rows: _refined(group.take(rows), pictures, owners, view), parts)
    for rows, found in zip(parts, refined, strict=True):
        group.put(rows, found)


def _refined(g: OutlineGroup, pictures: Sequence[Image], owners: Sequence[Image | None], view: View) -> OutlineGroup:
    """Return a group of its own after one round."""
    first = np.isinf(g.misfit)
    again = np.flatnonzero(~first)
    if len(again):
        g.centre[again], g.radius[again] = recentred(g.centre[again], g.radius[again])
    parts = in_parts(len(g), max(1, _SAMPLES_TOGETHER // (g.radius.shape[1] * g.level.shape[1])))
    seen = [_look_at(g.take(rows), first[rows], pictures, owners, view) for rows in parts]
    profiles = in_single_precision(joined([part.profiles for part in seen]))
    fits = fit_any_bodies(profiles, g.parameters)
    model = body_profiles(fits.parameters, profiles.level.shape[1], profiles.step, view.dark)
    shifts = [_shifts(part, model[rows], fits.parameters[rows], view) for part, rows in zip(seen, parts, strict=True)]
    shift, precision = (np.concatenate(values) for values in zip(*shifts, strict=True))
    _move(g, fits.parameters, shift, precision)
    ends = np.concatenate([np.median(part.rays.level[:, :, -3:], axis=(1, 2)) for part in seen])
    _note_profiles(g, profiles, model, ends if view.dark else np.concatenate([part.unit for part in seen]))
    return g


@dataclass(frozen=True)
class _Seen:
    """What some outlines' rays show: levels (P, N, J) in the profiles' unit (P,), profiles, variance (P, J)."""

    rays: Rays
    level: Image
    unit: FloatArray
    profiles: RadialProfiles
    variance: FloatArray


def _look_at(
    g: OutlineGroup, first: Mask, pictures: Sequence[Image], owners: Sequence[Image | None], view: View
) -> _Seen:
    number = np.where(g.crowded, g.number, 0)
    rays = sample_rays(pictures, owners, g.frame, number, g.centre, g.radius)
    if g.wrong.any():
        rays.seen[g.wrong] = 0
    far = np.where(first, 0.5 * (rays.rho[:, -1] - 1), np.maximum(0.05, 2.0 / g.radius.mean(axis=1)))
    if not first.all():
        rays = near_surroundings(rays, far, np.where(first, np.inf, g.contrast), view.information)
    level, unit = normalised(rays, local_background(rays, far), view.dark)
    profiles, variance = radial_profiles(rays, level, view)
    return _Seen(rays, level, unit, profiles, variance)


def _shifts(seen: _Seen, model: FloatArray, parameters: FloatArray, view: View) -> tuple[FloatArray, FloatArray]:
    return ray_shifts(seen.rays, seen.level, model, parameters[:, BASE], seen.variance, view)


def _move(g: OutlineGroup, parameters: FloatArray, shift: FloatArray, precision: FloatArray) -> None:
    """Put outlines where their rays' shifts against the fitted profiles say, smoothed."""
    measured = np.log(g.radius * parameters[:, EDGE, None]) + shift
    # Most rays of a particle cut by the border may be blind, so that a median would not do.
    g.shown = precision > _BLIND * np.quantile(precision, 0.75, axis=1, keepdims=True)
    remembered = np.isfinite(g.before[:, 0])
    if remembered.any():
        measured[remembered], precision[remembered] = follow_shape(
            measured[remembered], precision[remembered], g.before[remembered]
        )
    smooth, g.variance = smooth_log_radius(measured, precision, g.shown)
    log_mean = np.log(g.radius.mean(axis=1))[:, None]
    radius = np.exp(np.clip(smooth, log_mean - 1, log_mean + 1))
    g.moved = np.sqrt(((radius - g.radius) ** 2).mean(axis=1))
    g.radius, g.parameters = radius, parameters


def _note_profiles(g: OutlineGroup, profiles: RadialProfiles, model: FloatArray, unit: FloatArray) -> None:
    """Keep the profiles, whose unit is so many grey values, and how well the models explain them."""
    weight = profiles.weight + 1e-12
    g.misfit = np.sqrt((weight * (profiles.level - model) ** 2).sum(axis=1) / weight.sum(axis=1))
    g.height = np.abs(model - g.parameters[:, BASE, None]).max(axis=1)
    g.contrast = g.height * unit
    g.step, g.blur, g.blur_sd = profiles.step, profiles.blur, profiles.blur_sd
    g.level, g.weight = profiles.level.astype(np.float32), profiles.weight.astype(np.float32)


def finished_radii(group: OutlineGroup) -> FloatArray:
    """Return the (P, N) radii (working px) corrected for what blur does to a curved edge.

    Notes
    -----
    A disc's blur is not that of a straight edge: the Laplacian in polar coordinates has the term (1/r) d/dr, so that
    blur of standard deviation s moves a profile inwards by s^2 / 2 r.
    """
    mean = group.radius.mean(axis=1)
    blur = group.parameters[:, BLUR] * mean
    return np.asarray(group.radius + (blur**2 / (2 * np.maximum(mean, 1.0)))[:, None])
