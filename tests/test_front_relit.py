"""The illumination fitted once more to what no front has reached."""

from __future__ import annotations

import numpy as np

from tem_track.front.frames.relit import LEAST_INTACT, light_left

SHAPE, SAMPLES, TILES = (96, 96), 60, (8, 8)
NEVER = np.full(SHAPE, np.nan, np.float32)


def change() -> np.ndarray:
    """Return when each place changes: everywhere some early and some late, and a fiftieth never."""
    rng = np.random.default_rng(3)
    index = rng.uniform(10, 45, SHAPE)
    return np.where(rng.random(SHAPE) < 0.03, np.nan, index).astype(np.float32)


def levels(index: np.ndarray, error: np.ndarray, noise: float = 0.03) -> np.ndarray:
    """Return samples of places that fall by 0.2, under an illumination that was taken for brighter by `error`."""
    rng = np.random.default_rng(4)
    fallen = 0.2 / (1 + np.exp(-(np.arange(SAMPLES)[:, None, None] - index)))
    samples = (1 - np.nan_to_num(fallen)) * np.exp(error)[:, None, None] - 1
    return (samples + noise * rng.standard_normal(samples.shape)).astype(np.float16)


def test_a_fit_that_followed_the_specimen_is_put_right() -> None:
    index = change()
    degraded = np.array([(index < n).mean() for n in range(SAMPLES)])
    error = 0.1 * degraded**2
    found = light_left(levels(index, error), index, TILES, 0.005)
    assert np.abs(found[:, 0] - error).max() < 0.01
    assert np.abs(found[:, 1:]).max() < 0.01
    # A first map that is two samples late does as well.
    late = light_left(levels(index, error), (index + 2).astype(np.float32), TILES, 0.005)
    assert np.abs(late[:, 0] - error).max() < 0.015


def test_a_fit_that_was_right_stays() -> None:
    for index in (NEVER, change()):
        found = light_left(levels(index, np.zeros(SAMPLES)), index, TILES, 0.005)
        assert np.abs(found).max() < 0.006


def test_where_next_to_nothing_is_intact_the_last_correction_stays() -> None:
    index = np.where(np.isnan(change()), np.float32(44), change()).astype(np.float32)
    error = np.where(np.arange(SAMPLES) < 39, 0.02, 0.3)
    found = light_left(levels(index, error, 0.01), index, TILES, 0.005)
    last = max(n for n in range(SAMPLES) if (index > n + 6).mean() >= LEAST_INTACT)
    assert (found[last + 2 :] == found[last + 2]).all()
    assert abs(found[-1, 0] - 0.02) < 0.01
    assert not light_left(np.full((3, *SHAPE), np.nan, np.float16), NEVER, TILES, 0.005).any()
