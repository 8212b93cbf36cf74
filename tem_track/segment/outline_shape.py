"""The shape of an outline as radius against direction: shift of every ray against the common profile, smoothed."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tem_track.movie import FloatArray, Image
from tem_track.segment.outline_rays import Rays, ray_angles

# Part of the profile that decides where the edge is, in units of the radius: the outer third of the particle
# (thickness speckle further in says nothing about the edge) and the background up to 0.25 beyond.
_INNER, _OUTER = 0.6, 1.3
# How far one ray's own thickness and background may stray from the particle's (diffraction speckle; film).
_THICKNESS_SD, _BASE_SD = 0.3, 0.1
# Change of shape (not size) between frames that is natural: 1 % of the radius; and how firmly a ray remembers.
_SHAPE_SD, _MEMORY_SD = 0.01, 0.03
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


def smooth_log_radius(log_radius: FloatArray, precision: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the most probable (N,) log radius given measurements with (N,) precisions, and its (N, N) covariance."""
    count = len(log_radius)
    normal = shape_penalty(count) + np.diag(precision + 1e-6)
    covariance = np.linalg.inv(normal)
    return np.asarray(covariance @ (precision * log_radius)), np.asarray(covariance)


def follow_shape(log_radius: FloatArray, precision: FloatArray, before: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return (N,) log radius and precision of the rays after comparing them with the shape of the frames before.

    Parameters
    ----------
    log_radius, precision : (N,) float64
        As measured in this frame.
    before : (N,) float64
        Log radius in the frames before; its mean radius and its place are not used.

    Notes
    -----
    A particle swells faster than it changes shape. Rays that leave the shape together by more than their error and
    `_SHAPE_SD` (they found the end of a strand, say) lose their weight (Cauchy), and every ray is drawn to the shape
    with `_MEMORY_SD`. Where many rays disagree the memory is wrong and not used. Size and place are fitted to this
    frame alone, so the curve does not lag.
    """
    angles = ray_angles(len(log_radius))
    basis = np.stack([np.ones_like(angles), np.cos(angles), np.sin(angles)], axis=1)
    change = log_radius - before
    variance = 1 / np.maximum(precision, 1e-9) + _SHAPE_SD**2
    trust = np.ones_like(change)
    common = np.zeros(3)
    for _ in range(6):
        weight = trust / variance
        normal = basis.T @ (weight[:, None] * basis) + 1e-6 * np.eye(3)
        common = np.linalg.solve(normal, basis.T @ (weight * change))
        trust = 1 / (1 + ((change - basis @ common) ** 2) / (4 * variance))
    if float((trust < 0.5).mean()) > _DISAGREEING:
        return log_radius, precision
    expected = before + basis @ common
    kept, memory = precision * trust, 1 / _MEMORY_SD**2
    return (kept * log_radius + memory * expected) / (kept + memory), kept + memory


def ray_shifts(
    rays: Rays, level: Image, template: FloatArray, base: float, variance: FloatArray, dark: bool
) -> tuple[FloatArray, FloatArray]:
    """Return by how much each ray's edge lies further out than the profile says (relative), and the precision.

    Parameters
    ----------
    rays : Rays
    level : (N, J) float32
        Grey values in units of the background (dark) or above it (bright).
    template : (J,) float64
        The common profile in the same units.
    base : float
        Its background level.
    variance : (J,) float64
        Variance of a pixel about the profile.
    dark : bool

    Notes
    -----
    One Gauss-Newton step per ray in shift, thickness and background, the last two with Gaussian priors, eliminated.
    """
    slope = -rays.rho * np.gradient(template, rays.step)
    if dark:
        ratio = np.maximum(template / base, 1e-3)
        thickness, background = template * np.log(ratio), template
    else:
        thickness, background = template - base, np.ones_like(template)
    columns = np.stack([slope, thickness, background])
    window = (rays.rho > _INNER) & (rays.rho < max(_OUTER, 1 + 5.0 / float(rays.radius.mean())))
    weight = rays.seen * (window / variance).astype(np.float32)
    residual = level - template.astype(np.float32)
    weight = weight * _robust(residual, variance)
    products = (columns[:, None, :] * columns[None, :, :]).reshape(9, -1)
    normal = (weight @ products.T.astype(np.float32)).reshape(-1, 3, 3).astype(np.float64)
    right = ((weight * residual) @ columns.T.astype(np.float32)).astype(np.float64)
    height = max(float(np.abs(template - base).max()), 1e-6)
    base_sd = _BASE_SD * (1.0 if dark else height)
    normal[:, 1, 1] += 1 / _THICKNESS_SD**2
    normal[:, 2, 2] += 1 / base_sd**2
    # Schur complement: what is left for the shift once thickness and background have taken their part.
    inner = np.linalg.inv(normal[:, 1:, 1:])
    cross = np.einsum("ni,nij->nj", normal[:, 0, 1:], inner)
    precision = np.maximum(normal[:, 0, 0] - np.einsum("nj,nj->n", cross, normal[:, 0, 1:]), 1e-9)
    shift = (right[:, 0] - np.einsum("nj,nj->n", cross, right[:, 1:])) / precision
    return np.clip(shift, -0.25, 0.25), precision


def _robust(residual: Image, variance: FloatArray) -> Image:
    """Return Huber weights at 3 sigma: a strand crossing a ray must not pull it."""
    size = np.abs(residual) / (3 * np.sqrt(variance)).astype(np.float32)
    return np.asarray(1 / np.maximum(size, 1), np.float32)
