"""What became of places that left the field before the movie ended."""

from __future__ import annotations

import numpy as np

from tem_track.front.arrival.blind import continued
from tem_track.front.frames.windows import Windows

SAMPLES, SHAPE = 20, (12, 16)


def shown_until(last: np.ndarray) -> Windows:
    """Return windows of the whole movie in which every place is shown up to and with its own last sample."""
    samples = np.zeros((SAMPLES, *SHAPE), np.float16)
    samples[np.arange(SAMPLES)[:, None, None] > last] = np.nan
    nothing = np.zeros(SHAPE, np.float32)
    return Windows(samples, np.zeros(SHAPE, np.int32), nothing, nothing)


def test_what_is_shown_to_the_end_keeps_its_moment() -> None:
    index = np.where(np.indices(SHAPE)[1] < 8, 5.0, np.nan).astype(np.float32)
    assert np.array_equal(continued(index, shown_until(np.full(SHAPE, SAMPLES - 1))), index, equal_nan=True)


def test_what_left_the_field_goes_with_the_nearest_place_that_did_not() -> None:
    # The lower third left at sample 6. Beside it the left half changed at 12, the right half never.
    rows, columns = np.indices(SHAPE)
    last = np.where(rows < 8, SAMPLES - 1, 6)
    index = np.where(columns < 8, 12.0, np.nan).astype(np.float32)
    streaks = index.copy()
    streaks[9, :], streaks[10, 10:] = np.nan, 15.0
    found = continued(streaks, shown_until(last))
    assert np.array_equal(np.isfinite(found), np.isfinite(index))
    # A moment that neighbours agreed on stays; a place without one takes the nearest.
    assert (found[9, :7] == 12).all()


def test_what_was_still_seen_as_it_was_changed_later() -> None:
    rows = np.indices(SHAPE)[0]
    index = np.where(rows < 8, 3.0, np.nan).astype(np.float32)
    found = continued(index, shown_until(np.where(rows < 8, SAMPLES - 1, 6)))
    assert (found[8:] == 6.5).all()


def test_what_changed_before_it_left_the_field_is_known() -> None:
    rows = np.indices(SHAPE)[0]
    index = np.where(rows < 8, np.nan, 3.0).astype(np.float32)
    found = continued(index, shown_until(np.where(rows < 8, SAMPLES - 1, 6)))
    assert np.array_equal(found, index, equal_nan=True)
