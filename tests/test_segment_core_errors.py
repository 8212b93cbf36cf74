from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from core_profiles import NOISE, body_parameters, profiles_of

from tem_track.segment.core.errors import (
    ProfileErrors,
    inverse_of_lower,
    support_swing,
    thickness_swing,
    whitening,
)


def none(count: int) -> ProfileErrors:
    return ProfileErrors(0.2, np.zeros(count))


def test_without_fluctuations_whitening_is_division_by_the_noise() -> None:
    profiles = profiles_of(body_parameters(2))
    white = whitening(profiles, none(2))
    assert np.allclose(white.matrix[1], np.eye(64) / NOISE)
    assert white.log_determinant[0] == pytest.approx(2 * 64 * np.log(NOISE))


@pytest.mark.parametrize("dark", [True, False])
def test_whitened_errors_are_independent_and_of_unit_variance(dark: bool) -> None:
    profiles = profiles_of(body_parameters(1, dark=dark), dark)
    errors = ProfileErrors(0.15, np.array([0.05]))
    matrix = whitening(profiles, errors).matrix[0]
    covariance = np.linalg.inv(matrix.T @ matrix)
    assert np.allclose(matrix @ covariance @ matrix.T, np.eye(64), atol=1e-6)
    # Neighbours stray together, bins far apart do not, and thick parts stray more than the rim.
    spread = np.sqrt(np.diag(covariance))
    assert covariance[20, 21] / spread[20] / spread[21] > 0.9
    assert abs(covariance[5, 45] / spread[5] / spread[45]) < 0.1
    assert spread[10] > 3 * spread[48]


def test_a_change_of_the_thickness_changes_the_level_as_its_swing_says() -> None:
    thin, thick = (profiles_of(body_parameters(1, body=t)) for t in (1.0, 1.001))
    swing = thickness_swing(thin)[0]
    # The swing is of a small circle: undo the mean over larger ones.
    rho = thin.rho[0]
    whole = swing * np.sqrt(np.maximum(rho, 0.2) / 0.2)
    inside = rho < 0.9
    assert np.allclose((thin.level - thick.level)[0][inside] / 0.001, whole[inside], rtol=0.01)
    assert (swing[rho > 1.05] == 0).all()


def test_an_even_support_adds_nothing_and_an_uneven_one_what_it_shows() -> None:
    even = profiles_of(body_parameters(1))
    assert (support_swing(even) == 0).all()
    wave = 0.02 * np.sin(2 * np.pi * even.rho / 0.2)
    uneven = replace(even, level=even.level + np.where(even.rho > 1.1, wave, 0.0))
    assert support_swing(uneven)[0, -1] == pytest.approx(0.02 / np.sqrt(2), rel=0.15)


def test_bins_that_were_not_seen_count_for_nothing() -> None:
    profiles = profiles_of(body_parameters(1))
    profiles.weight[0, 30] = 0.0
    assert np.abs(whitening(profiles, none(1)).matrix[0, 30]).max() < 0.02


@pytest.mark.parametrize("size", [1, 7, 64, 65])
def test_triangular_matrices_are_inverted(size: int) -> None:
    lower = np.tril(np.random.default_rng(size).normal(0, 0.2, (3, size, size))) + 2 * np.eye(size)
    inverse = inverse_of_lower(lower)
    assert np.allclose(inverse @ lower, np.eye(size), atol=1e-10)
    assert (np.triu(inverse, 1) == 0).all()
