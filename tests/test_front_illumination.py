"""Illumination told from degradation."""

from __future__ import annotations

import numpy as np

from tem_track.front.frames.illumination import choose_tiles, fit_illumination, surface, tile_sums, tile_terms

SHAPE, TILES = (96, 128), (16, 16)


def fitted(log_level: np.ndarray) -> np.ndarray:
    """Return the mean log of the fitted surface (T,) for the tiles' log levels (T, n)."""
    terms = tile_terms(TILES)
    return np.stack([terms @ c for c in fit_illumination(log_level, np.ones_like(log_level), terms)])


def noise(frames: int) -> np.ndarray:
    return 0.003 * np.random.default_rng(5).standard_normal((frames, len(tile_terms(TILES))))


def test_flicker_a_step_and_a_tilt_are_followed() -> None:
    terms = tile_terms(TILES)
    gain = 0.01 * np.random.default_rng(1).standard_normal(40)
    gain[20:] -= 0.3
    truth = gain[:, None] + np.linspace(0, 0.06, 40)[:, None] * terms[:, 1]
    assert np.abs(fitted(truth + noise(40)) - truth).max() < 0.012


def test_a_front_that_takes_nearly_all_is_no_illumination() -> None:
    terms = tile_terms(TILES)
    position = np.linspace(-1.5, 0.9, 60)
    levels = np.where(terms[:, 2] < position[:, None], -0.25, 0.0) + noise(60)
    assert np.abs(fitted(levels)).max() < 0.02


def test_the_gain_stays_once_everything_has_fallen() -> None:
    terms = tile_terms(TILES)
    position = np.linspace(-1.5, 3.0, 60)
    levels = np.where(terms[:, 2] < position[:, None], -0.25, 0.0) + noise(60)
    assert np.abs(fitted(levels)[-1]).max() < 0.04


def test_tiles_that_fall_each_by_its_own_amount_within_a_few_frames_are_no_illumination() -> None:
    rng = np.random.default_rng(3)
    depth = np.exp(rng.normal(np.log(0.15), 0.4, len(tile_terms(TILES))))
    start = rng.uniform(36, 44, len(depth))
    fallen = np.clip((np.arange(60)[:, None] - start) / 2, 0, 1)
    flicker = 0.006 * rng.standard_normal((60, 1))
    assert np.abs(fitted(flicker - depth * fallen + noise(60)) - flicker).max() < 0.04


def test_the_surface_is_the_exponential_of_the_terms() -> None:
    coefficients = np.array([0.1, 0.02, -0.03, 0.01, 0.02, -0.01])
    field = surface(coefficients, SHAPE)
    tiles = tile_sums(np.log(field), TILES) / tile_sums(np.ones(SHAPE, np.float32), TILES)
    assert np.allclose(tiles, tile_terms(TILES) @ coefficients, atol=1e-3)


def test_noisier_movies_get_larger_tiles() -> None:
    assert choose_tiles((512, 1024), 0.05) == (16, 16)
    assert choose_tiles((128, 256), 0.4) == (3, 6)
