"""Two frames: search and climb."""

from __future__ import annotations

import numpy as np
import pytest
from test_drift_survey import moving_texture

from tem_track.drift.pairs import SIGNIFICANT_PEAK, climb, search, searchable, tile_sums
from tem_track.drift.prepare import Preparer


def two(displacement: tuple[float, float], dose: float = 500, seed: int = 3) -> list:
    frames = moving_texture(np.array([[0.0, 0.0], displacement]), dose, seed=seed)
    preparer = Preparer(frames, None, 512)
    return [searchable(preparer(k)) for k in range(2)]


@pytest.mark.parametrize("displacement", [(0.0, 0.0), (3.4, -7.2), (50.0, 40.0), (-64.0, 10.5)])
def test_search_finds_any_displacement(displacement: tuple[float, float]) -> None:
    a, b = two(displacement)
    found, significance = search(a, b)
    assert found == pytest.approx(displacement, abs=1.0)
    assert significance > SIGNIFICANT_PEAK


@pytest.mark.parametrize("displacement", [(0.25, 0.5), (-1.3, 0.8), (20.7, -11.1)])
def test_climb_is_exact_to_hundredths(displacement: tuple[float, float]) -> None:
    a, b = two(displacement, dose=20000)
    match = climb(a, b, np.round(displacement))
    assert match.displacement == pytest.approx(displacement, abs=0.02)
    assert match.correlation > 0.95


def test_climb_is_unbiased_at_low_dose() -> None:
    found = [climb(*two((0.4, -0.6), dose=4, seed=s), np.zeros(2)) for s in range(12)]
    off = np.mean([m.displacement for m in found], axis=0) - (0.4, -0.6)
    scatter = np.std([m.displacement for m in found], axis=0).mean()
    assert np.abs(off).max() < 4 * scatter / np.sqrt(12)
    assert 0.4 * scatter < np.median([m.sd for m in found]) < 2.5 * scatter


def test_unrelated_frames_have_no_significant_peak() -> None:
    a, _ = two((0.0, 0.0), seed=3)
    b, _ = two((0.0, 0.0), seed=4)
    assert search(a, b)[1] < search(*two((0.0, 0.0)))[1] / 2


def test_tile_sums_cover_every_pixel() -> None:
    image = np.random.default_rng(0).random((37, 53)).astype(np.float32)
    assert tile_sums(image, 6).sum() == pytest.approx(float(image.sum()), rel=1e-5)
    assert tile_sums(image, 6)[0] == pytest.approx(float(image[:6, :8].sum()), rel=1e-5)
