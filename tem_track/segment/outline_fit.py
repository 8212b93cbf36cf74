"""Outlines of the particles of one frame: profile, edge and shape in turn until they agree.

Particles with equal numbers of rays are fitted together as one group of arrays.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Image, Mask
from tem_track.segment.outline_body import fit_any_bodies
from tem_track.segment.outline_chord import BASE, BLUR, EDGE, PARAMETERS, RadialProfiles, body_profiles
from tem_track.segment.outline_profile import View, normalised, radial_profiles
from tem_track.segment.outline_rays import (
    Rays,
    local_background,
    near_surroundings,
    recentred,
    sample_count,
    sample_rays,
)
from tem_track.segment.outline_shape import follow_shape, ray_shifts, smooth_log_radius

# Samples of rays that are worked on together: their arrays stay in the processor's cache.
_SAMPLES_TOGETHER = 100_000
# A ray that knows less than this share of what the good ones know is blind.
_BLIND = 0.1


@dataclass
class OutlineGroup:
    """Outlines of P particles with N rays each while they are being fitted; working coordinates (binned frame).

    Attributes
    ----------
    number : (P,) int64
        The particles' numbers in the owner picture.
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
    """

    number: NDArray[np.int64]
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

    def __len__(self) -> int:
        return len(self.number)

    def take(self, rows: NDArray[Any]) -> OutlineGroup:
        """Return a copy of some of the outlines."""
        return OutlineGroup(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def put(self, rows: NDArray[Any], other: OutlineGroup) -> None:
        """Replace some of the outlines."""
        for f in fields(self):
            getattr(self, f.name)[rows] = getattr(other, f.name)


def new_group(number: FloatArray, centre: FloatArray, radius: FloatArray) -> OutlineGroup:
    """Return outlines at their start: numbers (P,), centres (P, 2) and radii (P, N), working px."""
    count = len(number)
    unknown = np.full(count, np.nan)
    no_profile = np.zeros((count, sample_count(radius.shape[1])), np.float32)
    return OutlineGroup(
        number=np.asarray(number, np.int64),
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
    )


def refine(group: OutlineGroup, picture: Image, owner: Image, chosen: NDArray[Any], view: View) -> None:
    """Improve the chosen outlines of a group by one round: sample, fit the common profile, shift every ray against it.

    Parameters
    ----------
    group : OutlineGroup
    picture, owner : (Y, X) float32
        Working picture, and who stands where in it (outline_owner.py).
    chosen : (K,) int
        Rows of the group.
    view : View
    """
    together = max(1, _SAMPLES_TOGETHER // (group.radius.shape[1] * group.level.shape[1]))
    for i in range(0, len(chosen), together):
        part = group.take(chosen[i : i + together])
        _refine(part, picture, owner, view)
        group.put(chosen[i : i + together], part)


def _refine(g: OutlineGroup, picture: Image, owner: Image, view: View) -> None:
    first = bool(np.isinf(g.misfit).any())
    if not first:
        g.centre, g.radius = recentred(g.centre, g.radius)
    rays = sample_rays(picture, owner, g.number, g.centre, g.radius)
    mean = g.radius.mean(axis=1)
    far = 0.5 * (rays.rho[:, -1] - 1) if first else np.maximum(0.05, 2.0 / mean)
    if not first:
        rays = near_surroundings(rays, far, g.contrast, view.information)
    level, unit = normalised(rays, local_background(rays, far), view.dark)
    profiles, variance = radial_profiles(rays, level, view)
    fits = fit_any_bodies(profiles, g.parameters)
    model = body_profiles(fits.parameters, profiles.level.shape[1], profiles.step, view.dark)
    shift, precision = ray_shifts(rays, level, model, fits.parameters[:, BASE], variance, view)
    measured = np.log(g.radius * fits.parameters[:, EDGE, None]) + shift
    # Most rays of a particle cut by the border may be blind, so that a median would not do.
    g.shown = precision > _BLIND * np.quantile(precision, 0.75, axis=1, keepdims=True)
    remembered = np.isfinite(g.before[:, 0])
    if remembered.any():
        measured[remembered], precision[remembered] = follow_shape(
            measured[remembered], precision[remembered], g.before[remembered]
        )
    smooth, g.variance = smooth_log_radius(measured, precision, g.shown)
    log_mean = np.log(mean)[:, None]
    g.radius = np.exp(np.clip(smooth, log_mean - 1, log_mean + 1))
    g.moved = np.sqrt(((g.radius - rays.radius) ** 2).mean(axis=1))
    g.parameters = fits.parameters
    _note_profiles(g, profiles, model, rays, unit, view.dark)


def _note_profiles(
    g: OutlineGroup, profiles: RadialProfiles, model: FloatArray, rays: Rays, unit: FloatArray, dark: bool
) -> None:
    """Keep the profiles and how well the models explain them."""
    weight = profiles.weight + 1e-12
    g.misfit = np.sqrt((weight * (profiles.level - model) ** 2).sum(axis=1) / weight.sum(axis=1))
    g.height = np.abs(model - g.parameters[:, BASE, None]).max(axis=1)
    g.contrast = g.height * (np.median(rays.level[:, :, -3:], axis=(1, 2)) if dark else unit)
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
