"""How noisy a volume curve is: scatter, serial correlation and what they make of a mean."""

from __future__ import annotations

import numpy as np

from tem_track.movie import FloatArray

# The median absolute deviation of a normal distribution times this is its standard deviation.
MAD_TO_SD = 1.4826
# No outline is known better than to 0.03 % of its volume; below this, "noise" is rounding of the numbers.
LEAST_NOISE = 3e-4


def roughness(values: FloatArray) -> float:
    """Return the standard deviation of the row-to-row independent part of a curve.

    Second differences cancel any locally straight curve; their standard deviation is sqrt(6) times that of white
    noise. The median makes a kink or a wrong outline harmless.

    Parameters
    ----------
    values : (N,) float64
        The curve, NaN allowed (left out).

    Returns
    -------
    float
        In the unit of the values; NaN below five rows.

    >>> roughness(np.arange(9.0))
    0.0
    """
    seen = np.asarray(values, float)
    seen = seen[np.isfinite(seen)]
    if len(seen) < 5:
        return float("nan")
    bends = seen[:-2] - 2 * seen[1:-1] + seen[2:]
    return float(MAD_TO_SD * np.median(np.abs(bends)) / np.sqrt(6.0))


def serial_correlation(residuals: FloatArray, weights: FloatArray, parameters: int) -> float:
    """Return the correlation of neighbouring residuals of a fitted curve, the fit's own bias taken out.

    Parameters
    ----------
    residuals, weights : (N,) float64
        Rows of weight 0 are left out.
    parameters : int
        Of the fit; fitting P of them to white noise leaves neighbours correlated by about -P / (2 N).

    Returns
    -------
    float
        In [0, 0.95]; negative estimates count as 0.

    References
    ----------
    Small-sample bias of the first autocorrelation, -(1 + 3 rho) / N: M. G. Kendall, Biometrika 41 (1954) 403,
    https://doi.org/10.1093/biomet/41.3-4.403
    """
    scaled = (residuals * np.sqrt(weights))[weights > 0]
    n = len(scaled)
    total = float(scaled @ scaled)
    if n < 6 or total <= 0:
        return 0.0
    rho = float(scaled[1:] @ scaled[:-1]) / total
    rho += (1 + 3 * max(rho, 0.0)) / n + parameters / (2 * n)
    return float(np.clip(rho, 0.0, 0.95))


def mean_inflation(rho: float, count: int) -> float:
    """Return by how much serial correlation raises the variance of a mean of `count` rows.

    >>> round(mean_inflation(0.0, 10), 3), round(mean_inflation(0.5, 10**6), 3)
    (1.0, 3.0)
    """
    if count <= 1 or rho <= 0:
        return 1.0
    lags = np.arange(1, count)
    return float(1 + 2 * np.sum((1 - lags / count) * rho**lags))


def student_factor(freedom: float) -> float:
    """Return the two-sided 95 % factor of Student's t distribution, not above that for 2 degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(max(freedom, 2.0), 0.975))
