"""Neighbours that agree on a moment."""

from __future__ import annotations

import numpy as np

from tem_track.front.arrival.agreement import agreed_costs, best_candidate


def costs_of(moments: np.ndarray, count: int, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """Return costs (y, K + 1, x) that are lowest at the given moments (y, x), and high for never."""
    rng = np.random.default_rng(seed)
    distance = np.abs(np.arange(count)[None, :, None] - moments[:, None, :])
    costs = np.minimum(distance, 5.0) + noise * rng.standard_normal(distance.shape)
    return np.concatenate([costs, np.full((moments.shape[0], 1, moments.shape[1]), 6.0)], axis=1).astype(np.float32)


def test_without_a_price_every_pixel_keeps_its_own() -> None:
    moments = np.random.default_rng(1).integers(2, 18, (12, 14)).astype(float)
    best, _, never = best_candidate(agreed_costs(costs_of(moments, 20), 0.0, 0.0))
    assert np.array_equal(np.rint(best), moments)
    assert not never.any()


def test_a_jump_stays_sharp_and_noise_goes() -> None:
    moments = np.full((30, 30), 6.0)
    moments[:, 15:] = 14.0
    noisy = costs_of(moments, 20, noise=1.5)
    alone, _, _ = best_candidate(noisy)
    best, _, _ = best_candidate(agreed_costs(noisy, 2.0, 10.0))
    assert np.abs(best - moments).mean() < 0.5 * np.abs(alone - moments).mean()
    assert np.abs(best - moments)[:, [13, 16]].mean() < 0.5


def test_pixels_that_say_nothing_follow_their_neighbours() -> None:
    moments = np.add.outer(np.zeros(24), np.arange(24) / 2)
    costs = costs_of(moments, 20)
    costs[8:14, :, 8:14] = 1.0
    best, _, never = best_candidate(agreed_costs(costs, 0.2, 10.0))
    assert np.abs(best - moments)[8:14, 8:14].max() < 1.5
    assert not never.any()


def test_never_wins_where_the_evidence_is_for_it() -> None:
    moments = np.full((20, 20), 9.0)
    costs = costs_of(moments, 20)
    costs[:, -1, :10] = -3.0
    _, _, never = best_candidate(agreed_costs(costs, 1.0, 4.0))
    assert never[:, :8].all()
    assert not never[:, 12:].any()


def test_the_fraction_is_the_vertex_of_the_parabola() -> None:
    number = np.arange(8, dtype=np.float32)
    costs = np.concatenate([(number - 3.3) ** 2, [99.0]]).astype(np.float32)[None, :, None]
    best, least, _ = best_candidate(costs)
    assert abs(float(best[0, 0]) - 3.3) < 1e-4
    assert least[0, 0] == costs.min()
