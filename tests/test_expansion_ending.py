from __future__ import annotations

import numpy as np
import pytest
from expansion_curves import piecewise

from tem_track.expansion.ending import LATE_ROWS, rows_of_event

TIMES = np.arange(60) * 5.0
RISING = piecewise(TIMES, [50, 250], [1.0, 1.8])


def noisy(values: np.ndarray, seed: int = 3) -> np.ndarray:
    return values * (1 + 0.005 * np.random.default_rng(seed).normal(size=len(values)))


@pytest.mark.parametrize("late", range(1, LATE_ROWS + 1))
def test_rows_that_fall_off_before_a_break_are_named(late: int) -> None:
    values = noisy(RISING)
    values[-late:] *= 0.7
    assert np.flatnonzero(rows_of_event(TIMES, values, "fractured")).tolist() == list(range(60 - late, 60))


def test_a_track_that_goes_on_as_before_loses_nothing() -> None:
    for seed in range(30):
        for fate in ("fractured", "merged", "whole", "left"):
            assert not rows_of_event(TIMES, noisy(RISING, seed), fate).any()


def test_growth_before_a_break_is_growth_and_before_a_merger_is_the_neighbour() -> None:
    values = noisy(RISING)
    values[-2:] *= 1.4
    assert not rows_of_event(TIMES, values, "fractured").any()
    assert rows_of_event(TIMES, values, "merged").sum() == 2


def test_a_whole_particle_keeps_every_row() -> None:
    values = noisy(RISING)
    values[-2:] *= 0.5
    assert not rows_of_event(TIMES, values, "whole").any()


def test_a_short_track_is_left_alone() -> None:
    assert not rows_of_event(TIMES[:6], np.array([1, 1, 1, 1, 0.5, 0.5]), "fractured").any()
