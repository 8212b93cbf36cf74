"""Which arrivals have something to show for themselves."""

from __future__ import annotations

import numpy as np

from tem_track.front.arrival.founded import fall_of, unfinished, unpaid
from tem_track.front.frames.windows import Windows

SHAPE, SAMPLES, FALL = (40, 40), 30, 3.0


def windows(arrival: np.ndarray, depth: float = 0.3) -> Windows:
    """Return the whole movie of places that fall by a depth, half of it at their own moment."""
    since = np.arange(SAMPLES)[:, None, None] - (arrival - 0.5)
    fallen = 0.5 + 0.5 * np.tanh(2 * 0.8814 * since / FALL)
    nothing = np.zeros(SHAPE, np.float32)
    return Windows((-depth * fallen).astype(np.float16), np.zeros(SHAPE, np.int32), nothing, nothing)


def test_a_place_half_way_by_the_last_sample_has_arrived_and_one_behind_it_has_not() -> None:
    # The left half arrived long ago and shows what is usual; the right half falls when the movie ends.
    early = np.indices(SHAPE)[1] < 20
    for late, over in ((SAMPLES - 2, False), (SAMPLES - 0.5, False), (SAMPLES + 1.5, True), (SAMPLES + 4, True)):
        own = windows(np.where(early, 10, late))
        index = np.where(early, 10.0, SAMPLES - 1).astype(np.float32)
        wrong = unfinished(own, index, fall_of(own, index), SAMPLES, FALL)
        assert not wrong[:, :18].any()
        assert wrong[:, 26:].all() == over
        assert wrong[:, 26:].any() == over


def test_specks_do_not_pay_for_their_outline_and_regions_do() -> None:
    index = np.full(SHAPE, np.nan, np.float32)
    index[2:5, 2:5], index[10:30, 10:30], index[20, 30:38] = 5.0, 5.0, 5.0
    costs = np.full((SHAPE[0], 12, SHAPE[1]), 4.0, np.float32)
    costs[:, 5], costs[:, -1] = 1.0, 3.0
    start = np.zeros(SHAPE, np.int32)
    poor = unpaid(costs, start, index, 15.0)
    assert poor[2:5, 2:5].all()
    assert not poor[10:30, 10:30].any()
    # Worth ten times as much, the speck pays too; cheaper outlines, as along grain boundaries, are paid sooner.
    costs[2:5, -1, 2:5] = 30.0
    assert not unpaid(costs, start, index, 15.0).any()
    costs[2:5, -1, 2:5] = 5.0
    assert unpaid(costs, start, index, 15.0)[2, 2]
    assert not unpaid(costs, start, index, np.full(SHAPE, 3.0, np.float32)).any()
    # A lone pixel is nothing, whatever it is worth and however cheap its outline.
    index[35, 35], costs[35, -1, 35] = 5.0, 100.0
    free = unpaid(costs, start, index, np.zeros(SHAPE, np.float32))
    assert free[35, 35]
    assert free.sum() == 1
