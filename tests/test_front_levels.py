"""Relative levels, their windows, and how long a fall takes."""

from __future__ import annotations

import numpy as np
import pytest

from tem_track.front.arrival.fall import frames_of_fall, frames_to_average, share_fallen
from tem_track.front.frames.levels import (
    choose_grid,
    coarse_levels,
    coarser,
    find_reference,
    noise_of,
    runs_of,
    usable_numbers,
)
from tem_track.front.frames.registered import RegisteredFrames
from tem_track.front.frames.windows import gather_windows
from tem_track.movie import no_progress

FRAMES, SHAPE = 40, (48, 64)


def fading_movie(noise: float = 0.02) -> np.ndarray:
    """Return frames of level 100 whose right half falls to 80 from frame 20 on; the whole flickers."""
    rng = np.random.default_rng(4)
    frames = np.full((FRAMES, *SHAPE), 100.0)
    frames[20:, :, 32:] = 80.0
    frames *= (1 + 0.01 * rng.standard_normal(FRAMES))[:, None, None]
    return (frames * (1 + noise * rng.standard_normal(frames.shape))).astype(np.float32)


def registered_movie() -> tuple[RegisteredFrames, np.ndarray]:
    return RegisteredFrames(fading_movie(), np.zeros((FRAMES, 2)), None), np.arange(FRAMES)


def test_the_grid_keeps_work_and_memory_bounded() -> None:
    for side, frames in ((256, 60), (1024, 300), (2048, 2000), (4096, 5000)):
        grid = choose_grid((side, side), frames)
        assert grid.coarse % grid.fine == 0
        assert (side / grid.fine) ** 2 <= 1.4e6
        assert (side / grid.coarse) ** 2 * -(-frames // grid.run) <= 2.1e7


def test_levels_are_relative_and_free_of_flicker() -> None:
    registered, numbers = registered_movie()
    reference = find_reference(registered, numbers)
    levels = coarse_levels(registered, numbers, reference, 1, 0.0)
    assert abs(reference.noise - 0.02) < 0.003
    assert abs(noise_of(levels.samples) - 0.02) < 0.003
    assert np.abs(levels.samples[:, :, :30].astype(float).mean(axis=(1, 2))).max() < 0.004
    assert abs(float(levels.samples[25:, :, 34:].astype(float).mean()) + 0.2) < 0.01


def test_runs_average_frames() -> None:
    registered, numbers = registered_movie()
    reference = find_reference(registered, numbers)
    levels = coarse_levels(registered, numbers, reference, 4, 0.0)
    assert levels.samples.shape == (10, *SHAPE)
    assert abs(noise_of(levels.samples) - 0.01) < 0.002
    assert len(runs_of(10, 4)) == 3


def test_a_window_holds_the_samples_from_its_start_on() -> None:
    registered, numbers = registered_movie()
    reference = find_reference(registered, numbers)
    light = np.zeros((FRAMES, 6))
    whole = coarse_levels(registered, numbers, reference, 1, 0.0)
    start = np.random.default_rng(6).integers(0, FRAMES - 1, SHAPE).astype(np.int32)
    windows = gather_windows(registered, reference, light, numbers, 1, start, 12, 0.0, no_progress)
    # Coarse levels had their illumination taken out, the windows here have not.
    for y, x in ((3, 5), (20, 40), (47, 63)):
        own = np.array([fading_movie()[k, y, x] for k in range(FRAMES)]) / reference.image[y, x] - 1
        first = start[y, x]
        last = min(FRAMES, first + 12)
        assert np.allclose(windows.samples[: last - first, y, x], own[first:last], atol=1e-3)
        assert np.isnan(windows.samples[last - first :, y, x].astype(float)).all()
        assert windows.before_count[y, x] == first
        assert abs(windows.before_total[y, x] - own[:first].sum()) < 1e-3
    assert whole.samples.shape[1:] == SHAPE


def test_a_coarser_reference_knows_less_where_a_part_is_unknown() -> None:
    registered, numbers = registered_movie()
    reference = find_reference(registered, numbers)
    reference.known[0, 0] = False
    coarse = coarser(reference, 4, (12, 16))
    assert not coarse.known[0, 0]
    assert coarse.known[1:, 1:].all()
    assert coarse.noise == reference.noise / 4


@pytest.mark.parametrize(("length", "wanted"), [(1.0, 1), (12.0, 3)])
def test_slow_falls_are_averaged(length: float, wanted: int) -> None:
    rng = np.random.default_rng(7)
    index = np.add.outer(np.linspace(40, 60, 40), np.zeros(40)).astype(np.float32)
    time = np.arange(120)[:, None, None]
    levels = -0.25 / (1 + np.exp(-(time - index) / (length / 4))) + 0.05 * rng.standard_normal((120, 40, 40))
    fall = frames_of_fall(levels.astype(np.float16), index, 1)
    # A logistic fall is half as steep as at its middle at 1.76 of its scale to either side.
    assert fall == pytest.approx(max(2 * 1.76 * length / 4, 1), abs=1.6)
    assert abs(frames_to_average(fall) - wanted) <= 1
    # What changes in the last frames does not show how long it takes.
    assert frames_of_fall(levels[:48].astype(np.float16), np.where(index < 41, np.nan, index), 1) == 0


def test_nothing_changed_needs_no_averaging() -> None:
    fall = frames_of_fall(np.zeros((20, 9, 9), np.float16), np.full((9, 9), np.nan, np.float32), 1)
    assert fall == 0
    assert frames_to_average(fall) == 1
    # Nothing known of its width, a change is a step.
    assert [share_fallen(k, fall) for k in (-1, 0, 1)] == [0, 0.5, 1]


def test_too_few_frames_are_an_error() -> None:
    with pytest.raises(ValueError, match="too few"):
        usable_numbers(np.zeros((8, 2)), np.array([True] * 3 + [False] * 5))
