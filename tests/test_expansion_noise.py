from __future__ import annotations

import numpy as np
import pytest
from expansion_curves import correlated

from tem_track.expansion import noise


def test_roughness_is_the_scatter_about_any_slope() -> None:
    rng = np.random.default_rng(1)
    straight = np.linspace(1, 3, 4000)
    assert noise.roughness(straight + 0.02 * rng.normal(size=4000)) == pytest.approx(0.02, rel=0.08)


def test_roughness_forgives_a_wrong_row_and_a_kink() -> None:
    rng = np.random.default_rng(2)
    curve = np.maximum(np.arange(200.0) - 100, 0) + 0.1 * rng.normal(size=200)
    curve[50] += 30
    assert noise.roughness(curve) == pytest.approx(0.1, rel=0.3)


def test_roughness_needs_five_rows() -> None:
    assert np.isnan(noise.roughness(np.array([1.0, np.nan, 2.0, 3.0, 4.0])))


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.8])
def test_serial_correlation(rho: float) -> None:
    rng = np.random.default_rng(3)
    found = [noise.serial_correlation(correlated(rng, 300, 1.0, rho), np.ones(300), 0) for _ in range(20)]
    assert np.mean(found) == pytest.approx(rho, abs=0.05)


def test_a_mean_of_correlated_rows_is_as_uncertain_as_said() -> None:
    rng = np.random.default_rng(4)
    means = [correlated(rng, 20, 1.0, 0.7).mean() for _ in range(4000)]
    assert np.var(means) == pytest.approx(noise.mean_inflation(0.7, 20) / 20, rel=0.1)


def test_student_factor() -> None:
    assert noise.student_factor(1e6) == pytest.approx(1.96, abs=1e-3)
    assert noise.student_factor(0.3) == noise.student_factor(2) == pytest.approx(4.303, abs=1e-3)
