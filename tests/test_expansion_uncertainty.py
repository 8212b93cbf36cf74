from __future__ import annotations

import numpy as np
import pytest

from tem_track.expansion.uncertainty import edge_error_of_ratio, final_ratio, shape_error, slow_part


def test_the_edge_error_cancels_before_the_onset() -> None:
    assert edge_error_of_ratio(np.array([1.0]), np.array([0.03]), 0.03, 0.5) == pytest.approx([0.0])


@pytest.mark.parametrize(("shared", "expected"), [(0.0, 0.03 * np.sqrt(2)), (0.5, 0.03), (1.0, 0.0)])
def test_what_is_left_of_it_in_a_reacted_particle(shared: float, expected: float) -> None:
    assert edge_error_of_ratio(np.array([2.5]), np.array([0.03]), 0.03, shared) == pytest.approx([expected])


def test_scatter_is_not_counted_twice() -> None:
    assert slow_part(np.array([0.05, 0.01, np.nan]), 0.03) == pytest.approx([0.04, 0.0, 0.0])


def test_a_particle_that_swells_alike_has_no_shape_error() -> None:
    aspect = np.full(20, 1.3)
    before, end = np.arange(20) < 5, np.arange(20) >= 15
    assert shape_error(aspect, before, end) == 0.0
    aspect[end] = 1.3 * np.exp(0.2)
    assert shape_error(aspect, before, end) == pytest.approx(0.1 / np.sqrt(3))


def test_unknown_axes_have_no_shape_error() -> None:
    nothing = np.full(8, np.nan)
    assert shape_error(nothing, np.arange(8) < 3, np.arange(8) > 4) == 0.0


def test_the_final_interval_holds_the_truth_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(5)
    hits = []
    for _ in range(3000):
        level, end, edge = 100 + 0.5 * rng.normal(), 180 + 2 * rng.normal(), np.exp(0.01 * rng.normal())
        found = final_ratio(end * edge, 2.0, level, 0.5, 0.0, edge=0.01, shape=0.0, factor=1.96)
        hits.append(found.low <= 1.8 <= found.high)
    assert np.mean(hits) == pytest.approx(0.95, abs=0.015)


def test_the_items_make_the_interval() -> None:
    found = final_ratio(180.0, 2.0, 100.0, 0.5, 0.0, edge=0.01, shape=0.02, factor=1.96)
    total = np.sqrt(found.localisation**2 + found.noise**2 + found.v0**2 + found.shape**2)
    assert np.log(found.high / found.value) * found.value == pytest.approx(1.96 * total)
