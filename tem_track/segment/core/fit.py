"""Bodies fitted to profiles whose errors hang together (core/errors.py), and how large these errors are.

Least squares on whitened profiles (generalised least squares), Levenberg-Marquardt steps for many profiles at once as
in outline/body.py. The strength of the errors is the one of largest restricted likelihood, which makes up for the
parameters that a fit has used: ordinary likelihood would take the errors of a body with eight parameters as too small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray
from tem_track.segment.core.errors import ProfileErrors, Whitening, whitening
from tem_track.segment.outline.body import bounded
from tem_track.segment.outline.chord import (
    BASE,
    BLUR,
    BODY,
    CORE,
    CORE_RADIUS,
    EDGE,
    FLAT,
    VOID,
    VOID_RADIUS,
    RadialProfiles,
    Rows,
    profiles_and_slopes,
)
from tem_track.segment.side_by_side import in_parts, side_by_side

# Relative fluctuations of the thickness that are tried: from a perfect ball to strong diffraction contrast.
_STRENGTHS = 0.005 * 2.0 ** np.arange(7)
# Lengths over which they are alike, in radii: from fine mottling to patches of half a particle.
LENGTHS = (0.05, 0.1, 0.15, 0.2, 0.3)
# Profiles fitted together: their (J, J) matrices take 8 MB.
_TOGETHER = 256
# Steps of the parameters that change a profile about equally (fractions of the radius, of the thickness).
_STEPS = {EDGE: 0.01, BASE: 0.01, BODY: 0.02, CORE: 0.03, VOID: 0.03, CORE_RADIUS: 0.01, VOID_RADIUS: 0.01, FLAT: 0.02}
# A step that gains less than this in chi-square was the last: a parameter is then a tenth of its error off at most.
_ENOUGH = 1e-2
# Damping at the start, its factors after a step that helped or did not, and where a fit gives up.
_DAMPING, _EASED, _STIFFENED, _STUCK = 1e-3, 0.2, 8.0, 1e4


@dataclass(frozen=True)
class WhitenedFits:
    """K fits: parameters and variances (K, P), chi-square (K,), whitened residuals (K, J), restricted likelihood (K,).

    `unlikely` is minus twice the logarithm of the restricted likelihood, up to a constant.
    """

    parameters: FloatArray
    variance: FloatArray
    chi2: FloatArray
    residual: FloatArray
    unlikely: FloatArray

    def take(self, rows: Rows | slice) -> WhitenedFits:
        """Return some of the fits."""
        return WhitenedFits(*(values[rows] for values in vars(self).values()))

    def improve(self, other: WhitenedFits) -> None:
        """Replace the fits that another fit of the same profiles, with the same errors, undercuts."""
        better = other.chi2 < self.chi2
        for mine, its in zip(vars(self).values(), vars(other).values(), strict=True):
            mine[better] = its[better]


@dataclass(frozen=True)
class Expected:
    """What is known of a parameter beforehand: values (K,) and standard deviations (K,); it counts as a measurement."""

    name: int
    value: FloatArray
    sd: FloatArray

    def take(self, rows: Rows | slice) -> Expected:
        """Return what is known of some of the profiles."""
        return Expected(self.name, self.value[rows], self.sd[rows])


@dataclass
class _Point:
    """The problem at one set of parameters: normal (K, F, F), gradient (K, F), chi-square (K,), residual (K, J)."""

    normal: FloatArray
    gradient: FloatArray
    chi2: FloatArray
    residual: FloatArray


def fit_whitened(
    profiles: RadialProfiles,
    starts: Sequence[FloatArray],
    free: tuple[int, ...],
    errors: ProfileErrors,
    rounds: int = 20,
    expected: Sequence[Expected] = (),
) -> list[WhitenedFits]:
    """Return fits of the parameters named in `free` from every start; the others stay as in the start.

    Parameters
    ----------
    profiles : RadialProfiles
        K profiles.
    starts : sequence of (K, P) float64
    free : tuple of int
    errors : ProfileErrors
    rounds : int
    expected : sequence of Expected
        Of other parameters than the blur, which has its own in the profiles.
    """
    expected = (*expected, Expected(BLUR, profiles.blur, profiles.blur_sd))
    parts = in_parts(len(profiles), _TOGETHER)
    fits: list[list[WhitenedFits]] = []
    for part in parts:
        white = whitening(profiles.take(part), errors.take(part))
        # Models and their products in single precision take half the time; chi-square is then good to a thousandth.
        white = replace(white, matrix=white.matrix.astype(np.float32))
        problem = _Problem(profiles.take(part), free, white, [e.take(part) for e in expected])
        fits.append(side_by_side(partial(_fit_from, problem, rounds), [start[part] for start in starts]))
    return [_joined(of_start) for of_start in zip(*fits, strict=True)]


def best_of(fits: Sequence[WhitenedFits]) -> WhitenedFits:
    """Return the best fit of every profile."""
    first, *others = fits
    for other in others:
        first.improve(other)
    return first


def _joined(fits: Sequence[WhitenedFits]) -> WhitenedFits:
    if len(fits) == 1:
        return fits[0]
    return WhitenedFits(*(np.concatenate(values) for values in zip(*(vars(fit).values() for fit in fits), strict=True)))


@dataclass(frozen=True)
class _Problem:
    """What is fitted: K profiles, what is free, their whitening, and what is known beforehand."""

    profiles: RadialProfiles
    free: tuple[int, ...]
    white: Whitening
    expected: Sequence[Expected]

    def take(self, rows: Rows) -> _Problem:
        white = Whitening(self.white.matrix[rows], self.white.log_determinant[rows])
        return _Problem(self.profiles.take(rows), self.free, white, [e.take(rows) for e in self.expected])


def _fit_from(problem: _Problem, rounds: int, start: FloatArray) -> WhitenedFits:
    index, scale = np.array(problem.free), _steps(problem.profiles, problem.free)
    p, damping = bounded(start), np.full(len(start), _DAMPING)
    best = _linearised(problem, p, scale)
    active = np.arange(len(start))
    for _ in range(rounds):
        if not len(active):
            break
        trial = p[active]
        trial[:, index] += _step(best, active, damping[active]) * scale[active]
        trial = bounded(trial)
        new = _linearised(problem if len(active) == len(p) else problem.take(active), trial, scale[active])
        chi2 = best.chi2[active]
        better = new.chi2 <= chi2
        finished = better & (chi2 - new.chi2 < _ENOUGH * (1 + 1e-2 * chi2))
        damping[active] = np.where(better, damping[active] * _EASED, damping[active] * _STIFFENED + 1e-4)
        p[active[better]] = trial[better]
        for mine, its in zip(vars(best).values(), vars(new).values(), strict=True):
            mine[active[better]] = its[better]
        active = active[~finished & (damping[active] <= _STUCK)]
    return _finished(p, best, index, scale, problem.white)


def _finished(p: FloatArray, best: _Point, index: FloatArray, scale: FloatArray, white: Whitening) -> WhitenedFits:
    firm = best.normal.copy()
    diagonal = np.arange(len(index))
    firm[:, diagonal, diagonal] += 1e-9 * (1 + firm[:, diagonal, diagonal])
    variance = np.zeros_like(p)
    variance[:, index] = np.linalg.inv(firm)[:, diagonal, diagonal] * scale**2
    unlikely = best.chi2 + white.log_determinant + np.linalg.slogdet(firm)[1]
    return WhitenedFits(p, variance, best.chi2, best.residual, unlikely)


def _steps(profiles: RadialProfiles, free: tuple[int, ...]) -> FloatArray:
    """Return (K, F) natural steps of the free parameters."""
    return np.stack(
        [0.1 * profiles.blur if name == BLUR else np.full(len(profiles), _STEPS[name]) for name in free], axis=1
    )


def _step(at: _Point, rows: Rows, damping: FloatArray) -> FloatArray:
    damped = at.normal[rows]
    diagonal = np.arange(damped.shape[1])
    damped[:, diagonal, diagonal] += damping[:, None] * damped[:, diagonal, diagonal] + 1e-9
    return np.asarray(np.linalg.solve(damped, at.gradient[rows][:, :, None])[:, :, 0])


def _linearised(problem: _Problem, p: FloatArray, scale: FloatArray) -> _Point:
    profiles, matrix = problem.profiles, problem.white.matrix
    at, step = p.astype(np.float32), profiles.step.astype(np.float32)
    model, slopes = profiles_and_slopes(at, profiles.level.shape[1], step, profiles.dark, problem.free)
    slopes *= scale[:, :, None].astype(np.float32)
    residual = np.matmul(matrix, (profiles.level - model).astype(np.float32)[:, :, None])[:, :, 0].astype(np.float64)
    white = np.matmul(slopes, matrix.transpose(0, 2, 1))
    normal = np.matmul(white, white.transpose(0, 2, 1)).astype(np.float64)
    gradient = np.matmul(white, residual.astype(np.float32)[:, :, None])[:, :, 0].astype(np.float64)
    chi2 = (residual**2).sum(axis=1)
    for known in problem.expected:
        if known.name in problem.free:
            i, away = problem.free.index(known.name), (known.value - p[:, known.name]) / known.sd
            per_sd = scale[:, i] / known.sd
            chi2 += away**2
            normal[:, i, i] += per_sd**2
            gradient[:, i] += per_sd * away
    return _Point(normal, gradient, chi2, residual)


def learn_errors(
    profiles: RadialProfiles, start: FloatArray, free: tuple[int, ...], lengths: Sequence[float] = LENGTHS
) -> tuple[ProfileErrors, FloatArray]:
    """Return the errors that make K profiles likeliest, and the parameters (K, P) fitted with them.

    Parameters
    ----------
    profiles : RadialProfiles
    start : (K, P) float64
        Near the solution.
    free : tuple of int
        Of the most general body; one with fewer would count what it cannot follow as fluctuation.
    lengths : sequence of float
        Those to choose from.
    """
    best = np.inf
    found = ProfileErrors(lengths[0], np.full(len(profiles), _STRENGTHS[0])), start
    tried = side_by_side(lambda length: _likeliest_strength(profiles, start, free, length), lengths)
    for length, (strength, parameters, unlikely) in zip(lengths, tried, strict=True):
        if unlikely.sum() < best:
            best, found = float(unlikely.sum()), (ProfileErrors(length, strength), parameters)
    return found


def _likeliest_strength(
    profiles: RadialProfiles, start: FloatArray, free: tuple[int, ...], length: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return strength (K,), parameters (K, P) and minus twice the log likelihood (K,) of the likeliest strengths.

    The fit is continued from weak to strong errors; the parameters are those at the best strength tried, strength and
    likelihood those of the parabola through it and its neighbours: a particle's kind must not jump with the grid.
    """
    unlikely, parameters = [], []
    for trial in _STRENGTHS:
        errors = ProfileErrors(length, np.full(len(profiles), trial))
        fits = fit_whitened(profiles, [start], free, errors, rounds=8)[0]
        start = fits.parameters
        unlikely.append(fits.unlikely)
        parameters.append(fits.parameters)
    values, rows = np.array(unlikely), np.arange(len(profiles))
    at = values.argmin(axis=0)
    off, lowest = _vertex(values, at)
    return _STRENGTHS[at] * 2.0**off, np.array(parameters)[at, rows], lowest


def _vertex(values: FloatArray, at: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
    """Return where (in steps from `at`, the lowest of (S, K) values) parabolas are lowest, and how low; ends stay."""
    rows = np.arange(values.shape[1])
    inner = np.clip(at, 1, len(values) - 2)
    before, here, after = (values[inner + step, rows] for step in (-1, 0, 1))
    bend = np.maximum(before - 2 * here + after, 1e-12)
    off = np.where(inner == at, 0.5 * (before - after) / bend, 0.0)
    return off, values[at, rows] - 0.5 * bend * off**2
