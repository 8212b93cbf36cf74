"""Whether particles show cores and voids at all."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from pictures import ball_thickness, disc
from scipy.ndimage import gaussian_filter

from tem_track.movie import Labels
from tem_track.segment.outline.body import fit_plain
from tem_track.segment.outline.chord import BLUR, BODY, EDGE, FLAT, PARAMETERS, RadialProfiles, body_profiles
from tem_track.segment.outline.plain import are_plain
from tem_track.segment.outline.stage import outline_particles

BINS, STEP = 60, 0.025
Picture = NDArray[np.float32]


def profiles(flat: float, noise: float) -> RadialProfiles:
    """Return the profile of one body of 30 px, bright field, from a ball (0) to a disc (1)."""
    parameters = np.zeros((1, PARAMETERS))
    parameters[0, [EDGE, BLUR, BODY, FLAT]] = 1.0, 0.04, 0.5, flat
    # Background 1.
    parameters[0, 2] = 1.0
    step = np.array([STEP])
    level = body_profiles(parameters, BINS, step, True) + np.random.default_rng(3).normal(0, noise, (1, BINS))
    weight = np.full((1, BINS), 1 / noise**2)
    return RadialProfiles(step, level, weight, True, np.array([0.04]), np.array([0.02]), plain=True)


@pytest.mark.parametrize("flat", [0.0, 0.5, 1.0])
def test_a_plain_body_is_found_as_flat_as_it_is(flat: float) -> None:
    fit = fit_plain(profiles(flat, 0.003), np.full((1, PARAMETERS), np.nan))
    assert fit.parameters[0, EDGE] == pytest.approx(1.0, abs=0.01)
    assert fit.parameters[0, FLAT] == pytest.approx(flat, abs=0.08)


def test_what_few_outlines_say_is_not_enough() -> None:
    assert are_plain([np.full(4, -8.0), np.full(4, -8.0)])
    assert not are_plain([np.full(4, -8.0)])
    assert not are_plain([])


def test_one_clear_core_outweighs_many_that_show_nothing() -> None:
    assert not are_plain([np.full(20, -8.0), np.array([500.0])])


def discs(noise: float, seed: int) -> tuple[Picture, Labels]:
    """Return nine flat particles of 24 px radius with soft steep sides under film that is as uneven as strong noise."""
    size = (300, 300)
    labels, thickness = np.zeros(size, np.int32), np.zeros(size)
    for number, (y, x) in enumerate(((y, x) for y in (55, 150, 245) for x in (55, 150, 245)), start=1):
        shape = disc(size, y, x, 24)
        labels[shape > 0.5] = number
        thickness += 0.4 * shape
    film = gaussian_filter(np.random.default_rng(seed).normal(0, 1, size), 1.2)
    picture = 100 * np.exp(-gaussian_filter(thickness, 1.5)) * (1 + noise * film / film.std())
    return picture.astype(np.float32), labels


def outlined(picture: Picture, labels: Labels) -> NDArray[np.float64]:
    found = outline_particles(
        [picture], [labels], drift_px=np.zeros((1, 2)), measured=set(), usable=np.ones(1, bool), polarity="dark"
    )
    return found.area_px


def test_flat_particles_under_strong_noise_are_not_drawn_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    picture, labels = discs(0.12, 5)
    true = np.pi * 24**2
    plain = abs(np.mean(outlined(picture, labels)) / true - 1)
    monkeypatch.setattr("tem_track.segment.outline.stage.are_plain", lambda looks: False)
    assert plain < 0.04
    assert plain < abs(np.mean(outlined(picture, labels)) / true - 1)


def test_balls_with_cores_are_not_taken_for_plain_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    size, seen = (300, 300), []
    labels, thickness = np.zeros(size, np.int32), np.zeros(size)
    for number, (y, x) in enumerate(((y, x) for y in (55, 150, 245) for x in (55, 150, 245)), start=1):
        labels[disc(size, y, x, 24) > 0.5] = number
        thickness += 0.012 * ball_thickness(size, y, x, 24) + 0.02 * ball_thickness(size, y, x, 14)
    counts = np.random.default_rng(1).poisson(100 * gaussian_filter(np.exp(-thickness), 1.0)).astype(np.float32)
    stage = "tem_track.segment.outline.stage"
    monkeypatch.setattr(f"{stage}.are_plain", lambda looks: seen.append(are_plain(looks)) or False)
    outlined(counts, labels)
    assert seen == [False]
