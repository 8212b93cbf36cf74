from __future__ import annotations

import numpy as np
import pytest
from pictures import ball_thickness, disc
from scipy.ndimage import gaussian_filter, laplace

from tem_track.movie import FloatArray, Image
from tem_track.segment.outline.body import fit_any_bodies
from tem_track.segment.outline.chord import EDGE, FRINGE, PARAMETERS, RadialProfiles, body_profiles
from tem_track.segment.outline.fringe import FringeMemory, looked_at
from tem_track.segment.outline.stage import outline_particles

SIZE = (140, 140)
BALLS = ((38.2, 40.1, 26.0), (95.4, 97.7, 31.0))


def defocused_frame(fringe_px2: float, seed: int, attenuation: float = 0.015) -> Image:
    """Bright-field picture of two balls, 1 + fringe laplacian(thickness) by defocus."""
    thick = np.asarray(sum(attenuation * ball_thickness(SIZE, *ball) for ball in BALLS))
    moved = 1 + fringe_px2 * laplace(gaussian_filter(thick, 1.0))
    sharp = np.exp(-thick) * np.clip(moved, 0.2, 2.0)
    return np.random.default_rng(seed).poisson(300 * gaussian_filter(sharp, 0.9)).astype(np.float32)


def radii(fringe_px2: float, attenuation: float = 0.015) -> FloatArray:
    frames = [defocused_frame(fringe_px2, seed, attenuation) for seed in range(3)]
    labels = np.zeros(SIZE, np.int32)
    for number, (y, x, radius) in enumerate(BALLS, start=1):
        labels[disc(SIZE, y, x, radius) > 0.5] = number
    found = outline_particles(
        frames,
        [labels] * 3,
        drift_px=np.zeros((3, 2)),
        measured=set(),
        usable=np.ones(3, bool),
        polarity="dark",
    )
    size = np.sqrt(found.area_px / np.pi)
    return np.array([size[found.track_id == number].mean() for number in (1, 2)])


@pytest.mark.parametrize("fringe", [-14.0, 0.0, 14.0])
def test_a_fringe_moves_no_outline(fringe: float) -> None:
    assert radii(fringe) == pytest.approx([26.0, 31.0], rel=0.006)


def test_without_the_fringe_in_the_model_it_would(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FringeMemory, "begin", lambda self, looks: None)
    assert (np.abs(radii(14.0) / [26.0, 31.0] - 1) > 0.015).all()


def test_the_fringe_does_not_fade_with_the_contrast_into_another_size() -> None:
    strong, weak = radii(10.0, attenuation=0.02), radii(10.0, attenuation=0.008)
    assert weak == pytest.approx(strong, rel=0.006)


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_a_fringe_is_found_in_a_profile_and_the_edge_behind_it(sign: float) -> None:
    body = np.array([[1.03, 0.03, 1.0, 0.8, 0.0, 0.0, 0.8, 0.3, 0.0, sign * 0.008]])
    one, step = np.ones(1), np.full(1, 1.4 / 70)
    level = body_profiles(body, 70, step, True) + np.random.default_rng(1).normal(0, 3e-3, (1, 70))
    weight = np.full(level.shape, 3e-3**-2)
    unknown = np.full((1, PARAMETERS), np.nan)
    free = RadialProfiles(step, level, weight, True, 0.03 * one, 0.01 * one, 0 * one, one)
    found = fit_any_bodies(free, unknown).parameters[0]
    assert found[EDGE] == pytest.approx(1.03, abs=0.003)
    assert found[FRINGE] == pytest.approx(sign * 0.008, rel=0.15)
    without = RadialProfiles(step, level, weight, True, 0.03 * one, 0.01 * one)
    assert abs(fit_any_bodies(without, unknown).parameters[0, EDGE] - 1.03) > 0.02


def look(*fringes: float) -> FloatArray:
    return np.stack([np.array(fringes), np.full(len(fringes), 30.0)], axis=1)


def test_a_fringe_counts_where_it_is_strong_and_common_to_the_particles() -> None:
    memory = FringeMemory()
    memory.begin([look(8.1, 9.0, 8.4), look(7.9, 8.8, 8.5)])
    assert memory.known[0] == pytest.approx(8.4, abs=0.2)
    memory.learn(look(9.4, 9.5, 9.6))
    assert 8.4 < memory.known[0] < 9.5


@pytest.mark.parametrize(
    "looks",
    [
        [look(0.6, 0.7, 0.5)] * 5,  # too weak to move an edge
        [look(9.0, -8.0, 2.0, -4.0)] * 5,  # every particle another
        [look(6.0, 6.1, 6.2), *[look(0.1, 0.2, 0.0)] * 4],  # one frame of five
        [],
    ],
)
def test_else_there_is_none(looks: list[FloatArray]) -> None:
    memory = FringeMemory()
    memory.begin(looks)
    memory.learn(look(8.0, 8.0, 8.0))
    assert np.isnan(memory.known[0])


def test_a_fringe_that_moves_an_edge_by_a_tenth_of_a_pixel_counts() -> None:
    memory = FringeMemory()
    memory.begin([look(1.6, 1.4, 1.7), look(1.4, 1.3, 1.6), look(1.5, 1.4, 1.5), look(1.5, 1.2, 1.4), look(1.4, 1.7)])
    assert memory.known[0] == pytest.approx(1.5, abs=0.2)


def test_frames_looked_at_are_usable_and_spread_over_the_movie() -> None:
    usable = np.ones(50, bool)
    usable[[0, 49]] = False
    chosen = looked_at(usable)
    assert chosen[0] == 1
    assert chosen[-1] == 48
    assert len(chosen) == 5
    assert looked_at(np.array([False, True])).tolist() == [1]
