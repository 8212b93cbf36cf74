"""Means over particles and movies with their 95 % intervals.

Particles of one movie share its calibration, its beam, its specimen: they are not independent. Where several movies go
into a mean, its interval therefore follows from how the movies differ, not from how many particles there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

# 95 % of a normal distribution lies within this many standard deviations.
TWO_SIDED_95 = 1.959964


@dataclass(frozen=True)
class Mean:
    """A mean with its 95 % interval.

    Attributes
    ----------
    value, low, high : float
        NaN where there is nothing to average, or no way to tell the uncertainty.
    count : int
        Values that went into it.
    sd : float
        Spread of the values (standard deviation), NaN for one.
    """

    value: float
    low: float
    high: float
    count: int
    sd: float = float("nan")


def student_95(freedom: ArrayLike) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return the two-sided 95 % quantile of Student's distribution; NaN without a degree of freedom.

    >>> student_95([0, 1, 10, 1e9]).round(2).tolist()
    [nan, 12.71, 2.23, 1.96]
    """
    from scipy.special import stdtrit

    degrees = np.asarray(freedom, np.float64)
    return np.where(degrees > 0, stdtrit(np.maximum(degrees, 1.0), 0.975), np.nan)


def mean_of(
    values: ArrayLike, own_sd: ArrayLike = 0.0, shared_sd: ArrayLike = 0.0, members: Sequence[object] | None = None
) -> Mean:
    """Return the mean of several values; what they have in common does not average out.

    Parameters
    ----------
    values : (N,) float
    own_sd, shared_sd : (N,) or float
        Of each value: its own standard uncertainty, and the part all of them may have in common.
    members : sequence of N objects, optional
        The movie each value is from. By default every value stands for itself.

    Notes
    -----
    The half interval is the larger of what the values' own uncertainties give and of what their scatter gives, and the
    shared part is added to it in quadrature. The scatter is that between movies: with M of them the variance of the
    mean is ``M / (M - 1) sum_m (sum_i in m (v_i - mean))^2 / N^2``, taken with Student's t for M - 1 degrees of freedom
    (the cluster-robust variance of a mean; Liang and Zeger, Biometrika 73 (1986) 13, doi:10.1093/biomet/73.1.13).

    Examples
    --------
    >>> found = mean_of([1.9, 2.0, 2.1])
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (2.0, 1.752, 2.248)
    """
    numbers = np.asarray(values, np.float64)
    n = len(numbers)
    if not n:
        return Mean(float("nan"), float("nan"), float("nan"), 0)
    value = float(np.mean(numbers))
    own = np.broadcast_to(np.nan_to_num(np.asarray(own_sd, np.float64)), (n,))
    shared = np.broadcast_to(np.nan_to_num(np.asarray(shared_sd, np.float64)), (n,))
    half = TWO_SIDED_95 * float(np.sqrt(np.square(own).sum())) / n
    _, places = np.unique(list(map(str, members)) if members is not None else np.arange(n), return_inverse=True)
    sums = np.bincount(places, numbers - value)
    if len(sums) > 1:
        m = len(sums)
        scatter = float(np.sqrt(m / (m - 1) * np.square(sums).sum())) / n
        half = max(half, float(student_95(m - 1)) * scatter)
    elif n > 1:
        half = max(half, float(student_95(n - 1)) * float(np.std(numbers, ddof=1)) / float(np.sqrt(n)))
    half = float(np.hypot(half, TWO_SIDED_95 * float(np.mean(shared))))
    sd = float(np.std(numbers, ddof=1)) if n > 1 else float("nan")
    if half == 0.0:  # one value without an uncertainty: nothing is known about its interval
        return Mean(value, float("nan"), float("nan"), n, sd)
    return Mean(value, value - half, value + half, n, sd)
