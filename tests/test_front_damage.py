"""Damage that is there before the movie begins."""

from __future__ import annotations

import numpy as np
from pictures import disc

from tem_track.front.arrival.damage import damage_at_start

SHAPE = (160, 160)


def lamella(site: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Return a level picture with one dark boundary line and, on it, a dark half disc; and where that is."""
    x = np.indices(SHAPE)[1]
    level = 100 * (1 - 0.3 * np.exp(-0.5 * ((x - 80) / 1.3) ** 2))
    place = (disc(SHAPE, 80, 82, 8) > 0.5) & (x > 80) & site
    level = np.where(place, 0.7 * level, level)
    noise = np.random.default_rng(8).standard_normal(SHAPE)
    return (level * (1 + 0.01 * noise)).astype(np.float32), place


def arrival(y0: float = 10.0) -> np.ndarray:
    y, x = np.indices(SHAPE)
    return (20 + np.hypot(y - y0, x - 80) / 4).astype(np.float32)


def shares(found: np.ndarray, place: np.ndarray) -> float:
    return float((found & place).sum() / (found | place).sum())


def test_a_dark_place_that_the_front_does_not_change_was_degraded_before() -> None:
    level, place = lamella()
    drop = np.where(place, 0.0, 0.2).astype(np.float32)
    found = damage_at_start(level, np.ones(SHAPE, bool), arrival(), drop)
    assert shares(found, place) > 0.65


def test_a_front_that_sets_out_from_a_dark_place_gives_it_away() -> None:
    level, place = lamella()
    drop = np.full(SHAPE, 0.2, np.float32)
    found = damage_at_start(level, np.ones(SHAPE, bool), arrival(y0=80), drop)
    assert shares(found, place) > 0.5


def test_a_boundary_alone_is_no_damage_wherever_the_front_starts() -> None:
    level, _ = lamella(site=False)
    drop = np.full(SHAPE, 0.2, np.float32)
    for y0 in (10, 80):
        assert not damage_at_start(level, np.ones(SHAPE, bool), arrival(y0), drop).any()


def test_a_place_that_is_not_dark_is_no_damage_though_it_does_not_change() -> None:
    level, _ = lamella(site=False)
    drop = np.where(disc(SHAPE, 80, 90, 8) > 0.5, 0.0, 0.2).astype(np.float32)
    assert not damage_at_start(level, np.ones(SHAPE, bool), arrival(), drop).any()


def test_where_nothing_degrades_nothing_is_damage() -> None:
    level, _ = lamella()
    never = np.full(SHAPE, np.nan, np.float32)
    assert not damage_at_start(level, np.ones(SHAPE, bool), never, np.zeros(SHAPE, np.float32)).any()


def test_the_corner_of_a_dark_grain_is_no_damage() -> None:
    level, _ = lamella(site=False)
    y, x = np.indices(SHAPE)
    dark = (y - x > 20) & (y + x > 140)
    dark &= y < 100
    territory = np.where(dark, 1, 2).astype(np.int32)
    contrast = np.where(dark, 0.75 * level, level).astype(np.float32)
    drop = np.where(dark, 0.02, 0.2).astype(np.float32)
    assert damage_at_start(contrast, np.ones(SHAPE, bool), arrival(), drop).any()
    assert not damage_at_start(contrast, np.ones(SHAPE, bool), arrival(), drop, territory).any()


def test_beside_what_is_no_film_nothing_is_called_damage() -> None:
    level, place = lamella()
    drop = np.where(place, 0.0, 0.2).astype(np.float32)
    territory = np.where(np.indices(SHAPE)[0] > 78, 0, 1).astype(np.int32)
    assert not damage_at_start(level, np.ones(SHAPE, bool), arrival(), drop, territory)[76:].any()
