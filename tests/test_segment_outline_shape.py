from __future__ import annotations

import numpy as np

from tem_track.segment.outline.rays import ray_angles
from tem_track.segment.outline.shape import evenly_smoothed, smooth_log_radius


def ragged(count: int) -> np.ndarray:
    return 3 + 0.05 * np.random.default_rng(count).normal(size=(3, count))


def test_equal_precisions_are_smoothed_as_any_others_are() -> None:
    for count in (24, 48, 96):
        expected, _ = smooth_log_radius(ragged(count), np.full((3, count), 400.0))
        assert np.allclose(evenly_smoothed(ragged(count), 400.0), expected, atol=1e-12)
        assert not np.allclose(evenly_smoothed(ragged(count), 4000.0), expected, atol=1e-3)


def test_an_ellipse_stays_and_raggedness_goes() -> None:
    ellipse = np.log(30 * (1 + 0.05 * np.cos(2 * ray_angles(96))))[None]
    noise = np.random.default_rng(1).normal(0, 0.05, ellipse.shape)
    smooth = evenly_smoothed(ellipse + noise, 400.0)
    assert np.abs(smooth - ellipse).std() < 0.5 * noise.std()
    assert np.abs(evenly_smoothed(ellipse, 400.0) - ellipse).max() < 0.01
