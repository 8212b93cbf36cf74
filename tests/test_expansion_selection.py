from __future__ import annotations

import numpy as np
import pytest
from expansion_curves import correlated, piecewise

from tem_track.expansion.selection import (
    _correlated_product,
    covariance,
    misfit,
    noise_about,
    select_fit,
    slope_covariance,
)

TIMES = np.linspace(0, 1, 100)
TWO_STAGES = piecewise(TIMES, [0.1, 0.35, 0.8], [1.0, 1.15, 1.76])


def test_the_covariance_is_the_scatter_of_repeated_fits() -> None:
    rng = np.random.default_rng(6)
    levels, knots, slopes, said = [], [], [], []
    for _ in range(40):
        fit, noise, _ = select_fit(TIMES, TWO_STAGES + correlated(rng, 100, 0.006, 0.4), np.ones(100))
        assert fit.knot_count == 3
        levels.append(fit.level)
        knots.append(fit.knots[1])
        slopes.append(fit.slopes[1])
        spread = covariance(fit, noise)
        first_knot = spread.shape[0] - 1 - fit.knot_count
        said.append((spread[0, 0], spread[first_knot + 1, first_knot + 1], slope_covariance(fit, noise)[1, 1]))
    sds = np.sqrt(np.median(said, axis=0))
    assert sds == pytest.approx([np.std(levels), np.std(knots), np.std(slopes)], rel=0.4)


def test_noise_is_measured_about_the_curve() -> None:
    rng = np.random.default_rng(7)
    found = [select_fit(TIMES, TWO_STAGES + correlated(rng, 100, 0.01, 0.5), np.ones(100))[1] for _ in range(20)]
    assert np.mean([noise.sd for noise in found]) == pytest.approx(0.01, rel=0.15)
    assert np.mean([noise.correlation for noise in found]) == pytest.approx(0.5, abs=0.15)


def test_misfit_of_the_right_curve_is_the_number_of_rows() -> None:
    rng = np.random.default_rng(8)
    fit, noise, _ = select_fit(TIMES, TWO_STAGES + 0.005 * rng.normal(size=100), np.ones(100))
    assert misfit(fit, noise) == pytest.approx(100 - fit.jacobian.shape[1], rel=0.15)
    assert noise_about(fit).sd == pytest.approx(0.005, rel=0.25)


def test_the_same_curve_gives_the_same_bits() -> None:
    rng = np.random.default_rng(9)
    values = TWO_STAGES + 0.01 * rng.normal(size=100)
    one, two = (select_fit(TIMES, values.copy(), np.ones(100))[0] for _ in range(2))
    assert one.fitted.tobytes() == two.fitted.tobytes()


def test_the_product_with_a_correlation_matrix_is_exact() -> None:
    rows = np.random.default_rng(19).normal(size=(3, 40))
    lags = np.abs(np.subtract.outer(np.arange(40), np.arange(40)))
    for rho in (0.0, 0.6):
        assert _correlated_product(rows, rho) == pytest.approx(rows @ (rho**lags) @ rows.T)


def test_a_short_plateau_does_not_cost_the_stage_before() -> None:
    # A plateau of four rows has no slope of its own to tell it by; held level it ends two stages that are clear.
    times = np.linspace(0, 1, 64)
    curve = piecewise(times, [4.2 / 63, 21.6 / 63, 59.5 / 63], [1.0, 1.134, 1.75])
    rng = np.random.default_rng(5)
    right = 0
    for _ in range(30):
        fit, _, _ = select_fit(times, curve + 0.005 * rng.normal(size=64), np.ones(64))
        right += fit.knot_count == 3 and fit.flat_end and abs(fit.knots[1] * 63 - 21.6) < 2
    assert right >= 28


def test_a_stage_that_the_movie_cuts_off_gets_no_plateau() -> None:
    times = np.linspace(0, 1, 64)
    curve = piecewise(times, [4.2 / 63, 21.6 / 63, 1.0], [1.0, 1.134, 1.75])
    rng = np.random.default_rng(5)
    fits = [select_fit(times, curve + 0.006 * rng.normal(size=64), np.ones(64))[0] for _ in range(30)]
    assert sum(fit.knot_count == 2 and not fit.flat_end for fit in fits) >= 28
