"""A path out of pairs, some of them wrong."""

from __future__ import annotations

import numpy as np

from tem_track.drift.graph import Pair, solve_path


def pairs_of(path: np.ndarray, lags: tuple[int, ...]) -> list[Pair]:
    return [Pair(k - lag, k, path[k] - path[k - lag], 0.05) for k in range(len(path)) for lag in lags if k - lag >= 0]


def test_consistent_pairs_give_the_path_back() -> None:
    path = np.cumsum(np.random.default_rng(0).normal(0, 1, (30, 2)), axis=0)
    found, sd = solve_path(pairs_of(path, (1, 2, 5)), 30)
    assert np.allclose(found, path - path[0], atol=1e-6)
    assert (sd > 0).all()


def test_one_wrong_pair_shifts_nothing_after_it() -> None:
    path = np.cumsum(np.random.default_rng(1).normal(0, 1, (30, 2)), axis=0)
    pairs = pairs_of(path, (1, 2, 5))
    wrong = next(i for i, p in enumerate(pairs) if (p.first, p.second) == (14, 15))
    pairs[wrong] = Pair(14, 15, path[15] - path[14] + 40.0, 0.05)
    found, _ = solve_path(pairs, 30)
    assert np.abs(found - (path - path[0])).max() < 0.02


def test_a_chain_alone_cannot_resist() -> None:
    path = np.zeros((10, 2))
    pairs = pairs_of(path, (1,))
    pairs[4] = Pair(4, 5, np.array([3.0, 0.0]), 0.05)
    found, _ = solve_path(pairs, 10)
    assert np.abs(found).max() > 2.9


def test_frames_without_a_pair_are_not_known() -> None:
    path = np.zeros((6, 2))
    found, sd = solve_path([p for p in pairs_of(path, (1, 2)) if 3 not in (p.first, p.second)], 6)
    assert np.isnan(found[3]).all()
    assert np.isnan(sd[3])
    assert np.isfinite(np.delete(found, 3, axis=0)).all()


def test_no_pairs() -> None:
    assert np.isnan(solve_path([], 3)[0]).all()
