"""Outline of one particle in one frame: profile, edge and shape in turn until they agree."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tem_track.movie import FloatArray, Image
from tem_track.segment.outline_chord import BASE, BLUR, EDGE, BodyFit, RadialProfile, body_profile, fit_any_body
from tem_track.segment.outline_rays import (
    Rays,
    Surroundings,
    local_background,
    near_surroundings,
    ray_points,
    resample_radius,
    sample_rays,
)
from tem_track.segment.outline_shape import follow_shape, ray_shifts, smooth_log_radius

# Blur of a TEM picture of a sharp edge, px (point spread, defocus, scan jitter), and how well that is known.
_BLUR_PX, _BLUR_SD_PX = 1.2, 0.6


@dataclass
class RayOutline:
    """The outline of one particle while it is being fitted; working coordinates (see Surroundings).

    Attributes
    ----------
    centre : (2,) float64
    radius : (N,) float64
    log_covariance : (N, N) float64 or None
        Of the log radius, from the rays.
    before : (M,) float64 or None
        Radii of the same particle in the frames before, any unit.
    body : BodyFit or None
        The profile's fit.
    profile : RadialProfile or None
        Last profile, whose radius unit is `radius` before the body's edge was applied.
    seen : float
        Share of the outline's rays that carry information.
    misfit : float
        Root mean square of the profile's residual, in the profile's units.
    height : float
        Height of the profile, same units.
    step : float
        Height of the profile, grey values.
    """

    centre: FloatArray
    radius: FloatArray
    log_covariance: FloatArray | None = None
    before: FloatArray | None = None
    body: BodyFit | None = None
    profile: RadialProfile | None = None
    seen: float = 1.0
    misfit: float = np.inf
    height: float = 0.0
    step: float = 0.0


@dataclass(frozen=True)
class Evidence:
    """What is kept of a fit for the whole movie: the profile (float32) and its (9,) parameters."""

    profile: RadialProfile
    parameters: FloatArray


def evidence_of(outline: RayOutline) -> Evidence | None:
    """Return what the track's later analysis needs of a fit, about one kilobyte."""
    if outline.body is None or outline.profile is None:
        return None
    # Nothing beyond 1.3 radii of the edge is used again.
    last = int(np.searchsorted(outline.profile.rho, 1.35 * float(outline.body.parameters[EDGE]))) + 1
    level, weight = outline.profile.level[:last].astype(np.float32), outline.profile.weight[:last].astype(np.float32)
    kept = replace(outline.profile, level=level, weight=weight)  # type: ignore[arg-type]
    return Evidence(kept, outline.body.parameters)


def refine(around: Surroundings, barred: Image, outline: RayOutline, dark: bool) -> None:
    """Improve an outline by one round: sample, fit the common profile, then shift every ray against it."""
    first = not np.isfinite(outline.misfit)
    if not first:
        _recentre(outline)
    rays = sample_rays(around, barred, outline.centre, outline.radius)
    mean = float(outline.radius.mean())
    far = 0.5 * (rays.rho[-1] - 1) if first else max(0.05, 2.0 / mean)
    if not first:
        rays = replace(rays, seen=near_surroundings(rays, far, outline.step))
    level, unit = _normalised(rays, local_background(rays, far), dark)
    profile, variance = radial_profile(rays, level, dark, mean, around.binning)
    body = fit_any_body(profile, outline.body.parameters if outline.body is not None else None)
    model = body_profile(body.parameters, len(profile.level), profile.step, dark)
    shift, precision = ray_shifts(rays, level, model, float(body.parameters[BASE]), variance, dark)
    edge = float(body.parameters[EDGE])
    log_radius = np.log(outline.radius * edge)
    measured = log_radius + shift
    if outline.before is not None:
        before = np.log(resample_radius(outline.before, len(measured)))
        measured, precision = follow_shape(measured, precision, before)
    smooth, covariance = smooth_log_radius(measured, precision)
    weight = profile.weight
    outline.misfit = float(np.sqrt(np.average((profile.level - model) ** 2, weights=weight + 1e-12)))
    outline.height = float(np.abs(model - body.parameters[BASE]).max())
    outline.step = outline.height * (float(np.median(rays.level[:, -3:])) if dark else unit)
    outline.seen = float((precision > 0.1 * np.median(precision)).mean())
    outline.radius = np.exp(np.clip(smooth, np.log(mean) - 1, np.log(mean) + 1))
    outline.log_covariance, outline.body, outline.profile = covariance, body, profile


def _normalised(rays: Rays, background: FloatArray, dark: bool) -> tuple[Image, float]:
    """Return (N, J) grey values in units of the background (dark) or above it in units of the height (bright)."""
    if dark:
        floor = max(1e-3 * float(np.abs(background).max()), 1e-9)
        return np.asarray(rays.level / np.maximum(background, floor)[:, None].astype(np.float32)), 1.0
    above = rays.level - background[:, None].astype(np.float32)
    inside = (rays.rho < 0.8)[None, :] & (rays.seen > 0)
    height = float(np.median(above[inside])) if inside.any() else float(np.abs(above).max())
    height = max(height, 1e-3 * float(np.abs(above).max()), 1e-9)
    return np.asarray(above / np.float32(height)), height


def radial_profile(
    rays: Rays, level: Image, dark: bool, mean_radius: float, binning: int
) -> tuple[RadialProfile, FloatArray]:
    """Return the profile common to all rays, and the (J,) variance of a pixel about it.

    The variance is measured (spread between directions), so that it holds shot noise, speckle and strands alike. The
    weight of a bin counts pixels, not samples, and no more independent directions than speckle leaves.
    """
    total = rays.seen.sum(axis=0).astype(np.float64)
    safe = np.maximum(total, 1e-9)
    mean = (rays.seen * level).sum(axis=0) / safe
    spread = (rays.seen * (level - mean.astype(np.float32)) ** 2).sum(axis=0) / safe
    kernel = np.ones(5) / 5
    known = np.convolve(total > 1, kernel, "same")
    variance = np.convolve(np.where(total > 1, spread, 0.0), kernel, "same") / np.maximum(known, 0.2)
    floor = 0.05 * float(np.median(variance[total > 1])) if (total > 1).any() else 1.0
    variance = np.maximum(variance, max(floor, 1e-8))
    if dark:
        mean = mean * np.exp(-0.5 * _uneven_thickness(rays, level, mean, spread))
    share = (rays.seen > 0).mean(axis=0)
    weight = np.where(share > 0.1, total / variance, 0.0)
    # The body's onset is what counts: background further out than half a radius adds nothing, and strands.
    blur = np.hypot(_BLUR_PX / binning, 0.3) / mean_radius
    profile = RadialProfile(rays.step, mean.astype(np.float64), weight, dark, blur, _BLUR_SD_PX / binning / mean_radius)
    return profile, variance


def _uneven_thickness(rays: Rays, level: Image, mean: FloatArray, spread: FloatArray) -> FloatArray:
    """Return the (J,) variance of the thickness between directions in bright field: speckle, facets, cores off-centre.

    Notes
    -----
    Where the thickness scatters by s about its mean, the mean intensity is exp(-thickness) exp(s^2 / 2): speckle looks
    like less thickness, most of all where there is most, and more so before lithiation than after. The scatter is the
    spread of the grey values less shot noise, whose size the background gives (differences of neighbouring rays; its
    variance is proportional to the level).
    """
    outer = (rays.rho > 1.05)[None, :] & (rays.seen > 0) & (np.roll(rays.seen, 1, axis=0) > 0)
    steps = (level - np.roll(level, 1, axis=0))[outer]
    if steps.size < 50:
        return np.zeros_like(mean)
    shot = 0.5 * (1.4826 * float(np.median(np.abs(steps)))) ** 2
    share = (spread - shot * np.clip(mean, 0.0, None)) / np.maximum(mean, 0.02) ** 2
    smooth = np.convolve(np.where(rays.rho < 1, share, 0.0), np.ones(5) / 5, "same")
    return np.asarray(np.clip(smooth, 0.0, 0.5))


def _recentre(outline: RayOutline) -> None:
    """Move the centre of the rays to the centroid of the outline; the outline itself stays."""
    points = ray_points(outline.centre, outline.radius)
    shift = points.mean(axis=0) - outline.centre
    limit = 0.3 * float(outline.radius.mean())
    shift *= min(1.0, limit / max(float(np.hypot(*shift)), 1e-9))
    offset = points - (outline.centre + shift)
    angle = np.unwrap(np.arctan2(offset[:, 0], offset[:, 1]))
    grid = np.arange(len(points)) * (2 * np.pi / len(points))
    order = np.argsort(angle % (2 * np.pi))
    radius = np.hypot(offset[:, 0], offset[:, 1])
    outline.centre = outline.centre + shift
    outline.radius = np.interp(grid, (angle % (2 * np.pi))[order], radius[order], period=2 * np.pi)


def curvature_correction(blur: float, mean_radius: float) -> float:
    """Return by how many px a blurred round edge looks too small: a disc's blur is not that of a straight edge.

    Notes
    -----
    The Laplacian in polar coordinates has the term (1/r) d/dr: blur of standard deviation s moves a profile inwards by
    s^2 / 2 r.
    """
    return blur**2 / (2 * max(mean_radius, 1.0))


def blur_of(outline: RayOutline) -> float:
    """Return the fitted blur, working px."""
    if outline.body is None:
        return _BLUR_PX
    return float(outline.body.parameters[BLUR]) * float(outline.radius.mean())


def finished_radius(outline: RayOutline) -> FloatArray:
    """Return the (N,) radii (working px) corrected for what blur does to a curved edge."""
    return np.asarray(outline.radius + curvature_correction(blur_of(outline), float(outline.radius.mean())))


def rays_uncertainty(outline: RayOutline) -> float:
    """Return the standard uncertainty of the area relative to the area, as far as it comes from the single rays."""
    if outline.log_covariance is None:
        return 0.5
    share = outline.radius**2 / float((outline.radius**2).sum())
    return float(np.sqrt(max(4 * float(share @ outline.log_covariance @ share), 0.0)))


def quality_of(outline: RayOutline) -> float:
    """Return 0 to 1: how much of the outline was seen, and how small the misfit of the profile is to its height."""
    misfit = outline.misfit / max(outline.height, 1e-9)
    return float(np.clip(outline.seen * np.exp(-((misfit / 0.15) ** 2)), 0.0, 1.0))
