"""Bodies fitted to radial profiles (outline/chord.py), many profiles at once.

Strategy. Levenberg-Marquardt steps for all profiles together; a profile that has converged drops out. A fit goes on
from the one before where there is one, and only where that does not explain the profile the other starts are tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tem_track.movie import FloatArray, Mask
from tem_track.segment.outline.chord import (
    BASE,
    BLUR,
    BODY,
    CORE,
    CORE_RADIUS,
    EDGE,
    FLAT,
    FRINGE,
    PARAMETERS,
    SMALL,
    VOID,
    VOID_RADIUS,
    RadialProfiles,
    Rows,
    profiles_and_slopes,
)
from tem_track.segment.side_by_side import in_parts

# A core nearer to the edge than this cannot be told from the body's own onset; a smaller one has no pixels.
_CORE_RADII = (0.3, 0.94)
_VOID_RADII = (0.1, 0.85)
_EDGES = (0.5, 1.8)
# Attenuation or brightness of the body, in units of the background (dark) or of the profile's height (bright).
_MOST = 12.0
# How many times denser than the shell a core may be (Au in SiO2: about 9 in projected mass).
_DENSEST = 10.0
# Chi-square per bin up to which a fit continued from an earlier one is trusted. Speckle is not independent from bin to
# bin, so that good fits of speckled particles reach 5.
_EXPLAINED = 6.0
# A fringe that stands out, in blurs squared: it lifts the edge of a particle by half of the background.
_STRONG_FRINGE = 6.0
# A step that gains less than this in chi-square was the last; rounding makes chi-square uncertain by 0.01 in single
# precision, where a parameter is then a seventh of its error off.
_ENOUGH = {False: 1e-3, True: 2e-2}
# Profiles fitted together: their arrays stay in the processor's cache.
_TOGETHER = 256
# Where the fullness of a body without core acts, fraction of the radius: real bodies are a little fuller towards their
# edge than a ball.
FULLNESS_RADIUS = 0.8
# Parameters of a ball that is only a few blurs wide, and of the most general body.
SMALL_BALL = (EDGE, BASE, BODY)
_EVERY = (EDGE, BLUR, BASE, BODY, CORE, VOID, CORE_RADIUS, VOID_RADIUS)
# Those of a body without core and void: between a ball (flat 0) and a disc (1), near which a fit may start too.
_PLAIN = (EDGE, BLUR, BASE, BODY, FLAT)
_DISC = 0.8


@dataclass(frozen=True)
class BodyFits:
    """K fitted bodies: parameters (K, 10), their variances (K, 10), chi-square (K,) and the bins it counts (K,)."""

    parameters: FloatArray
    variance: FloatArray
    chi2: FloatArray
    bins: FloatArray

    def take(self, rows: Rows | slice) -> BodyFits:
        """Return some of the fits."""
        return BodyFits(self.parameters[rows], self.variance[rows], self.chi2[rows], self.bins[rows])

    def put(self, rows: Rows, other: BodyFits) -> None:
        """Replace some of the fits."""
        self.parameters[rows], self.variance[rows] = other.parameters, other.variance
        self.chi2[rows], self.bins[rows] = other.chi2, other.bins

    def improve(self, rows: Rows, other: BodyFits) -> None:
        """Replace those of some of the fits that another fit of the same profiles undercuts."""
        better = other.chi2 < self.chi2[rows]
        self.put(rows[better], other.take(better))


@dataclass(frozen=True)
class _Point:
    """The least-squares problem at one set of parameters: normal (K, F, F), gradient (K, F), chi-square (K,)."""

    normal: FloatArray
    gradient: FloatArray
    chi2: FloatArray

    def put(self, rows: Rows, other: _Point, chosen: Mask) -> None:
        self.normal[rows], self.gradient[rows] = other.normal[chosen], other.gradient[chosen]
        self.chi2[rows] = other.chi2[chosen]


def fit_bodies(profiles: RadialProfiles, start: FloatArray, free: tuple[int, ...], rounds: int = 12) -> BodyFits:
    """Return the least-squares fits of the parameters named in `free`; the others stay as in `start` (K, 10).

    Notes
    -----
    Levenberg-Marquardt, bounds by clipping, and a Gaussian prior on the blur. Profiles in single precision are fitted
    in single precision, which takes half the time.
    """
    parts = in_parts(len(profiles), _TOGETHER)
    return joined_fits([_fit_together(profiles.take(part), start[part], free, rounds) for part in parts])


def joined_fits(fits: Sequence[BodyFits]) -> BodyFits:
    """Return fits one after the other."""
    if len(fits) == 1:
        return fits[0]
    return BodyFits(
        np.concatenate([fit.parameters for fit in fits]),
        np.concatenate([fit.variance for fit in fits]),
        np.concatenate([fit.chi2 for fit in fits]),
        np.concatenate([fit.bins for fit in fits]),
    )


def _fit_together(profiles: RadialProfiles, start: FloatArray, free: tuple[int, ...], rounds: int) -> BodyFits:
    index = np.array(free)
    scale = _scales(profiles)[:, index]
    p, damping = bounded(start), np.full(len(start), 1e-3)
    if profiles.fringe_sd is None:
        # The picture's, not the body's.
        p[:, FRINGE] = 0.0 if profiles.fringe is None else profiles.fringe
    enough = _ENOUGH[profiles.level.dtype == np.float32]
    best = _linearised(profiles, p, free, scale)
    active = np.arange(len(start))
    for _ in range(rounds):
        if not len(active):
            break
        trial = p[active]
        trial[:, index] += _step(best.normal[active], best.gradient[active], damping[active]) * scale[active]
        trial = bounded(trial)
        new = _linearised(profiles.take(active), trial, free, scale[active])
        chi2 = best.chi2[active]
        better = new.chi2 <= chi2
        finished = better & (chi2 - new.chi2 < enough * (1 + 1e-2 * chi2))
        damping[active] = np.where(better, damping[active] * 0.2, damping[active] * 8 + 1e-4)
        p[active[better]] = trial[better]
        best.put(active[better], new, better)
        active = active[~finished & (damping[active] <= 1e4)]
    return BodyFits(p, _variance(best.normal, index, scale), best.chi2, (profiles.weight > 0).sum(axis=1))


def _scales(profiles: RadialProfiles) -> FloatArray:
    """Return (K, 10) natural steps of the parameters, which make the normal equations well conditioned."""
    scale = np.tile([0.01, 0.0, 0.01, 0.02, 0.03, 0.03, 0.01, 0.01, 0.02, 0.0], (len(profiles), 1))
    scale[:, BLUR] = 0.1 * profiles.blur + 1e-4
    # A fringe of one blur squared is a strong one.
    scale[:, FRINGE] = 0.1 * profiles.blur**2 + 1e-8
    return scale


def _step(normal: FloatArray, gradient: FloatArray, damping: FloatArray) -> FloatArray:
    damped = normal.copy()
    diagonal = np.arange(normal.shape[1])
    damped[:, diagonal, diagonal] += damping[:, None] * normal[:, diagonal, diagonal] + 1e-9
    return np.asarray(np.linalg.solve(damped, gradient[:, :, None])[:, :, 0])


def _variance(normal: FloatArray, index: FloatArray, scale: FloatArray) -> FloatArray:
    variance = np.zeros((len(normal), PARAMETERS))
    diagonal = np.arange(normal.shape[1])
    firm = normal.copy()
    firm[:, diagonal, diagonal] += 1e-9 + 1e-9 * normal[:, diagonal, diagonal]
    variance[:, index] = np.linalg.inv(firm)[:, diagonal, diagonal] * scale**2
    return variance


def _linearised(profiles: RadialProfiles, p: FloatArray, free: tuple[int, ...], scale: FloatArray) -> _Point:
    """Return the normal equations in units of `scale` (K, F), the prior on the blur included."""
    precision = profiles.level.dtype
    at, step = p.astype(precision, copy=False), profiles.step.astype(precision, copy=False)
    model, slopes = profiles_and_slopes(at, profiles.level.shape[1], step, profiles.dark, free)
    slopes *= scale[:, :, None].astype(precision, copy=False)
    weighted = slopes * profiles.weight[:, None, :]
    residual = profiles.level - model
    normal = (weighted @ slopes.transpose(0, 2, 1)).astype(np.float64)
    gradient = (weighted @ residual[:, :, None])[:, :, 0].astype(np.float64)
    off = profiles.blur - p[:, BLUR]
    residual *= residual
    residual *= profiles.weight
    chi2 = residual.sum(axis=1, dtype=np.float64) + (off / profiles.blur_sd) ** 2
    if BLUR in free:
        i = free.index(BLUR)
        normal[:, i, i] += (scale[:, i] / profiles.blur_sd) ** 2
        gradient[:, i] += scale[:, i] * off / profiles.blur_sd**2
    if FRINGE in free and profiles.fringe is not None and profiles.fringe_sd is not None:
        i, off = free.index(FRINGE), profiles.fringe - p[:, FRINGE]
        chi2 += (off / profiles.fringe_sd) ** 2
        normal[:, i, i] += (scale[:, i] / profiles.fringe_sd) ** 2
        gradient[:, i] += scale[:, i] * off / profiles.fringe_sd**2
    return _Point(normal, gradient, chi2)


def bounded(p: FloatArray) -> FloatArray:
    """Return (K, 10) parameters moved into their bounds."""
    low = np.array([_EDGES[0], 1e-4, -np.inf, 0.0, -1.0, 0.0, _CORE_RADII[0], _VOID_RADII[0], -0.3, -np.inf])
    high = np.array([_EDGES[1], 0.6, np.inf, _MOST, _DENSEST, np.inf, _CORE_RADII[1], _VOID_RADII[1], 1.0, np.inf])
    q = np.minimum(np.maximum(p, low), high)
    q[:, VOID] = np.minimum(q[:, VOID], 1.0 + np.maximum(q[:, CORE], 0.0))
    q[:, VOID_RADIUS] = np.minimum(q[:, VOID_RADIUS], q[:, CORE_RADIUS])
    return np.asarray(q)


def solid_guess(profiles: RadialProfiles) -> FloatArray:
    """Return (K, 10) starting parameters of solid balls."""
    rho = profiles.rho
    inside = (rho > 0.2) & (rho < 0.7) & (profiles.weight > 0)
    inside |= ~inside.any(axis=1, keepdims=True) & (np.arange(rho.shape[1]) < rho.shape[1] // 2)
    middle = (inside * profiles.level).sum(axis=1) / inside.sum(axis=1)
    depth = -np.log(np.clip(middle, 0.02, 0.98)) if profiles.dark else middle
    guess = np.zeros((len(profiles), PARAMETERS))
    guess[:, EDGE], guess[:, BLUR], guess[:, BASE] = 1.0, profiles.blur, 1.0 if profiles.dark else 0.0
    guess[:, BODY] = np.maximum(depth, 0.02) * 1.1
    guess[:, CORE_RADIUS], guess[:, VOID_RADIUS] = 0.8, 0.3
    if profiles.fringe is not None:
        guess[:, FRINGE] = profiles.fringe
    return guess


def hollow_guess(profiles: RadialProfiles, core_radius: float, void_radius: float) -> FloatArray:
    """Return (K, 10) starting parameters of hollow bodies with a core."""
    guess = solid_guess(profiles)
    guess[:, BODY] *= 0.7
    guess[:, CORE], guess[:, VOID], guess[:, CORE_RADIUS], guess[:, VOID_RADIUS] = 0.4, 0.8, core_radius, void_radius
    return guess


def fit_any_bodies(profiles: RadialProfiles, before: FloatArray) -> BodyFits:
    """Return fits of the most general body that each profile can show, from earlier fits (K, 9; NaN where none).

    Profiles only a few blurs wide get a solid ball, the others a body with core and void, or without where the
    movie shows neither.
    """
    small = profiles.blur > SMALL
    count = len(profiles)
    fits = BodyFits(
        np.zeros((count, PARAMETERS)), np.zeros((count, PARAMETERS)), np.full(count, np.inf), np.zeros(count)
    )
    fit_large = fit_plain if profiles.plain else fit_general
    for rows, fit in ((np.flatnonzero(small), _fit_balls), (np.flatnonzero(~small), fit_large)):
        if len(rows):
            fits.put(rows, fit(profiles.take(rows), before[rows]))
    return fits


def _fit_balls(profiles: RadialProfiles, before: FloatArray) -> BodyFits:
    """Return fits of solid balls; a few pixels often allow two, so both starts are tried."""
    fits = fit_bodies(profiles, solid_guess(profiles), SMALL_BALL, rounds=15)
    known = np.flatnonzero(np.isfinite(before[:, EDGE]) & (before[:, CORE] == 0.0))
    if len(known):
        start = before[known]
        start[:, EDGE] = 1.0
        fits.improve(known, fit_bodies(profiles.take(known), start, SMALL_BALL, rounds=15))
    return fits


def fit_plain(profiles: RadialProfiles, before: FloatArray) -> BodyFits:
    """Return fits of bodies without core and void, ball to disc, from earlier fits (K, 10; NaN where none)."""
    every = _PLAIN if profiles.fringe_sd is None else (*_PLAIN, FRINGE)
    known = np.isfinite(before[:, EDGE])
    ball = solid_guess(profiles)
    start = np.where(known[:, None], before, ball)
    start[:, EDGE], start[:, CORE], start[:, VOID] = 1.0, 0.0, 0.0
    fits = fit_bodies(profiles, start, every)
    open_ = np.flatnonzero(~known | (fits.chi2 >= _EXPLAINED * fits.bins))
    if len(open_):
        disc = ball[open_]
        disc[:, FLAT] = _DISC
        fits.improve(open_, fit_bodies(profiles.take(open_), disc, every, rounds=20))
    return fits


def fit_general(profiles: RadialProfiles, before: FloatArray) -> BodyFits:
    """Return fits of bodies with core and void, from earlier fits (K, 10; NaN where none)."""
    every = _EVERY if profiles.fringe_sd is None else (*_EVERY, FRINGE)
    known = np.isfinite(before[:, EDGE])
    start = np.where(known[:, None], before, solid_guess(profiles))
    start[:, EDGE] = 1.0
    # Without an earlier fit this one is only a place to put the better ones.
    fits = fit_bodies(profiles, start, every, rounds=5)
    fits.chi2[~known] = np.inf
    open_ = np.flatnonzero(~known | (fits.chi2 >= _EXPLAINED * fits.bins))
    if not len(open_):
        return fits
    left = profiles.take(open_)
    for guess in (solid_guess(left), hollow_guess(left, 0.8, 0.45), hollow_guess(left, 0.65, 0.3)):
        for fringed in _fringed(guess, left):
            edge_first = fit_bodies(left, fringed, (EDGE, BASE, BODY, CORE, VOID), rounds=6)
            fits.improve(open_, fit_bodies(left, edge_first.parameters, every))
    return fits


def _fringed(guess: FloatArray, profiles: RadialProfiles) -> list[FloatArray]:
    """Return starting parameters with the fringes to be tried: the known one, or either sign where none is known."""
    if profiles.fringe_sd is None:
        return [guess]
    strong = _STRONG_FRINGE * profiles.blur**2
    known = bool((profiles.fringe_sd < strong).all())
    starts = []
    for fringe in (0.0,) if known else (0.0, 1.0, -1.0):
        starts.append(guess.copy())
        starts[-1][:, FRINGE] += fringe * strong
    return starts
