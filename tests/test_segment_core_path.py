from __future__ import annotations

import numpy as np

from tem_track.segment.core.path import memory, not_astray, steady_path


def test_a_core_that_speckle_moves_for_a_while_is_put_back() -> None:
    rng = np.random.default_rng(4)
    true = np.log(np.interp(np.arange(60), [0, 20, 59], [0.78, 0.74, 0.80]))
    fitted = true + rng.normal(0, 0.005, 60)
    fitted[4:9] = np.log(0.45)
    path, sd = steady_path(fitted, np.full(60, 0.005), 5.0)
    assert np.abs(path - true).max() < 0.04
    assert np.abs(path[20:] - true[20:]).max() < 0.015
    assert sd[6] >= sd[40]


def test_a_core_that_does_grow_is_followed() -> None:
    true = np.log(np.linspace(0.4, 0.7, 50))
    path, _ = steady_path(true, np.full(50, 0.01), 5.0)
    assert np.abs(path - true).max() < 0.01


def test_many_frames_tell_more_than_one_unless_their_errors_last() -> None:
    rng = np.random.default_rng(5)
    fitted = rng.normal(0, 0.02, 80)
    _, fresh = steady_path(fitted, np.full(80, 0.02), 5.0)
    _, lasting = steady_path(fitted, np.full(80, 0.02), 80.0)
    assert fresh[40] < 0.75 * 0.02
    assert fresh[40] < lasting[40] <= 0.02


def test_a_few_frames_are_left_as_they_are() -> None:
    size = np.array([0.5, 0.9, 0.5])
    path, sd = steady_path(size, np.array([0.01, np.nan, 0.01]), 1.0)
    assert np.array_equal(path, size)
    assert sd[1] > 0.4


def test_a_core_that_vanishes_has_no_path_of_nothing() -> None:
    path, sd = steady_path(np.full(8, np.log(0.3)), np.zeros(8), 3.0)
    assert np.allclose(path, np.log(0.3))
    assert (sd > 0).all()


def test_memory_is_one_for_fresh_errors_and_all_frames_for_a_pattern_that_stays() -> None:
    rng = np.random.default_rng(6)
    assert memory(rng.standard_normal((40, 64))) < 1.6
    still = np.tile(rng.standard_normal(64), (40, 1))
    assert memory(still) > 30
    assert memory(still[:1]) == 1.0


def test_memory_of_pooled_frames_is_how_many_were_pooled() -> None:
    fresh = np.random.default_rng(7).standard_normal((200, 64))
    pooled = np.stack([fresh[k : k + 5].mean(axis=0) for k in range(196)])
    assert 4.0 < memory(pooled) < 6.0


def test_frames_that_show_something_else_know_what_the_windows_do() -> None:
    true = np.interp(np.arange(60), [0, 20, 59], [0.80, 0.77, 0.81])
    fitted, sd = true + np.random.default_rng(8).normal(0, 0.01, 60), np.full(60, 0.01)
    # From frame 40 on the rim of a void is fitted, and no heavy tail can tell that a third of the frames is wrong.
    fitted[40:] -= 0.33
    alone = steady_path(fitted, sd, 5.0)[0]
    path, path_sd = steady_path(*not_astray(fitted, sd, np.full(60, 0.79), 0.05), 5.0)
    assert np.abs(alone - true).max() > 0.2
    assert np.abs(path - true).max() < 0.03
    assert path_sd[50] > 1.5 * path_sd[20]


def test_frames_near_the_windows_stay_as_they_are() -> None:
    fitted, sd = np.array([0.70, 0.79, 0.90]), np.array([0.01, 0.02, 0.03])
    kept = not_astray(fitted, sd, np.full(3, 0.79), 0.05)
    assert np.array_equal(kept[0], fitted)
    assert np.array_equal(kept[1], sd)
