"""The radial profile of a round body in projection, and its fit: where the thickness begins, a core, a void.

Strategy. The projected thickness of a round body is its chord sqrt(R^2 - r^2), which rises from the edge like a square
root: no step, no maximum of the gradient, no half height marks the edge. So the whole profile is modelled. With the
distance from the centre in units of the outline's radius, rho = r / R(theta), every direction shares one profile ::

    thickness(rho) = a ((1 - f) chord(rho; e) + f e [rho < e] + n chord(rho; c e) - w chord(rho; v e)),
    chord(rho; q) = sqrt(q^2 - rho^2)

body (a ball, or with f towards 1 a flat disc), core (n times as dense on top), void (w; 1 + n where it is empty).
Bright field attenuates, I = b exp(-thickness); dark field adds, I = b + thickness. The blur of the optics is a
Gaussian. `e` says by how much the assumed outline was too small.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.fft import dct, idct

from tem_track.movie import FloatArray

EDGE, BLUR, BASE, BODY, CORE, VOID, CORE_RADIUS, VOID_RADIUS, FLAT = range(9)
PARAMETERS = 9

# A core nearer to the edge than this cannot be told from the body's own onset; a smaller one has no pixels.
_CORE_RADII = (0.3, 0.94)
_VOID_RADII = (0.1, 0.85)
_EDGES = (0.5, 1.8)
# Attenuation or brightness of the body, in units of the background (dark) or of the profile's height (bright).
_MOST = 12.0
# How many times denser than the shell a core may be (Au in SiO2: about 9 in projected mass).
_DENSEST = 10.0
# Blur over radius above which core and void cannot be told from the blurred edge.
SMALL = 0.12
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
        return (np.arange(len(self.level), dtype=np.float64) + 0.5) * self.step


@dataclass(frozen=True)
class BodyFit:
    """A fitted body: parameters (9,) as numbered in this module, their covariance (9, 9), chi-square and its count."""

    parameters: FloatArray
    covariance: FloatArray
    chi2: float
    bins: int


def chord(edges: FloatArray, radius: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the chord sqrt(radius^2 - rho^2) averaged over each bin, and its derivative with respect to the radius.

    Parameters
    ----------
    edges : (J + 1,) float64
        Bin edges.
    radius : (M,) float64

    Returns
    -------
    chord, slope : (M, J) float64
        Exact bin means, so that the model is smooth in the radius however coarse the bins are.
    """
    q = np.maximum(radius, 1e-6)[:, None]
    at = np.minimum(edges[None, :] / q, 1.0)
    angle = np.arcsin(at)
    integral = 0.5 * q * q * (at * np.sqrt(1 - at * at) + angle)
    width = edges[1:] - edges[:-1]
    slope: FloatArray = q * (angle[:, 1:] - angle[:, :-1]) / width
    mean: FloatArray = (integral[:, 1:] - integral[:, :-1]) / width
    return mean, slope


def body_profile(parameters: FloatArray, bins: int, step: float, dark: bool) -> FloatArray:
    """Return the (J,) profile of a body with the given (9,) parameters, blurred."""
    return np.asarray(_profile_and_slopes(parameters, bins, step, dark)[0])


def _profile_and_slopes(p: FloatArray, bins: int, step: float, dark: bool) -> FloatArray:
    """Return (10, J): the blurred profile, then its derivative with respect to every parameter."""
    edges = np.arange(bins + 1, dtype=np.float64) * step
    e, c, v = p[EDGE], p[CORE_RADIUS], p[VOID_RADIUS]
    chords, slopes = chord(edges, np.array([e, e * c, e * v]))
    # The flat part: a disc of thickness e, each bin filled as far as the edge reaches into it.
    filled = np.clip((e - edges[:-1]) / step, 0.0, 1.0)
    rim = ((e > edges[:-1]) & (e <= edges[1:])) / step
    flat = p[FLAT]
    shape = (1 - flat) * chords[0] + flat * e * filled + p[CORE] * chords[1] - p[VOID] * chords[2]
    thickness = p[BODY] * shape
    rows = np.empty((PARAMETERS + 1, bins))
    if dark:
        left = np.exp(-thickness)
        rows[0], rows[1 + BASE] = p[BASE] * left, left
        per_thickness = -rows[0]
    else:
        rows[0], rows[1 + BASE] = p[BASE] + thickness, 1.0
        per_thickness = np.ones(bins)
    per_shape = per_thickness * p[BODY]
    rows[1 + BODY] = per_thickness * shape
    rows[1 + EDGE] = per_shape * (
        (1 - flat) * slopes[0] + flat * (filled + e * rim) + p[CORE] * c * slopes[1] - p[VOID] * v * slopes[2]
    )
    rows[1 + FLAT] = per_shape * (e * filled - chords[0])
    rows[1 + CORE], rows[1 + VOID] = per_shape * chords[1], -per_shape * chords[2]
    rows[1 + CORE_RADIUS] = per_shape * p[CORE] * e * slopes[1]
    rows[1 + VOID_RADIUS] = -per_shape * p[VOID] * e * slopes[2]
    # The cosine transform continues the profile as an even function at the centre and flat beyond its end.
    frequency = np.pi * np.arange(bins) / (bins * step)
    rows[1 + BLUR] = 0.0
    spectrum = dct(rows, axis=1, type=2) * np.exp(-0.5 * (frequency * p[BLUR]) ** 2)
    spectrum[1 + BLUR] = -(frequency**2) * p[BLUR] * spectrum[0]
    return np.asarray(idct(spectrum, axis=1, type=2))


def first_guesses(profile: RadialProfile) -> list[FloatArray]:
    """Return starting parameters: solid, and hollow bodies with a large and a small core."""
    rho, level = profile.rho, profile.level
    inside = (rho > 0.2) & (rho < 0.7) & (profile.weight > 0)
    middle = float(np.median(level[inside])) if inside.any() else float(level[: len(level) // 2].mean())
    depth = -np.log(np.clip(middle, 0.02, 0.98)) if profile.dark else middle
    base, body = (1.0 if profile.dark else 0.0), max(depth, 0.02) * 1.1
    guesses = [np.array([1.0, profile.blur, base, body, 0.0, 0.0, 0.8, 0.3, 0.0])]
    for core_radius, void_radius in ((0.8, 0.45), (0.65, 0.3)):
        guesses.append(np.array([1.0, profile.blur, base, 0.7 * body, 0.4, 0.8, core_radius, void_radius, 0.0]))
    return guesses


def fit_body(profile: RadialProfile, start: FloatArray, free: tuple[int, ...], rounds: int = 12) -> BodyFit:
    """Return the least-squares fit of the parameters named in `free`; the others stay as in `start`.

    Notes
    -----
    Levenberg-Marquardt, bounds by clipping, and a Gaussian prior on the blur.
    """
    scale = np.array([0.01, 0.1 * profile.blur + 1e-4, 0.01, 0.02, 0.03, 0.03, 0.01, 0.01, 0.02])
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
    covariance = np.zeros((PARAMETERS, PARAMETERS))
    normal = jacobian.T @ jacobian
    inverse = np.linalg.inv(normal + np.diag(1e-9 + 1e-9 * np.diag(normal)))
    covariance[np.ix_(index, index)] = inverse * np.outer(scale[index], scale[index])
    return BodyFit(p, covariance, chi2, int((profile.weight > 0).sum()))


def _linearised(
    profile: RadialProfile, p: FloatArray, index: FloatArray, scale: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return residual (J + 1,) and Jacobian (J + 1, F) in units of sigma; the last row is the prior on the blur."""
    model = _profile_and_slopes(p, len(profile.level), profile.step, profile.dark)
    root = np.sqrt(profile.weight)
    residual = np.append(root * (profile.level - model[0]), (profile.blur - p[BLUR]) / profile.blur_sd)
    jacobian = np.zeros((len(residual), len(index)))
    jacobian[:-1] = (root * model[1 + index] * scale[index][:, None]).T
    jacobian[-1] = np.where(index == BLUR, scale[BLUR] / profile.blur_sd, 0.0)
    return residual, jacobian


def _bounded(p: FloatArray) -> FloatArray:
    q = p.copy()
    q[EDGE] = np.clip(q[EDGE], *_EDGES)
    q[BLUR] = np.clip(q[BLUR], 1e-4, 0.6)
    q[BODY] = np.clip(q[BODY], 0.0, _MOST)
    q[CORE] = np.clip(q[CORE], -1.0, _DENSEST)
    q[VOID] = np.clip(q[VOID], 0.0, 1.0 + max(q[CORE], 0.0))
    q[FLAT] = np.clip(q[FLAT], -0.3, 1.0)
    q[CORE_RADIUS] = np.clip(q[CORE_RADIUS], *_CORE_RADII)
    q[VOID_RADIUS] = np.clip(q[VOID_RADIUS], _VOID_RADII[0], min(_VOID_RADII[1], q[CORE_RADIUS]))
    return q


def fit_any_body(profile: RadialProfile, before: FloatArray | None) -> BodyFit:
    """Return the fit of the most general body (core and void), from an earlier fit or else from several guesses.

    An earlier fit that does not explain this profile is only one guess among the others.
    """
    if profile.blur > SMALL:
        return _fit_small(profile, before)
    every = (EDGE, BLUR, BASE, BODY, CORE, VOID, CORE_RADIUS, VOID_RADIUS)
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


def _fit_small(profile: RadialProfile, before: FloatArray | None) -> BodyFit:
    """Return the fit of a solid ball: a particle only a few blurs wide shows no more than that."""
    start = first_guesses(profile)[0]
    fit = fit_body(profile, start, (EDGE, BASE, BODY), rounds=15)
    if before is not None and before[CORE] == 0.0:
        again = before.copy()
        again[EDGE] = 1.0
        fit = min(fit, fit_body(profile, again, (EDGE, BASE, BODY), rounds=15), key=lambda f: f.chi2)
    return fit
