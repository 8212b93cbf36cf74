"""The shape of an outline as radius against direction: shift of every ray against the common profile, smoothed."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tem_track.movie import FloatArray, Image, Mask
from tem_track.segment.outline.profile import View
from tem_track.segment.outline.rays import Rays, ray_angles

# Part of the profile that decides where the edge is, in units of the radius: the outer third of the particle
# (thickness speckle further in says nothing about the edge) and the background up to 0.25 beyond.
_INNER, _OUTER = 0.6, 1.3
# How far one ray's own thickness and background may stray from the particle's (diffraction speckle; film).
_THICKNESS_SD, _BASE_SD = 0.3, 0.1
# Change of shape (not size) between frames that is natural: 1 % of the radius; and how firmly a ray remembers.
_SHAPE_SD, _MEMORY_SD = 0.01, 0.03
# Precision of the usual outline's harmonics over that of the prior, which has to leave room for unusual ones: an
# elongation of 11 % rather than 20 %.
_USUAL = 3.0
# Share of rays beyond which it is the remembered shape that is wrong.
_DISAGREEING = 0.25


@lru_cache(maxsize=64)
def shape_penalty(count: int) -> FloatArray:
    """Return the (N, N) prior precision of log radius at N directions.

    The k-th harmonic of a faceted, rounded or dented outline falls like 1/k^2 (corners) with an amplitude of about 1;
    mean radius and place of the centre are free.
    """
    order = np.fft.rfftfreq(count, 1 / count)
    precision = np.where(order > 1, order**4 + 10.0, 1e-3)
    kernel = np.fft.irfft(precision, count)
    index = (np.arange(count)[:, None] - np.arange(count)[None, :]) % count
    return np.asarray(kernel[index] * 2.0 / count)


def smooth_log_radius(
    log_radius: FloatArray, precision: FloatArray, shown: Mask | None = None
) -> tuple[FloatArray, FloatArray]:
    """Return the most probable (P, N) log radius given measurements with (P, N) precisions, and its area's variance.

    Parameters
    ----------
    log_radius, precision : (P, N) float64
    shown : (P, N) bool or None
        Rays that this frame shows. What is remembered of the others draws the outline, but is no knowledge of the
        area: behind the border it is itself a guess.

    Returns
    -------
    log_radius : (P, N) float64
    variance : (P,) float64
        Of the area relative to the area, as far as it comes from the errors of the single rays.
    """
    # d(area) / area = 2 sum(share d(log radius)): with the normal matrix N the variance is 4 share' N^-1 share.
    share = np.exp(2 * (log_radius - log_radius.max(axis=1, keepdims=True)))
    share /= share.sum(axis=1, keepdims=True)
    solved = np.linalg.solve(_normal(precision, 1.0), np.stack([precision * log_radius, share], axis=2))
    variance = (share * solved[:, :, 1]).sum(axis=1)
    guessed = np.zeros(0, np.intp) if shown is None else np.flatnonzero(~shown.all(axis=1))
    if len(guessed) and shown is not None:
        normal = _normal(precision[guessed] * shown[guessed], _USUAL)
        spread = np.linalg.solve(normal, share[guessed][:, :, None])[:, :, 0]
        variance[guessed] = np.maximum(variance[guessed], (share[guessed] * spread).sum(axis=1))
    return solved[:, :, 0], 4 * np.maximum(variance, 0.0)


def evenly_smoothed(log_radius: FloatArray, precision: float) -> FloatArray:
    """Return the most probable (P, N) log radius given measurements of one precision, as `smooth_log_radius` does.

    Notes
    -----
    With equal precisions the normal matrix is circulant: its eigenvectors are the harmonics.
    """
    firmness = np.fft.rfft(shape_penalty(log_radius.shape[1])[0]).real
    kept = precision / (precision + 1e-6 + firmness)
    return np.asarray(np.fft.irfft(np.fft.rfft(log_radius, axis=1) * kept, log_radius.shape[1], axis=1))


def _normal(precision: FloatArray, firmness: float) -> FloatArray:
    """Return the (P, N, N) normal matrices of rays with (P, N) precisions and the prior, `firmness` times as strong."""
    count = precision.shape[1]
    normal = np.repeat(firmness * shape_penalty(count)[None], len(precision), axis=0)
    diagonal = np.arange(count)
    normal[:, diagonal, diagonal] += precision + 1e-6
    return normal


def follow_shape(log_radius: FloatArray, precision: FloatArray, before: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return (P, N) log radius and precision of the rays after comparing them with the shapes of the frames before.

    Parameters
    ----------
    log_radius, precision : (P, N) float64
        As measured in this frame.
    before : (P, N) float64
        Log radius in the frames before; its mean radius and its place are not used.

    Notes
    -----
    A particle swells faster than it changes shape. Rays that leave the shape together by more than their error and
    `_SHAPE_SD` (they found the end of a strand, say) lose their weight (Cauchy), and every ray is drawn to the shape
    with `_MEMORY_SD`. Where many rays disagree the memory is wrong and not used. Size and place are fitted to this
    frame alone, so the curve does not lag.
    """
    angles = ray_angles(log_radius.shape[1])
    basis = np.stack([np.ones_like(angles), np.cos(angles), np.sin(angles)], axis=1)
    products = (basis[:, :, None] * basis[:, None, :]).reshape(-1, 9)
    change = log_radius - before
    variance = 1 / np.maximum(precision, 1e-9) + _SHAPE_SD**2
    trust, expected = np.ones_like(change), change
    for _ in range(6):
        weight = trust / variance
        normal = (weight @ products).reshape(-1, 3, 3) + 1e-6 * np.eye(3)
        common = np.linalg.solve(normal, ((weight * change) @ basis)[:, :, None])[:, :, 0]
        expected = common @ basis.T
        trust = 1 / (1 + ((change - expected) ** 2) / (4 * variance))
    agree = (trust < 0.5).mean(axis=1, keepdims=True) <= _DISAGREEING
    kept, memory = precision * trust, 1 / _MEMORY_SD**2
    drawn = (kept * log_radius + memory * (before + expected)) / (kept + memory)
    return np.where(agree, drawn, log_radius), np.where(agree, kept + memory, precision)


def ray_shifts(
    rays: Rays, level: Image, template: FloatArray, base: FloatArray, variance: FloatArray, view: View
) -> tuple[FloatArray, FloatArray]:
    """Return by how much each ray's edge lies further out than the profile says (relative), and the precision.

    Parameters
    ----------
    rays : Rays
    level : (P, N, J) float32
        Grey values in units of the background (dark) or above it (bright).
    template : (P, J) float64
        The common profiles in the same units.
    base : (P,) float64
        Their background level.
    variance : (P, J) float64
        Variance of a pixel about the profile.
    view : View

    Returns
    -------
    shift, precision : (P, N) float64

    Notes
    -----
    One Gauss-Newton step per ray in shift, thickness and background, the last two with Gaussian priors, eliminated.
    """
    furthest = np.maximum(_OUTER, 1 + 5.0 / rays.radius.mean(axis=1))
    window = (rays.rho > _INNER) & (rays.rho < furthest[:, None])
    looked_at = np.flatnonzero(window.any(axis=0))
    part = slice(int(looked_at[0]), int(looked_at[-1]) + 1)
    height = np.maximum(np.abs(template - base[:, None]).max(axis=1), 1e-6)
    columns = _columns(rays, template, base, view.dark)[:, :, part]
    residual = level[:, :, part] - template[:, None, part].astype(np.float32)
    weight = _robust(residual, variance[:, part])
    weight *= rays.seen[:, :, part]
    weight *= (view.information * window / variance)[:, None, part].astype(np.float32)
    products = np.stack([columns[:, i] * columns[:, j] for i in range(3) for j in range(i, 3)], axis=2)
    aa, ab, ac, bb, bc, cc = np.moveaxis(weight @ products.astype(np.float32), 2, 0).astype(np.float64)
    right = (weight * residual) @ columns.transpose(0, 2, 1).astype(np.float32)
    ra, rb, rc = np.moveaxis(right, 2, 0).astype(np.float64)
    bb = bb + 1 / _THICKNESS_SD**2
    cc = cc + (1 / (_BASE_SD * (np.ones_like(height) if view.dark else height)) ** 2)[:, None]
    # Schur complement: what is left for the shift once thickness and background have taken their part.
    determinant = bb * cc - bc * bc
    by_thickness, by_base = (ab * cc - ac * bc) / determinant, (ac * bb - ab * bc) / determinant
    precision = np.maximum(aa - by_thickness * ab - by_base * ac, 1e-9)
    shift = (ra - by_thickness * rb - by_base * rc) / precision
    return np.clip(shift, -0.25, 0.25), precision


def _columns(rays: Rays, template: FloatArray, base: FloatArray, dark: bool) -> FloatArray:
    """Return (P, 3, J): how the profile changes with the ray's radius, thickness and background."""
    gradient = np.empty_like(template)
    gradient[:, 1:-1] = 0.5 * (template[:, 2:] - template[:, :-2])
    gradient[:, 0], gradient[:, -1] = template[:, 1] - template[:, 0], template[:, -1] - template[:, -2]
    slope = -rays.rho * gradient / rays.step[:, None]
    if not dark:
        return np.stack([slope, template - base[:, None], np.ones_like(template)], axis=1)
    ratio = np.maximum(template / base[:, None], 1e-3)
    return np.stack([slope, template * np.log(ratio), template], axis=1)


def _robust(residual: Image, variance: FloatArray) -> Image:
    """Return Huber weights at 3 sigma: a strand crossing a ray must not pull it."""
    size = np.abs(residual) / (3 * np.sqrt(variance))[:, None, :].astype(np.float32)
    return np.asarray(1 / np.maximum(size, np.float32(1)), np.float32)
