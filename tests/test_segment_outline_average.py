from __future__ import annotations

import numpy as np
import pytest

from tem_track.segment.outline.average import circular_mean, masked_median, running_mean


def test_medians_of_many_sets_agree_with_numpy() -> None:
    rng = np.random.default_rng(0)
    values, chosen = rng.normal(size=(40, 7, 5)), rng.random((40, 7, 5)) < 0.4
    chosen[3] = False
    chosen[4] = True
    found = masked_median(values, chosen)
    expected = [float(np.median(v[c])) if c.any() else 0.0 for v, c in zip(values, chosen, strict=True)]
    assert np.allclose(found, expected)


def test_a_mean_around_a_circle_has_no_beginning() -> None:
    rng = np.random.default_rng(1)
    values, weights = rng.normal(size=(3, 48)), rng.random((3, 48))
    turned = circular_mean(np.roll(values, 11, axis=1), np.roll(weights, 11, axis=1), 2.0)
    assert np.allclose(turned, np.roll(circular_mean(values, weights, 2.0), 11, axis=1))
    assert np.allclose(circular_mean(np.full((2, 24), 3.0), weights[:2, :24], 1.5), 3.0)


def test_directions_without_weight_take_their_value_from_the_others() -> None:
    weights = np.ones(48)
    weights[10:30] = 0.0
    values = np.where(weights > 0, 2.0, 1e6)
    assert circular_mean(values, weights, 2.0) == pytest.approx(np.full(48, 2.0))


def test_a_running_mean_has_zeros_beyond_its_ends() -> None:
    assert running_mean(np.full((1, 8), 5.0)).tolist() == [[3.0, 4.0, 5.0, 5.0, 5.0, 5.0, 4.0, 3.0]]
