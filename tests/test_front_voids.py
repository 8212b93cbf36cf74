"""Dispersed nanovoids."""

from __future__ import annotations

import numpy as np
import pytest

from tem_track.front.grains.network import grains_from_labels
from tem_track.front.propagation.voids import find_voids
from tests.fronts import film, two_grains
from tests.pictures import disc

SHAPE = (160, 200)
GRAINS = grains_from_labels(two_grains(SHAPE))
EVERYWHERE = np.ones(SHAPE, bool)


def with_voids(radius: float, depth: float = 0.3) -> tuple[np.ndarray, np.ndarray, list[tuple[int, int]]]:
    before = film(two_grains(SHAPE), np.array([0, 100.0, 110.0]), 2.0, 0.3)
    after = 0.8 * film(two_grains(SHAPE), np.array([0, 100.0, 110.0]), 2.0, 0.3, seed=9)
    places = [(y, x) for y in range(20, 150, 30) for x in (15, 40, 85, 120, 150, 180)]
    for y, x in places:
        after = after * (1 - depth * disc(SHAPE, y, x, radius))
    return before, after.astype(np.float32), places


@pytest.mark.parametrize("radius", [2.5, 4.0])
def test_voids_are_counted_and_sized(radius: float) -> None:
    before, after, places = with_voids(radius)
    voids = find_voids(after, before, EVERYWHERE, GRAINS)
    assert abs(len(voids.places) - len(places)) <= 2
    assert np.median(voids.diameter_px) == pytest.approx(2 * radius, abs=1.2)
    nearest = np.hypot(*(voids.places[:, None] - np.array(places)[None]).transpose(2, 0, 1)).min(axis=1)
    assert np.median(nearest) < 1
    assert voids.dispersed


def test_a_film_that_only_darkened_has_no_voids() -> None:
    before, _, _ = with_voids(3.0)
    voids = find_voids((0.7 * before).astype(np.float32), before, EVERYWHERE, GRAINS)
    assert not voids.dispersed


def test_only_the_degraded_film_is_counted() -> None:
    before, after, places = with_voids(3.0)
    left = EVERYWHERE.copy()
    left[:, 60:] = False
    voids = find_voids(after, before, left, GRAINS)
    assert (voids.places[:, 1] < 60).all()
    assert abs(len(voids.places) - sum(x < 60 for _, x in places)) <= 2
    assert len(find_voids(after, before, ~EVERYWHERE, GRAINS).places) == 0
