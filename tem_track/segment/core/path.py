"""Radii of cores and voids over time: one path through what the frames show, and how well it is known.

Strategy. Frame by frame a core is known to about a hundredth of the radius, most of it from patches that diffract and
from a form that is no ball's; noise of counting is less. Such errors last: a patch keeps its contrast for some frames
or for the whole movie. So neighbouring frames repeat each other, and how long they do is read from what the fits leave
unexplained. The path bends little; frames that are far off for a while count little.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solveh_banded

from tem_track.movie import FloatArray

# How much a radius may bend within a quarter of the movie, fraction of the outline's.
_BEND = 0.03
# Degrees of freedom of the errors' distribution, and rounds of reweighting.
_TAILS, _REWEIGHTINGS = 4.0, 12
# For how many frames an error lasts at least: profiles are pooled over five.
_REPEATED = 5.0
# Frames to either side over which the scatter of the fitted radius is judged.
_NEAR = 5
# Frames below which there is no path to speak of.
_FEW = 6
# Standard deviations off what is expected beyond which a size is that of something else.
_ASTRAY_SD = 3.0
# Columns of an inverse held at a time.
_COLUMNS = 256
# Largest standard uncertainty that means anything, and least (fraction of the outline's radius).
_UNKNOWN, _LEAST = 0.5, 0.0015
# Correlation from one frame to a later one below which their errors are new.
_FORGOTTEN = 0.1


def memory(residual: FloatArray) -> float:
    """Return for how many frames errors last, from (K, J) whitened residuals in order of time.

    Notes
    -----
    Integrated correlation time 1 + 2 sum of the correlations at lags 1, 2, ... until they fall below a tenth: the
    variance of a mean of K frames is this many times that of independent ones over K. At most K.
    """
    count = len(residual)
    if count < 2:
        return 1.0
    power = float((residual**2).mean())
    lasting = 1.0
    for lag in range(1, count):
        correlation = float((residual[lag:] * residual[:-lag]).mean()) / max(power, 1e-12)
        if correlation < _FORGOTTEN:
            break
        lasting += 2 * correlation * (1 - lag / count)
    return float(np.clip(lasting, 1.0, count))


def steady_path(size: FloatArray, sd: FloatArray, lasting: float) -> tuple[FloatArray, FloatArray]:
    """Return (K,) sizes made consistent over time, and their standard uncertainties.

    Parameters
    ----------
    size : (K,) float64
        Radii over the outline's, frame by frame.
    sd : (K,) float64
        Their standard uncertainties.
    lasting : float
        For how many frames an error lasts (`memory`).

    Notes
    -----
    Heavy tails (Student's t, by reweighting) for the frames and for the second differences of the path. The
    uncertainty is the diagonal of the inverse with errors of frames repeated `lasting` times, and never more than that
    of one frame.
    """
    count = len(size)
    known = np.minimum(np.nan_to_num(sd, nan=_UNKNOWN), _UNKNOWN)
    if count < _FEW:
        return size, known
    variance = _REPEATED * known**2 + _scatter(size) ** 2 + _LEAST**2
    rigid = _bending(count) * ((count / 4) ** 1.5 / _BEND) ** 2
    weight, path = 1 / variance, size
    for _ in range(_REWEIGHTINGS):
        path = solveh_banded(_added(rigid, weight), weight * size)
        weight = (_TAILS + 1) / (_TAILS + (size - path) ** 2 / variance) / variance
    spread = _spread(_added(rigid, weight * _REPEATED / max(lasting, _REPEATED)))
    return path, np.minimum(spread, np.maximum(known, _LEAST))


def not_astray(size: FloatArray, sd: FloatArray, expected: FloatArray, wander: float) -> tuple[FloatArray, FloatArray]:
    """Return (K,) sizes and uncertainties with the expected ones where a frame shows something else.

    Parameters
    ----------
    size, sd : (K,) float64
        Frame by frame.
    expected : (K,) float64
        What is known of the sizes from wider windows in time.
    wander : float
        Standard deviation of a frame's size about that.

    Notes
    -----
    Where the contrast of a core has faded, the rim of a void or the form of the body explains a frame better, far from
    where the core was, and with as small an error. More than three standard deviations off the windows it is no longer
    the core, and the frame knows no more than they do.

    >>> not_astray(np.array([0.8, 0.45]), np.array([0.01, 0.01]), np.array([0.79, 0.79]), 0.05)[0].tolist()
    [0.8, 0.79]
    """
    astray = np.abs(size - expected) > _ASTRAY_SD * wander
    return np.where(astray, expected, size), np.where(astray, np.maximum(sd, wander), sd)


def _spread(bands: FloatArray) -> FloatArray:
    """Return the square root of the diagonal of a banded matrix's inverse, some columns at a time."""
    count = bands.shape[1]
    spread = np.empty(count)
    for first in range(0, count, _COLUMNS):
        columns = np.eye(count, min(_COLUMNS, count - first), -first)
        inverse = solveh_banded(bands, columns)
        spread[first : first + columns.shape[1]] = np.sqrt(np.diagonal(inverse[first:]))
    return spread


def _bending(count: int) -> FloatArray:
    """Return the matrix of the sum of squared second differences of K values, upper bands (3, K) as SciPy wants it."""
    bands = np.zeros((3, count))
    for k, factor in enumerate((1.0, -2.0, 1.0)):
        bands[2, k : count - 2 + k] += factor**2
    bands[1, 1:-1] -= 2.0
    bands[1, 2:] -= 2.0
    bands[0, 2:] += 1.0
    return bands


def _added(bands: FloatArray, diagonal: FloatArray) -> FloatArray:
    total = bands.copy()
    total[-1] += diagonal
    return total


def _scatter(values: FloatArray) -> FloatArray:
    """Return the (K,) local scatter of values about their running median."""
    near = [values[max(0, k - _NEAR) : k + _NEAR + 1] for k in range(len(values))]
    return np.array([1.4826 * float(np.median(np.abs(part - np.median(part)))) for part in near])
