"""A stage that slows down by itself: diffusion through its own product, V growing with the square root of time.

A parabolic law (thickness^2 ~ time) bends all along; straight pieces need two or three stages for it. Where a curve
seems to have decelerating stages, one parabolic stage is tried as well.
"""

from __future__ import annotations

import numpy as np

from tem_track.expansion.hinges import HingeFit
from tem_track.movie import FloatArray

# Starts and ends tried in each round, and rounds; each zooms in on the best by the spacing of the last.
PLACES, ROUNDS = 24, 4


def parabolic_fit(times: FloatArray, values: FloatArray, like: HingeFit) -> HingeFit:
    """Return the best single parabolic stage, V = V0 + g sqrt((t - t0) / (te - t0)), level before t0 and after te.

    Parameters
    ----------
    times, values : (N,) float64
        Scaled as for `hinges.fit_hinges`.
    like : HingeFit
        Its weights are used, and its rounding limits are passed on.

    Returns
    -------
    HingeFit
        With `law` ``"parabolic"``; the slope of the stage is its mean rate. Without a level end where te is the last
        row.

    References
    ----------
    B. E. Deal, A. S. Grove, J. Appl. Phys. 36 (1965) 3770, https://doi.org/10.1063/1.1713945 (parabolic limit).
    """
    gap = float(np.median(np.diff(times)))
    starts = np.linspace(times[0], times[-1] - 2 * gap, PLACES)
    ends = np.linspace(times[0] + 2 * gap, times[-1], PLACES)
    for _ in range(ROUNDS):
        start, end = _best(times, values, like.weights, starts, ends, gap)
        starts = np.clip(np.linspace(-1, 1, PLACES) * (starts[1] - starts[0]) + start, times[0] - gap, times[-1])
        ends = np.clip(np.linspace(-1, 1, PLACES) * (ends[1] - ends[0]) + end, times[0], times[-1])
    return _as_fit(times, values, like, start, end, gap)


def rise(times: FloatArray, start: float, end: float) -> FloatArray:
    """Return sqrt((t - start) / (end - start)) held at 0 before and at 1 after, (N,)."""
    return np.sqrt(np.clip((times - start) / (end - start), 0.0, 1.0))


def _best(
    times: FloatArray, values: FloatArray, weights: FloatArray, starts: FloatArray, ends: FloatArray, gap: float
) -> tuple[float, float]:
    """Return the start and end of those given that leave the least weighted sum of squares."""
    a, b = (grid.ravel() for grid in np.meshgrid(starts, ends, indexing="ij"))
    long = b > a + 2 * gap
    a, b = a[long], b[long]
    shape = np.sqrt(np.clip((times[:, None] - a) / (b - a), 0.0, 1.0))
    total = weights.sum()
    shape = shape - weights @ shape / total
    centred = values - weights @ values / total
    explained = ((weights * centred) @ shape) ** 2 / np.maximum(weights @ shape**2, 1e-12)
    at = int(np.argmax(explained))
    return float(a[at]), float(b[at])


def _as_fit(times: FloatArray, values: FloatArray, like: HingeFit, start: float, end: float, gap: float) -> HingeFit:
    """Return the parabola with its level, mean rate, and derivatives."""
    flat_end = end < times[-1] - gap
    basis = np.column_stack([np.ones_like(times), (end - start) * rise(times, start, end)])
    weighted = basis * like.weights[:, None]
    level, rate = np.linalg.solve(weighted.T @ basis + 1e-12 * np.eye(2), weighted.T @ values)
    step = 0.25 * gap
    by_start = rate * ((end - start - step) * rise(times, start + step, end) - basis[:, 1]) / step
    by_end = rate * ((end + step - start) * rise(times, start, end + step) - basis[:, 1]) / step
    knots = [start, end] if flat_end else [start]
    moves = [by_start, by_end] if flat_end else [by_start]
    fitted = basis @ np.array([level, rate])
    return HingeFit(
        level=float(level),
        knots=np.array(knots),
        slopes=np.array([0.0, rate, 0.0] if flat_end else [0.0, rate]),
        half_width=like.half_widths[0],
        half_widths=like.half_widths,
        free_start=False,
        flat_end=flat_end,
        fitted=fitted,
        residuals=values - fitted,
        weights=like.weights,
        # The rounding is not a parameter of this curve: its column is zero.
        jacobian=np.column_stack([basis, *moves, np.zeros_like(times)]),
        law="parabolic",
    )
