"""The radial profile of a round body in projection, and its fit: where the thickness begins, a core, a void.

Strategy. The projected thickness of a round body is its chord sqrt(R^2 - r^2), which rises from the edge like a square
root: no step, no maximum of the gradient, no half height marks the edge. So the whole profile is modelled. With the
distance from the centre in units of the outline's radius, rho = r / R(theta), every direction shares one profile ::

    thickness(rho) = a_1 chord(rho; e) + a_2 chord(rho; c e) - a_3 chord(rho; v e),   chord(rho; q) = sqrt(q^2 - rho^2)

body, denser (or lighter) core, void. Bright field attenuates, I = b exp(-thickness); dark field adds,
I = b + thickness. The blur of the optics is a Gaussian. `e` says by how much the assumed outline was too small.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.fft import dct, idct

from tem_track.movie import FloatArray

EDGE, BLUR, BASE, BODY, CORE, VOID, CORE_RADIUS, VOID_RADIUS = range(8)

# A core nearer to the edge than this cannot be told from the body's own onset; a smaller one has no pixels.
_CORE_RADII = (0.3, 0.94)
_VOID_RADII = (0.1, 0.85)
_EDGES = (0.5, 1.8)
# Attenuation or brightness of the body, in units of the background (dark) or of the profile's height (bright).
_MOST = 12.0
# Chi-square per bin up to which a fit continued from an earlier one is trusted. Speckle is not independent from bin to
# bin, so that good fits of speckled particles reach 5.
_EXPLAINED = 6.0


@dataclass(frozen=True)
class RadialProfile:
    """Mean grey value of a particle against the distance from its centre, all directions in one.

    Attributes
    ----------
    step : float
        Width of a bin in units of the outline's radius; bin j is centred on (j + 1/2) step.
    level : (J,) float64
        Grey value in units of the local background (dark) or above it in units of the profile's height (bright).
    weight : (J,) float64
        1 / variance of `level`, 0 where there is nothing.
    dark : bool
        Bright-field contrast.
    blur : float
        Expected blur of the picture (standard deviation), in units of the radius, and
    blur_sd : float
        how well that is known.
    """

    step: float
    level: FloatArray
    weight: FloatArray
    dark: bool
    blur: float
    blur_sd: float

    @property
    def rho(self) -> FloatArray:
        """Centres of the bins, (J,)."""
        return (np.arange(len(self.level)) + 0.5) * self.step


@dataclass(frozen=True)
class BodyFit:
    """A fitted body: parameters (8,) as numbered in this module, their covariance (8, 8), chi-square and its count."""

    parameters: FloatArray
    covariance: FloatArray
    chi2: float
    bins: int


def chord(edges: FloatArray, radius: FloatArray) -> FloatArray:
    """Return the chord sqrt(radius^2 - rho^2) averaged over each bin.

    Parameters
    ----------
    edges : (J + 1,) float64
        Bin edges.
    radius : (M,) float64

    Returns
    -------
    (M, J) float64
        Exact bin means, so that the model is smooth in the radius however coarse the bins are.
    """
    q = np.maximum(radius, 1e-6)[:, None]
    at = np.clip(edges[None, :], 0.0, q)
    integral = 0.5 * (at * np.sqrt(q * q - at * at) + q * q * np.arcsin(at / q))
    return np.asarray(np.diff(integral, axis=1) / np.diff(edges))


def body_profile(parameters: FloatArray, bins: int, step: float, dark: bool) -> FloatArray:
    """Return the (M, J) profiles of M sets of parameters (M, 8), blurred."""
    p = np.atleast_2d(parameters)
    edges = np.arange(bins + 1) * step
    e = p[:, EDGE]
    thickness = (
        p[:, BODY, None] * chord(edges, e)
        + p[:, CORE, None] * chord(edges, e * p[:, CORE_RADIUS])
        - p[:, VOID, None] * chord(edges, e * p[:, VOID_RADIUS])
    )
    if dark:
        sharp = p[:, BASE, None] * np.exp(-thickness)
    else:
        sharp = p[:, BASE, None] + thickness
    # The cosine transform continues the profile as an even function at the centre and flat beyond its end.
    frequency = np.pi * np.arange(bins) / (bins * step)
    transfer = np.exp(-0.5 * (frequency[None, :] * p[:, BLUR, None]) ** 2)
    return np.asarray(idct(dct(sharp, axis=1, type=2) * transfer, axis=1, type=2))


def first_guesses(profile: RadialProfile) -> list[FloatArray]:
    """Return starting parameters: solid, with a small and with a large core, with and without a void."""
    rho, level = profile.rho, profile.level
    inside = (rho > 0.2) & (rho < 0.7) & (profile.weight > 0)
    middle = float(np.median(level[inside])) if inside.any() else float(level[: len(level) // 2].mean())
    depth = -np.log(np.clip(middle, 0.02, 0.98)) if profile.dark else middle
    start = np.array([1.0, profile.blur, 1.0 if profile.dark else 0.0, max(depth, 0.02) * 1.1, 0.0, 0.0, 0.8, 0.3])
    guesses = []
    for core_radius, void_radius in ((0.8, 0.45), (0.65, 0.3)):
        guess = start.copy()
        guess[[BODY, CORE, VOID]] *= 0.6
        guess[[CORE, VOID]] = 0.6 * start[BODY], 0.4 * start[BODY]
        guess[[CORE_RADIUS, VOID_RADIUS]] = core_radius, void_radius
        guesses.append(guess)
    return [start, *guesses]


def fit_body(profile: RadialProfile, start: FloatArray, free: tuple[int, ...], rounds: int = 12) -> BodyFit:
    """Return the least-squares fit of the parameters named in `free`; the others stay as in `start`.

    Notes
    -----
    Levenberg-Marquardt with one-sided differences (all of them in one evaluation), bounds by clipping, and a Gaussian
    prior on the blur.
    """
    scale = np.array([0.01, 0.1 * profile.blur + 1e-4, 0.01, 0.02, 0.02, 0.02, 0.01, 0.01])
    index = np.array(free)
    p, damping = _bounded(start), 1e-3
    residual, jacobian = _linearised(profile, p, index, scale)
    chi2 = float(residual @ residual)
    for _ in range(rounds):
        normal = jacobian.T @ jacobian
        gradient = jacobian.T @ residual
        step = np.linalg.solve(normal + np.diag(damping * np.diag(normal) + 1e-9), gradient)
        trial = p.copy()
        trial[index] += step * scale[index]
        trial = _bounded(trial)
        new_residual, new_jacobian = _linearised(profile, trial, index, scale)
        new_chi2 = float(new_residual @ new_residual)
        if new_chi2 > chi2:
            damping = damping * 8 + 1e-4
            if damping > 1e4:
                break
            continue
        done = chi2 - new_chi2 < 1e-3 * (1 + 1e-2 * chi2)
        p, residual, jacobian, chi2 = trial, new_residual, new_jacobian, new_chi2
        damping *= 0.2
        if done:
            break
    covariance = np.zeros((8, 8))
    normal = jacobian.T @ jacobian
    inverse = np.linalg.inv(normal + np.diag(1e-9 + 1e-9 * np.diag(normal)))
    covariance[np.ix_(index, index)] = inverse * np.outer(scale[index], scale[index])
    return BodyFit(p, covariance, chi2, int((profile.weight > 0).sum()))


def _linearised(
    profile: RadialProfile, p: FloatArray, index: FloatArray, scale: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return residual (J + 1,) and Jacobian (J + 1, F) in units of sigma; the last row is the prior on the blur."""
    sets = np.repeat(p[None, :], len(index) + 1, axis=0)
    steps = 0.2 * scale[index]
    sets[np.arange(1, len(index) + 1), index] += steps
    model = body_profile(sets, len(profile.level), profile.step, profile.dark)
    root = np.sqrt(profile.weight)
    slopes = (model[1:] - model[0]) / steps[:, None] * scale[index][:, None]
    residual = np.append(root * (profile.level - model[0]), (profile.blur - p[BLUR]) / profile.blur_sd)
    prior = np.where(index == BLUR, scale[BLUR] / profile.blur_sd, 0.0)
    return residual, np.hstack([slopes * root, prior[:, None]]).T


def _bounded(p: FloatArray) -> FloatArray:
    q = p.copy()
    q[EDGE] = np.clip(q[EDGE], *_EDGES)
    q[BLUR] = np.clip(q[BLUR], 1e-4, 0.6)
    q[BODY] = np.clip(q[BODY], 0.0, _MOST)
    q[CORE] = np.clip(q[CORE], -q[BODY], _MOST)
    q[VOID] = np.clip(q[VOID], 0.0, q[BODY] + max(q[CORE], 0.0))
    q[CORE_RADIUS] = np.clip(q[CORE_RADIUS], *_CORE_RADII)
    q[VOID_RADIUS] = np.clip(q[VOID_RADIUS], _VOID_RADII[0], min(_VOID_RADII[1], q[CORE_RADIUS]))
    return q


def fit_any_body(profile: RadialProfile, before: FloatArray | None) -> BodyFit:
    """Return the fit of the most general body (core and void), from an earlier fit or else from several guesses.

    An earlier fit that does not explain this profile is only one guess among the others.
    """
    every = tuple(range(8))
    fits = []
    if before is not None:
        start = before.copy()
        start[EDGE] = 1.0
        fits.append(fit_body(profile, start, every, rounds=5))
        if fits[0].chi2 < _EXPLAINED * fits[0].bins:
            return fits[0]
    for guess in first_guesses(profile):
        edge_first = fit_body(profile, guess, (EDGE, BASE, BODY, CORE, VOID), rounds=6)
        fits.append(fit_body(profile, edge_first.parameters, every))
    return min(fits, key=lambda fit: fit.chi2)
