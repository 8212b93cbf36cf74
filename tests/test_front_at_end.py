"""Where the front stood when the movie ended."""

from __future__ import annotations

import numpy as np

from tem_track.front.arrival.at_end import settled_at_end
from tem_track.front.arrival.fall import share_fallen
from tem_track.front.frames.windows import Windows
from tem_track.movie import Image

COUNT, SHAPE, FALL, DROP = 40, (40, 80), 3.0, 0.25
END = COUNT - 0.5


def front(speed: float = 1.0) -> Image:
    """Return the moments of a front from the left that has come half way across when the movie ends."""
    x = np.indices(SHAPE, np.float32)[1]
    return np.asarray(END + (x - 40.5) / speed, np.float32)


def shown(moment: Image, last: np.ndarray | None = None, noise: float = 0.03) -> Windows:
    """Return windows of the whole movie in which every place falls at its moment, shown up to its own last sample."""
    rng = np.random.default_rng(4)
    own = DROP * (1 + 0.4 * rng.standard_normal(SHAPE))
    fallen = np.vectorize(lambda past: share_fallen(past, FALL))
    samples = np.stack([-own * fallen(s + 0.5 - moment) for s in range(COUNT)])
    samples += noise * rng.standard_normal(samples.shape)
    if last is not None:
        samples[np.arange(COUNT)[:, None, None] > last] = np.nan
    nothing = np.zeros(SHAPE, np.float32)
    return Windows(samples.astype(np.float16), np.zeros(SHAPE, np.int32), nothing, nothing)


def settled(index: Image, windows: Windows, territory: np.ndarray | None = None) -> Image:
    # What arrives in the last four samples does not show its fall.
    drop = np.where(index < COUNT - 4, np.float32(DROP), np.float32(np.nan)).astype(np.float32)
    return settled_at_end(index, windows, drop, territory, count=COUNT, end=END, fall=FALL)


def reached_px(moment: Image) -> float:
    """Return how far from the left a straight front has come, px, by the area behind it."""
    return float(np.isfinite(moment).sum() / SHAPE[0])


def test_a_front_found_too_far_is_taken_back() -> None:
    truth = front()
    index = np.where(truth < END + 3, np.minimum(truth, COUNT - 1), np.nan).astype(np.float32)
    assert reached_px(index) == 44
    assert abs(reached_px(settled(index, shown(truth))) - 41) <= 1


def test_a_front_found_too_short_is_carried_on() -> None:
    truth = front()
    index = np.where(truth < END - 2, truth, np.nan).astype(np.float32)
    found = settled(index, shown(truth))
    assert abs(reached_px(found) - 41) <= 1
    new = np.isfinite(found) & np.isnan(index)
    assert np.abs(found - truth)[new].max() < 1
    assert np.array_equal(found[np.isfinite(index)], index[np.isfinite(index)])


def test_a_front_that_stands_is_not_carried_on() -> None:
    # It reached the boundary two samples before the end and the next grain has not fallen.
    truth = np.where(np.indices(SHAPE)[1] < 39, front(), 1e3).astype(np.float32)
    index = np.where(truth < END, truth, np.nan).astype(np.float32)
    grains = np.where(np.indices(SHAPE)[1] < 39, 1, 2)
    found = settled(index, shown(truth), grains)
    assert np.isnan(found[:, 39:]).all()
    # Nor without the grains: the level says no.
    assert np.isfinite(settled(index, shown(truth))[:, 40:]).mean() < 0.01


def test_out_of_sight_the_front_goes_on_as_it_came() -> None:
    truth = front()
    rows = np.indices(SHAPE)[0]
    # The lower quarter left the field at sample 20 and was taken for what is next to it, and a little more.
    index = np.where(truth < END + np.where(rows < 30, 0, 8), np.minimum(truth, COUNT - 1), np.nan).astype(np.float32)
    found = settled(index, shown(truth, np.where(rows < 30, COUNT - 1, 20)))
    assert abs(float(np.isfinite(found[30:]).sum(axis=1).mean()) - 41) < 2
    # What was seen to change before stays, whatever came later.
    early = (truth < 19) & (rows >= 30)
    assert early.any()
    assert np.array_equal(found[early], index[early])


def test_nothing_that_changed_stays_nothing() -> None:
    never = np.full(SHAPE, np.nan, np.float32)
    still = shown(np.full(SHAPE, 1e3, np.float32))
    assert np.isnan(settled(never, still)).all()
