"""Smoothing by how likely the readings are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import cholesky_banded

from tem_track.drift.smooth import _diagonal_of_inverse, _walk, smoothed


def test_noisy_readings_of_a_creeping_stage_get_better() -> None:
    rng = np.random.default_rng(0)
    path = np.stack([np.linspace(0, 3, 80), np.sin(np.arange(80) / 25)], axis=1)
    readings = path + rng.normal(0, 0.3, path.shape)
    found, sd = smoothed(readings, np.full(80, 0.3))
    error = float(np.sqrt(((found - path) ** 2).mean()))
    assert error < 0.15
    assert 0.5 * error < float(np.median(sd)) < 2 * error


def test_exact_readings_are_kept() -> None:
    path = np.cumsum(np.random.default_rng(1).normal(0, 1, (60, 2)), axis=0)
    found, _ = smoothed(path, np.full(60, 0.02))
    assert np.abs(found - path).max() < 0.02


def test_a_jump_stays_sharp() -> None:
    rng = np.random.default_rng(2)
    path = np.zeros((40, 2))
    path[20:] = [12.0, -9.0]
    found, _ = smoothed(path + rng.normal(0, 0.3, path.shape), np.full(40, 0.3))
    assert np.abs(found - path).max() < 0.6


def test_uncertainties_are_those_of_the_dense_inverse() -> None:

    for order in (1, 2):
        band = _walk(9, order)
        band[0] += 0.7
        dense = sum(np.diag(band[j, : 9 - j], -j) for j in range(order + 1))
        dense = dense + np.tril(dense, -1).T
        factor = cholesky_banded(band, lower=True)
        assert _diagonal_of_inverse(factor) == pytest.approx(np.diag(np.linalg.inv(dense)))
