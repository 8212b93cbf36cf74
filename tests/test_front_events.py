"""Crossings, nuclei, onset and the shuffled boundaries."""

from __future__ import annotations

import numpy as np
import pytest

from tem_track.front.grains.network import grains_from_labels
from tem_track.front.propagation.control import boundary_control
from tem_track.front.propagation.crossings import Crossing, choice_spread, find_crossings, first_crossing, one_per_pair
from tem_track.front.propagation.entries import boundary_sides, entering
from tem_track.front.propagation.nuclei import find_minima, one_per_damage, sites_of
from tem_track.front.propagation.onset import find_onset
from tem_track.front.speed import fit_slope
from tests.fronts import OPENS, SPEED, START, WALL_X, held_front, two_grains

SHAPE = (80, 120)
EVERYWHERE = np.ones(SHAPE, bool)
RADIUS, WINDOW = 2, 5.0


def crossings_of(arrival: np.ndarray, labels: np.ndarray | None = None, usual: float = 1 / SPEED) -> list[Crossing]:
    labels = two_grains() if labels is None else labels
    slope = fit_slope(arrival.astype(np.float32), labels, np.isfinite(arrival) & (arrival > 0), RADIUS)
    return find_crossings(boundary_sides(labels, slope), 2.0, WINDOW, usual)


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_a_held_front_crosses_once_in_its_own_direction(noise: float) -> None:
    crossings = one_per_pair(crossings_of(held_front(noise=noise)))
    assert [(c.source, c.target) for c in crossings] == [(1, 2)]
    crossing = crossings[0]
    assert crossing.time == pytest.approx(OPENS, abs=0.5)
    assert crossing.arrival == pytest.approx(START + WALL_X / SPEED, abs=1.0)
    assert crossing.x_px == pytest.approx(WALL_X, abs=1)
    assert crossing.length_px == pytest.approx(80 * np.pi / 4, rel=0.15)


def test_a_front_that_is_not_held_crosses_nothing() -> None:
    x = np.arange(120) + np.zeros((80, 1))
    assert crossings_of(10 + x / SPEED) == []


def test_a_front_running_along_the_boundary_crosses_nothing() -> None:
    y, x = np.indices(SHAPE)
    along = np.where(x < WALL_X, 10 + y / 2, 40 + y / 2)
    assert crossings_of(along.astype(float)) == []


def test_a_nucleus_beside_the_boundary_is_no_crossing() -> None:
    y, x = np.indices(SHAPE)
    cone = np.where(x < WALL_X, 10 + x / SPEED, 60 + np.hypot(y - 40, x - 62) / 1.5)
    assert crossings_of(cone) == []


def test_what_sets_out_round_a_damage_site_at_the_boundary_is_no_crossing() -> None:
    y, x = np.indices(SHAPE)
    radius = 6
    disc = 60 + (np.hypot(y - 16, x - WALL_X + radius) - radius) / SPEED
    arrival = np.where(x < WALL_X, START + x / SPEED, disc)
    assert crossings_of(arrival) == []
    # Nor beside a true one, and it is its slowness that gives it away.
    arrival[40:] = held_front()[40:]
    assert [c.y_px > 40 for c in crossings_of(arrival)] == [True]
    assert [c.y_px > 40 for c in crossings_of(arrival, usual=100.0)] == [False, True]


def test_a_short_stretch_alone_is_no_crossing() -> None:
    arrival = held_front()
    short, long = arrival.copy(), arrival.copy()
    short[18:, 60:], long[44:, 60:] = np.nan, np.nan
    assert crossings_of(short) == []
    assert len(crossings_of(long)) == 1


def test_the_wings_of_a_front_along_the_other_side_are_no_crossing() -> None:
    y, x = np.indices(SHAPE)
    fast = 3.0
    wings = 60 + y / fast + (x - WALL_X) * np.sqrt(SPEED**-2 - fast**-2)
    arrival = np.where(x < WALL_X, 10 + x / SPEED, wings)
    assert crossings_of(arrival) == []
    assert crossings_of(arrival, usual=100.0) != []


def test_a_jump_beside_the_boundary_drawn_is_not_believed() -> None:
    labels = np.ones(SHAPE, np.int32)
    labels[:, 56:] = 2
    assert all(abs(c.time - OPENS) < 3 for c in crossings_of(held_front(), labels))


def test_entering_needs_delay_and_direction() -> None:
    slope = fit_slope(held_front().astype(np.float32), two_grains(), EVERYWHERE, RADIUS)
    sides = boundary_sides(two_grains(), slope)
    enters = entering(sides, 2.0)
    assert enters.any()
    assert (sides.target[enters] == 2).all()
    assert np.allclose(sides.delay[enters], OPENS - (START + WALL_X / SPEED), atol=0.1)
    assert not entering(sides, 100.0).any()


def crossing(time: float, length: float, sd: float) -> Crossing:
    return Crossing(1, 2, 0.0, 0.0, 0.0, time, sd, length)


def test_the_first_crossing_is_the_first_sharp_one_of_some_length() -> None:
    bunch = [crossing(100 + k, 60, 0.1) for k in range(6)]
    assert first_crossing([crossing(60, 12, 1.0), *bunch]).time == 100
    assert first_crossing([crossing(90, 50, 0.1), *bunch]).time == 90
    assert first_crossing([crossing(60, 12, 1.0)]).time == 60
    assert first_crossing([]) is None
    low, high = choice_spread(bunch)
    assert low == 100
    assert 101 <= high <= 105


def test_minima_are_found_where_fronts_start() -> None:
    y, x = np.indices(SHAPE)
    places = [(20, 30), (60, 30), (40, 95)]
    arrival = np.min([10 + 3 * k + np.hypot(y - p, x - q) / 2 for k, (p, q) in enumerate(places)], axis=0)
    grains = grains_from_labels(two_grains())
    rng = np.random.default_rng(6)
    noisy = (arrival + 0.3 * rng.standard_normal(SHAPE)).astype(np.float32)
    found, times = find_minima(fit_slope(noisy, grains.territory, EVERYWHERE, 3), grains, 1.0)
    inside = [k for k, p in enumerate(found) if min(p[0], 79 - p[0], p[1], 119 - p[1]) > 4]
    near = sorted(tuple(np.round(found[k]).astype(int)) for k in inside if abs(found[k][1] - WALL_X) > 6)
    assert len(near) == 3
    for place, true in zip(near, sorted(places), strict=True):
        assert np.hypot(place[0] - true[0], place[1] - true[1]) < 3
    assert times.min() == pytest.approx(10, abs=2.0)


def test_minima_around_one_damage_site_are_one_nucleus() -> None:
    initial = np.zeros(SHAPE, bool)
    initial[30:34, 30:34] = True
    places = np.array([[28.0, 32], [36, 32], [32, 36], [60, 90]])
    times = np.array([12.0, 11, 13, 20])
    grain = np.array([1, 1, 2, 2], np.int32)
    assert one_per_damage(places, times, grain, initial, 5.0).tolist() == [False, True, True, True]
    assert one_per_damage(places, times, grain, ~EVERYWHERE, 5.0).all()


def test_no_arrival_has_no_minima() -> None:
    grains = grains_from_labels(two_grains())
    nothing = fit_slope(np.full(SHAPE, np.nan, np.float32), grains.territory, EVERYWHERE, 2)
    places, times = find_minima(nothing, grains, 1.0)
    assert places.shape == (0, 2)
    assert len(times) == 0


def test_sites_are_named_by_what_is_near() -> None:
    labels = np.ones(SHAPE, np.int32)
    labels[:, 60:] = 2
    labels[40:, 60:] = 3
    grains = grains_from_labels(labels)
    places = np.array([[40.0, 61.0], [15.0, 62.0], [20.0, 30.0], [1.0, 30.0]])
    assert sites_of(places, grains, 6.0, 3.0, EVERYWHERE) == ["junction", "boundary", "interior", "edge"]


def test_the_onset_is_the_time_of_the_asked_fraction() -> None:
    y, x = np.indices(SHAPE)
    arrival = (30 + np.hypot(y - 40, x - 60) / 2).astype(np.float32)
    sd = np.full(SHAPE, 0.2, np.float32)
    onset = find_onset(arrival, sd, EVERYWHERE, 0.01)
    # 1 % of 9600 px is a disc of radius sqrt(96 / pi).
    assert onset is not None
    assert onset.time == pytest.approx(30 + np.sqrt(96 / np.pi) / 2, abs=0.3)
    assert onset.low < 30 + np.sqrt(48 / np.pi) / 2 + 0.1
    assert onset.high > onset.time
    lone = arrival.copy()
    lone[5, 5] = lone[70, 100] = 1.0
    assert find_onset(lone, sd, EVERYWHERE, 0.01).time == pytest.approx(onset.time, abs=0.1)


def test_nothing_degraded_has_no_onset() -> None:
    never = np.full(SHAPE, np.nan, np.float32)
    assert find_onset(never, never, EVERYWHERE, 0.001) is None
    assert find_onset(never, never, ~EVERYWHERE, 0.001) is None
    few = never.copy()
    few[3, 3] = 10
    assert find_onset(few, never, EVERYWHERE, 0.001) is None


def cells_map(lead: float) -> tuple[np.ndarray, np.ndarray]:
    """Return arrival times that are earlier in the zone of a network by `lead` of their own spread, and the zone."""
    rng = np.random.default_rng(7)
    zone = np.zeros((96, 96), bool)
    zone[:, 20:26] = zone[:, 60:66] = zone[30:36] = zone[75:80] = True
    return (rng.standard_normal((96, 96)) - lead * zone + 10).astype(np.float32), zone


def test_the_control_sees_a_lead_of_the_boundaries_and_no_other() -> None:
    arrival, zone = cells_map(1.0)
    control = boundary_control(arrival, zone, np.ones(zone.shape, bool))
    assert control is not None
    assert control.p_value <= 0.01
    assert control.lead > control.shuffled_high
    arrival, zone = cells_map(0.0)
    nothing = boundary_control(arrival, zone, np.ones(zone.shape, bool))
    assert nothing is not None
    assert nothing.p_value > 0.05


def test_the_control_needs_boundaries_interiors_and_arrivals() -> None:
    arrival, zone = cells_map(1.0)
    field = np.ones(zone.shape, bool)
    assert boundary_control(arrival, ~field, field) is None
    assert boundary_control(arrival, field, field) is None
    assert boundary_control(np.full(zone.shape, np.nan, np.float32), zone, field) is None
