"""Boundaries that led a front: valleys of the arrival time along a line, and what only looks like one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tem_track.front.grains.find import find_grains
from tem_track.front.grains.led import led_evidence
from tem_track.front.grains.lines import arrival_planes
from tests.accuracy.grain_images import boundary_f1
from tests.fronts import WALL_X, film, held_front, two_grains

SHAPE = (80, 120)
FILM = np.ones(SHAPE, bool)


def led_front(factor: float, noise: float = 0.2, zone_px: float = 0.0) -> NDArray[np.float32]:
    """Return the arrival frame of a front that a boundary `factor` times as fast as the interior leads downwards.

    The law of refraction: along the boundary the slowness is 1 / factor of the interior's, on both sides the front
    leaves it with what is left.
    """
    y, x = np.indices(SHAPE)
    away = np.maximum(np.abs(x - WALL_X) - zone_px, 0)
    arrival = 10 + 0.5 * (y / factor + away * np.sqrt(1 - 1 / factor**2))
    return (arrival + noise * np.random.default_rng(3).standard_normal(SHAPE)).astype(np.float32)


def nuclei(places: list[Any]) -> NDArray[np.float32]:
    """Return the arrival frame of round fronts that start at places (y, x)."""
    y, x = np.indices(SHAPE)
    away = np.min([np.hypot(y - py, x - px) for py, px in places], axis=0)
    return (10 + 0.5 * away + 0.2 * np.random.default_rng(4).standard_normal(SHAPE)).astype(np.float32)


@pytest.mark.parametrize(("factor", "zone_px"), [(2.0, 0.0), (4.0, 0.0), (100.0, 0.0), (3.0, 6.0)])
def test_a_boundary_that_leads_the_front_is_seen_on_its_line(factor: float, zone_px: float) -> None:
    evidence = led_evidence(arrival_planes(led_front(factor, zone_px=zone_px), FILM))
    profile = np.median(evidence[20:60], axis=0)
    assert profile[57:63].max() > 1
    assert abs(float((profile * np.arange(SHAPE[1])).sum() / profile.sum()) - WALL_X) < 2
    assert profile[:45].max() < 0.3


def test_it_makes_two_grains_of_one() -> None:
    labels = two_grains(SHAPE)
    image = film(labels, np.ones(3), 0.03)
    grains = find_grains(image, arrival_frame=led_front(3.0))
    assert len(grains) == 2
    assert boundary_f1(grains.territory, labels) > 0.9
    assert (grains.by_front == grains.boundary).all()
    # The same line with contrast of its own is shown by the picture.
    seen = find_grains(film(labels, np.array([0, 1.0, 1.15]), 0.02, 0.15), arrival_frame=led_front(3.0))
    assert len(seen) == 2
    assert not seen.by_front.any()


def test_a_front_that_nothing_leads_has_no_boundary() -> None:
    y, x = np.indices(SHAPE)
    noise = 0.2 * np.random.default_rng(5).standard_normal(SHAPE)
    plane, meeting = 10 + 0.4 * x + 0.2 * y + noise, 40 - 0.5 * np.abs(x - WALL_X) + noise
    for arrival in (plane, meeting, held_front(SHAPE, 0.2)):
        assert (led_evidence(arrival_planes(arrival.astype(np.float32), FILM)) >= 1).sum() == 0
    for places in ([(40, 30)], [(15, 60), (40, 60), (65, 60)]):
        # Next to a nucleus and on the saddle between two the front leaves to both sides.
        assert (led_evidence(arrival_planes(nuclei(places), FILM)) >= 1).mean() < 0.02


def test_round_fronts_divide_no_grain() -> None:
    image = film(two_grains(SHAPE), np.ones(3), 0.03)
    for seed in range(4):
        scattered = np.random.default_rng(seed).uniform(0, 1, (12, 2)) * SHAPE
        assert len(find_grains(image, arrival_frame=nuclei(scattered.tolist()))) == 1
    assert len(find_grains(image, arrival_frame=nuclei([(y, 60.0) for y in range(3, 80, 24)]))) == 1


def test_what_never_arrived_says_nothing() -> None:
    assert led_evidence(arrival_planes(np.full(SHAPE, np.nan, np.float32), FILM)).max() == 0
    assert led_evidence(arrival_planes(np.zeros(SHAPE, np.float32), FILM)).max() == 0
