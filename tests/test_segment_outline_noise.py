from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tem_track.movie import Image
from tem_track.segment.outline.noise import NoiseSharing, noise_excess

SIZE = (240, 260)
FREE = np.ones(SIZE, bool)


def noise(sigma: float, seed: int = 0) -> Image:
    white = np.random.default_rng(seed).normal(size=SIZE)
    return np.asarray(gaussian_filter(white, sigma) if sigma else white, np.float32)


@pytest.mark.parametrize("seed", range(4))
def test_white_noise_stays_as_it_is(seed: int) -> None:
    assert noise_excess(noise(0.0, seed), FREE) == pytest.approx(1.0, abs=0.15)
    assert NoiseSharing().independent(100 + noise(0.0, seed), np.zeros(SIZE, np.int32), None, 1) == 1.0


def test_noise_shared_by_neighbours_makes_a_pixel_worth_less() -> None:
    # A mean of 5 x 5 px of noise blurred by s has its variance raised by less than 4 pi s^2, the limit of large blocks.
    found = [noise_excess(noise(s), FREE) for s in (0.5, 0.8, 1.2)]
    assert found == sorted(found)
    assert all(1.5 < f < 4 * np.pi * s * s for f, s in zip(found, (0.5, 0.8, 1.2), strict=True))
    assert NoiseSharing().independent(noise(0.8), np.zeros(SIZE, np.int32), None, 1) < 0.3


def test_a_slope_and_a_particle_are_not_noise() -> None:
    picture = noise(0.0) + np.linspace(0, 40, SIZE[1], dtype=np.float32)
    labels = np.zeros(SIZE, np.int32)
    labels[90:150, 100:160] = 1
    picture[labels == 1] -= 500
    assert NoiseSharing().independent(picture, labels, None, 1) == 1.0


def test_what_cannot_be_measured_is_taken_for_white() -> None:
    assert np.isnan(noise_excess(noise(0.0)[:30, :30], FREE[:30, :30]))
    assert np.isnan(noise_excess(noise(0.0), ~FREE))
    assert np.isnan(noise_excess(np.zeros(SIZE, np.float32), FREE))
    assert NoiseSharing().independent(noise(1.2), np.ones(SIZE, np.int32), None, 1) == 1.0
