"""The measured path joined with what is known of a stage: it creeps, and now and then it jumps.

A path of independent readings, each with its own uncertainty, is smoothed by a random walk (or a walk of the
velocity) whose step size is the one under which the readings are most likely. With readings better than the steps
that is no smoothing at all; at a few electrons per pixel neighbouring frames share what they know. Jumps cut the
path: nothing is shared across.

References
----------
Durbin & Koopman 2012, doi:10.1093/acprof:oso/9780199641178.001.0001 (local level and local trend models).
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_solve_banded, cholesky_banded

from tem_track.movie import FloatArray

# Steps larger than this many typical ones (and than the readings' own scatter) are jumps.
JUMP_DEVIATIONS = 6.0
# Step sizes tried, over the typical uncertainty of a reading: from a rigid path to independent frames.
STEP_RATIOS = np.geomspace(3e-3, 30.0, 25)
# A run shorter than this is left as it is.
SHORTEST_RUN = 6


def smoothed(path: FloatArray, sd: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the smoothed path (n, 2) of readings with uncertainties (n,), both px, and its uncertainties (n,)."""
    variance = np.maximum(sd, 1e-4) ** 2
    out, out_variance = path.copy(), variance.copy()
    for run in _runs(path, variance):
        if len(run) < SHORTEST_RUN:
            continue
        _, precision = max((_fit(path[run], variance[run], order) for order in (1, 2)), key=lambda fit: fit[0])
        factor = cholesky_banded(precision, lower=True)
        out[run] = cho_solve_banded((factor, True), path[run] / variance[run, None])
        out_variance[run] = _diagonal_of_inverse(factor)
    return out, np.sqrt(np.minimum(out_variance, variance))


def _runs(path: FloatArray, variance: FloatArray) -> list[np.ndarray[tuple[int], np.dtype[np.intp]]]:
    """Return the numbers of the readings of every run between two jumps."""
    step = np.abs(np.diff(path, axis=0)).max(axis=1)
    if len(step) == 0:
        return [np.arange(len(path))]
    usual = float(np.median(step)) / 0.95
    own = np.sqrt(variance[1:] + variance[:-1])
    cuts = np.flatnonzero(step > JUMP_DEVIATIONS * np.maximum(usual, own)) + 1
    return np.split(np.arange(len(path)), cuts)


def _fit(readings: FloatArray, variance: FloatArray, order: int) -> tuple[float, FloatArray]:
    """Return the highest log likelihood over the step sizes and the banded precision of the path under it."""
    best = (-np.inf, np.zeros((order + 1, len(readings))))
    walk = _walk(len(readings), order)
    for ratio in STEP_RATIOS:
        step_variance = ratio**2 * float(np.median(variance))
        precision = walk / step_variance
        precision[0] += 1 / variance
        factor = cholesky_banded(precision, lower=True)
        mean = cho_solve_banded((factor, True), readings / variance[:, None])
        misfit = float((readings * (readings - mean) / variance[:, None]).sum())
        known = 2 * ((len(readings) - order) * np.log(step_variance) + 2 * np.log(factor[0]).sum())
        likelihood = -0.5 * (misfit + known)
        if likelihood > best[0]:
            best = (likelihood, precision)
    return best


def _walk(n: int, order: int) -> FloatArray:
    """Return the lower band of D'D, D the differences of the given order: (order + 1, n)."""
    coefficients = np.array([-1.0, 1.0]) if order == 1 else np.array([1.0, -2.0, 1.0])
    band = np.zeros((order + 1, n))
    for start in range(n - order):
        for i in range(order + 1):
            for j in range(i + 1):
                band[i - j, start + j] += coefficients[i] * coefficients[j]
    return band


def _diagonal_of_inverse(factor: FloatArray) -> FloatArray:
    """Return the diagonal of the inverse of a banded matrix from its lower Cholesky factor.

    References
    ----------
    Takahashi's recursion: Erisman & Tinney 1975, doi:10.1145/360680.360704.
    """
    width, n = factor.shape[0] - 1, factor.shape[1]
    inverse = np.zeros((n + width, width + 1))  # inverse[i, j] = element (i, i + j)
    for i in range(n - 1, -1, -1):
        lower = [factor[j, i] / factor[0, i] if i + j < n else 0.0 for j in range(width + 1)]
        for j in range(width, -1, -1):
            total = 1.0 / factor[0, i] ** 2 if j == 0 else 0.0
            for m in range(1, width + 1):
                near, far = sorted((i + m, i + j))
                total -= lower[m] * (inverse[near, far - near] if far < n else 0.0)
            inverse[i, j] = total if i + j < n else 0.0
    return inverse[:n, 0]
