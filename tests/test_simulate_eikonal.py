"""Arrival of a front: closed forms, waiting at boundaries, where it came from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tem_track.movie import FloatArray
from tem_track.simulate.eikonal import Medium, arrival, came_from, origin


def plain(height: int, width: int, slowness: float = 1.0) -> Medium:
    open_sides = np.full((height, width), -np.inf)
    return Medium(np.full((height, width), slowness), open_sides, open_sides.copy())


def starts_at(shape: tuple[int, int], *places: tuple[int, int, float]) -> FloatArray:
    starts = np.full(shape, np.inf)
    for y, x, time in places:
        starts[y, x] = time
    return starts


def test_a_plane_front_at_any_angle_is_exact() -> None:
    medium = plain(40, 60)
    y, x = np.mgrid[:40, :60]
    wanted = 0.6 * y + 0.8 * x
    starts = np.full((40, 60), np.inf)
    starts[0], starts[:, 0] = wanted[0], wanted[:, 0]
    np.testing.assert_allclose(arrival(medium, starts), wanted, atol=1e-4)


def test_a_point_spreads_as_a_circle() -> None:
    y, x = np.mgrid[:201, :201]
    away = np.hypot(y - 100, x - 100)
    starts = np.where(away <= 4, away, np.inf)
    error = arrival(plain(201, 201), starts) - away
    # Upwind differences are late along the diagonals, by about a pixel after a hundred.
    assert error.min() > -1e-6
    assert error.max() < 1.3


def test_the_solution_does_not_depend_on_the_unit_of_time() -> None:
    starts = starts_at((30, 30), (5, 5, 0.0))
    fast, slow = arrival(plain(30, 30, 1e-3), starts), arrival(plain(30, 30, 1e3), starts)
    np.testing.assert_allclose(slow, fast * 1e6, rtol=1e-6)


def test_a_fast_layer_carries_the_front_ahead() -> None:
    medium = plain(41, 80)
    slowness = medium.slowness.copy()
    slowness[20] = 0.25
    times = arrival(replace(medium, slowness=slowness), starts_at((41, 80), (20, 0, 0.0)))
    assert times[20, 79] == pytest.approx(79 / 4)
    # A head wave: to the row r beside, r sqrt(1 - 1/16) later than along the layer.
    late = times[30, 79] - times[20, 79]
    assert late == pytest.approx(10 * np.sqrt(1 - 1 / 16), rel=0.06)


def test_the_earlier_of_two_starts_wins() -> None:
    times = arrival(plain(3, 50), starts_at((3, 50), (1, 0, 0.0), (1, 49, 30.0), (1, 10, 40.0)))
    assert times[1, 20] == pytest.approx(20, abs=1e-4)
    assert times[1, 45] == pytest.approx(34, abs=1e-4)
    # A start that was overrun changes nothing.
    assert times[1, 10] == pytest.approx(10, abs=1e-4)


def walled(opens: float, delay: float = 0.0) -> Medium:
    medium = plain(9, 21)
    right = medium.opens_right.copy()
    right[:, 10] = opens
    return replace(medium, opens_right=right, delay=delay)


@pytest.mark.parametrize(("opens", "delay", "wanted"), [(25.0, 0.0, 26.0), (25.0, 3.0, 29.0), (2.0, 3.0, 14.0)])
def test_a_boundary_lets_the_front_through_when_it_opens(opens: float, delay: float, wanted: float) -> None:
    starts = np.full((9, 21), np.inf)
    starts[:, 0] = 0.0
    times = arrival(walled(opens, delay), starts)
    np.testing.assert_allclose(times[:, 10], 10)
    np.testing.assert_allclose(times[:, 11], wanted)
    back = arrival(walled(opens, delay), starts[:, ::-1])
    np.testing.assert_allclose(back[:, 10], max(9, opens) + delay + 1)


def test_a_boundary_that_never_opens_and_places_no_front_enters() -> None:
    times = arrival(walled(np.inf), starts_at((9, 21), (4, 0, 0.0)))
    assert np.isinf(times[:, 11:]).all()
    medium = plain(9, 21)
    slowness = medium.slowness.copy()
    slowness[:, 10] = np.inf
    times = arrival(replace(medium, slowness=slowness), starts_at((9, 21), (4, 0, 0.0), (4, 10, 0.0)))
    assert np.isinf(times[:, 10:]).all()
    assert np.isfinite(times[:, :10]).all()


def test_nothing_starts_nothing_arrives() -> None:
    assert np.isinf(arrival(plain(5, 5), np.full((5, 5), np.inf))).all()


def test_the_way_back_leads_to_the_start() -> None:
    medium = plain(20, 60)
    times = arrival(medium, starts_at((20, 60), (10, 5, 0.0), (10, 50, 8.0)))
    parent, through = came_from(medium, times)
    root = origin(parent)
    assert set(np.unique(root).tolist()) == {10 * 60 + 5, 10 * 60 + 50}
    y, x = np.mgrid[:20, :60]
    first = np.hypot(y - 10, x - 5) + 2 < np.hypot(y - 10, x - 50) + 8 - 2
    assert (root[first] == 10 * 60 + 5).all()
    assert (through <= times).all()


def test_the_time_through_a_side_has_the_wait_in_it() -> None:
    medium = walled(25.0, 3.0)
    starts = np.full((9, 21), np.inf)
    starts[:, 0] = 0.0
    times = arrival(medium, starts)
    parent, through = came_from(medium, times)
    assert (parent[:, 11] == np.arange(9) * 21 + 10).all()
    assert (through[:, 11] == 28).all()
    assert (through[:, 12] == times[:, 11]).all()
