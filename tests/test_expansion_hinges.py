from __future__ import annotations

import numpy as np
import pytest

from tem_track.expansion.hinges import HingeFit, curve, fit_hinges, grid_knots, hinge, robust_weights

TIMES = np.linspace(0, 1, 101)
WEIGHTS = np.ones(101)
KNOTS = np.array([0.213, 0.5, 0.807])
SLOPES = np.array([0.0, 0.5, 2.0, 0.0])


def bent(width: float = 0.02) -> np.ndarray:
    return np.asarray(1 + hinge(TIMES[:, None] - KNOTS, width) @ np.diff(SLOPES))


def fitted(values: np.ndarray, knots: list[float], **options: bool) -> HingeFit:
    return fit_hinges(TIMES, values, WEIGHTS, np.array(knots), half_widths=(0.005, 0.05), **options)


def test_a_hinge_is_the_mean_of_sharp_ones() -> None:
    shifts = np.linspace(-1, 1, 20001)
    for x in (-1.5, -0.3, 0.0, 0.7, 2.0):
        assert hinge(np.array([x]), 1.0)[0] == pytest.approx(np.maximum(x + shifts, 0).mean(), abs=1e-4)


def test_knots_slopes_and_rounding_are_recovered() -> None:
    fit = fitted(bent(), [0.25, 0.45, 0.75])
    assert fit.knots == pytest.approx(KNOTS, abs=1e-3)
    assert fit.slopes == pytest.approx(SLOPES, abs=2e-2)
    assert fit.half_width == pytest.approx(0.02, abs=3e-3)
    assert curve(TIMES, fit, 0.0) == pytest.approx(fit.fitted)


def test_flat_end_and_free_start_hold() -> None:
    fit = fitted(bent() + 0.3 * TIMES, [0.25, 0.45, 0.75], free_start=True, flat_end=True)
    assert fit.slopes[0] > 0.1
    assert fit.slopes[-1] == pytest.approx(0.0, abs=1e-9)


def test_the_jacobian_is_the_derivative() -> None:
    fit = fitted(bent(), [0.25, 0.45, 0.75])
    moved = HingeFit(**{**fit.__dict__, "knots": fit.knots + np.array([0, 1e-5, 0])})
    difference = (curve(TIMES, moved, 0.0) - curve(TIMES, fit, 0.0)) / 1e-5
    assert fit.jacobian[:, 1 + 3 + 1] == pytest.approx(difference, abs=1e-2)


def test_wrong_rows_do_not_pull() -> None:
    values = bent()
    values[[7, 33, 60, 61, 90]] += 0.4
    fit = fitted(values, [0.25, 0.45, 0.75])
    assert fit.knots == pytest.approx(KNOTS, abs=5e-3)
    assert (fit.weights[[7, 33, 60, 61, 90]] == 0).all()
    plain = fitted(values, [0.25, 0.45, 0.75], robust=False)
    assert np.abs(plain.knots - KNOTS).max() > 5e-3


def test_the_grid_search_finds_the_neighbourhood() -> None:
    found = grid_knots(TIMES, bent(), WEIGHTS, 4, TIMES[:-1:4])
    assert [len(knots) for knots in found] == [0, 1, 2, 3, 4]
    assert found[3] == pytest.approx(KNOTS, abs=0.04)


def test_robust_weights() -> None:
    residuals = np.array([0.0, 1, -1, 1, -1, 1, -1, 5, 100])
    weights = robust_weights(residuals, np.ones(9), 0.0)
    assert (weights[:7] == 1).all()
    assert 0 < weights[7] < 1
    assert weights[8] == 0
    assert (robust_weights(residuals, np.ones(9), 100.0) == 1).all()
