from __future__ import annotations

import numpy as np
import pytest

from tem_track.expansion.hinges import fit_hinges
from tem_track.expansion.laws import parabolic_fit, rise

TIMES = np.linspace(0, 1, 121)
LIKE = fit_hinges(TIMES, TIMES, np.ones(121), np.array([0.5]), half_widths=(0.004, 0.03))


@pytest.mark.parametrize(("end", "knots"), [(0.7, 2), (1.8, 1)])
def test_a_parabola_is_recovered(end: float, knots: int) -> None:
    values = 1 + 0.8 * rise(TIMES, 0.123, end)
    fit = parabolic_fit(TIMES, values, LIKE)
    assert fit.law == "parabolic"
    assert fit.knot_count == knots
    assert fit.knots[0] == pytest.approx(0.123, abs=2e-3)
    assert fit.level == pytest.approx(1.0, abs=2e-3)
    assert np.abs(fit.residuals).max() < 0.01


def test_derivative_after_the_start() -> None:
    values = 1 + 0.8 * rise(TIMES, 0.123, 0.7)
    fit = parabolic_fit(TIMES, values, LIKE)
    start, end, rate = *fit.knots, fit.slopes[1]
    later = fit.level + rate * (end - start - 1e-3) * rise(TIMES, start + 1e-3, end)
    assert fit.jacobian[60, 2] == pytest.approx((later - fit.fitted)[60] / 1e-3, rel=0.02)
