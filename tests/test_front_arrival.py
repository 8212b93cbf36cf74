"""Arrival times of small movies with known truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from tem_track.front import find_arrival

SHAPE, FRAMES = (96, 112), 60


def texture() -> np.ndarray:
    noise = np.random.default_rng(11).standard_normal((SHAPE[0] + 40, SHAPE[1] + 40))
    return 1 + 0.3 * ndimage.gaussian_filter(noise, 3)


def truth() -> np.ndarray:
    """Return arrival frames of a front from the left at 3 px a frame, never beyond x = 90, late behind y = 60."""
    y, x = np.indices(SHAPE)
    arrival = 12 + x / 3 + 8.0 * (y > 60)
    return np.where(x > 90, np.nan, arrival)


def movie(dose: float = 150.0, depth: float = 0.25, drift: np.ndarray | None = None) -> np.ndarray:
    """Return counts (T, Y, X): texture that falls by `depth` over some two frames, with the drift given."""
    rng = np.random.default_rng(12)
    drift = np.zeros((FRAMES, 2)) if drift is None else drift
    picture, arrival = texture(), np.pad(truth(), 20, mode="edge")
    voids = ndimage.gaussian_filter(rng.standard_normal(picture.shape), 1.5) * 0.5
    y, x = np.indices(picture.shape)
    gain = np.where(np.arange(FRAMES) < 30, 1.0, 0.85) * (1 + 0.01 * rng.standard_normal(FRAMES))
    frames = []
    for k in range(FRAMES):
        with np.errstate(invalid="ignore", over="ignore"):
            done = np.nan_to_num(1 / (1 + np.exp(-(k - arrival) / 0.5)))
        specimen = picture * (1 - done * (depth + np.clip(voids, -0.1, 0.3)))
        shifted = ndimage.shift(specimen, drift[k], order=1, mode="nearest")[20:-20, 20:-20]
        shading = 1 - 0.06 * (((y - 68) / 68) ** 2 + ((x - 76) / 76) ** 2)[20:-20, 20:-20]
        frames.append(rng.poisson(dose * gain[k] * shading * np.maximum(shifted, 0.02)))
    return np.array(frames, np.uint16)


def test_a_front_is_timed_and_stops_where_it_stopped() -> None:
    drift = np.stack([np.linspace(0, 6, FRAMES), np.linspace(0, -4, FRAMES)], axis=1)
    found = find_arrival(movie(drift=drift), drift, usable=np.ones(FRAMES, bool))
    error = found.frame - truth()
    known = np.isfinite(error) & found.seen
    assert np.abs(error[known]).mean() < 0.5
    assert abs(float(error[known].mean())) < 0.25
    assert np.isfinite(found.frame)[8:-8, 8:86].all()
    assert np.isfinite(found.frame)[8:-8, 95:-8].mean() < 0.02
    inside = np.abs(error[known]) < 1.96 * found.sd_frames[known]
    assert 0.85 < inside.mean() <= 1
    assert abs(float(np.median(found.drop[known])) - 0.27) < 0.06


def test_nothing_degraded_comes_out_as_nothing() -> None:
    rng = np.random.default_rng(13)
    drift = np.cumsum(0.3 * rng.standard_normal((FRAMES, 2)), axis=0)
    drift -= drift[0]
    for dose in (150.0, 15.0):
        found = find_arrival(_still(dose, drift, rng), drift, usable=np.ones(FRAMES, bool))
        assert np.isfinite(found.frame).mean() < 1e-3


def _still(dose: float, drift: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a movie with vignetting, flicker and an illumination step in which nothing happens."""
    y, x = np.indices((SHAPE[0] + 40, SHAPE[1] + 40))
    shading = 1 - 0.12 * (((y - 68) / 68) ** 2 + ((x - 76) / 76) ** 2)
    gain = np.where(np.arange(FRAMES) < 35, 1.0, 0.8) * (1 + 0.02 * rng.standard_normal(FRAMES))
    moved = [ndimage.shift(texture(), d, order=1, mode="nearest") for d in drift]
    frames = [one * shading * g for one, g in zip(moved, gain, strict=True)]
    return rng.poisson(dose * np.array(frames)[:, 20:-20, 20:-20]).astype(np.uint16)


def test_what_brightens_does_not_degrade() -> None:
    found = find_arrival(movie(depth=-0.6), np.zeros((FRAMES, 2)), usable=np.ones(FRAMES, bool))
    assert np.isfinite(found.frame).mean() < 0.02


def test_few_electrons_still_time_the_front() -> None:
    found = find_arrival(movie(dose=12.0), np.zeros((FRAMES, 2)), usable=np.ones(FRAMES, bool))
    error = np.abs(found.frame - truth())
    assert float(np.nanmean(error[8:-8, 8:86])) < 1.2


def test_bad_frames_are_left_out_and_frame_numbers_stay() -> None:
    frames, usable = movie(), np.ones(FRAMES, bool)
    bad = [5, 20, 21, 33]
    frames[bad], usable[bad] = 0, False
    drift = np.zeros((FRAMES, 2))
    drift[5] = np.nan
    error = find_arrival(frames, drift, usable=usable).frame - truth()
    assert float(np.nanmean(np.abs(error)[8:-8, 8:86])) < 0.6


def test_the_same_movie_gives_the_same_bits() -> None:
    frames = movie()[:, :64, :64]
    one, two = (find_arrival(frames, np.zeros((FRAMES, 2)), usable=np.ones(FRAMES, bool)) for _ in range(2))
    assert np.array_equal(one.frame, two.frame, equal_nan=True)
    assert np.array_equal(one.sd_frames, two.sd_frames, equal_nan=True)


def test_too_few_frames_are_an_error() -> None:
    with pytest.raises(ValueError, match="too few"):
        find_arrival(movie()[:3], np.zeros((3, 2)), usable=np.ones(3, bool))


def bordered(frames: np.ndarray) -> np.ndarray:
    """Return frames with the black border of an earlier alignment, which moves."""
    out = frames.astype(np.float32)
    for k, frame in enumerate(out):
        frame[: 4 + k // 5] = 0
        frame[:, -(3 + k // 6) :] = 0
    return out


def in_border(frame: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero((frame > 0).any(axis=1)), np.flatnonzero((frame > 0).any(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def test_the_moving_border_of_an_alignment_is_no_front() -> None:
    rng = np.random.default_rng(14)
    still = bordered(rng.poisson(200 * texture()[None, 20:-20, 20:-20], (FRAMES, *SHAPE)))
    usable, drift = np.ones(FRAMES, bool), np.zeros((FRAMES, 2))
    assert not np.isfinite(find_arrival(still, drift, usable=usable, window=in_border).frame).any()
    assert np.isfinite(find_arrival(still, drift, usable=usable).frame).any()


@pytest.mark.parametrize("dose", [150.0, 15.0])
def test_arrivals_up_to_the_last_frame_are_found_and_no_later_ones(dose: float) -> None:
    # The front is 3 px further on with every frame: 9 px would be lost with the last three.
    end = 30
    found = find_arrival(movie(dose)[:end], np.zeros((end, 2)), usable=np.ones(end, bool)).frame
    reached, late = truth() <= end - 2, (truth() > end - 6) & (truth() <= end - 2)
    assert np.isfinite(found[reached]).mean() > 0.98
    assert np.abs(found - truth())[late & np.isfinite(found)].mean() < 1.0
    assert np.isfinite(found[~(truth() <= end + 0.5)]).mean() < 0.02


def test_a_slow_fall_is_followed_to_the_end_too() -> None:
    # Ten frames a fall: three or four of them make a sample, and four samples would be more than ten frames.
    end, arrival = 40, np.indices((80, 96))[1] / 3.0 + 14
    rng = np.random.default_rng(16)
    done = 1 / (1 + np.exp(-(np.arange(end)[:, None, None] - arrival) / 2.5))
    frames = rng.poisson(200 * (1 - 0.3 * done)).astype(np.uint16)
    found = find_arrival(frames, np.zeros((end, 2)), usable=np.ones(end, bool)).frame
    late = (arrival > end - 9) & (arrival <= end - 3)
    assert np.isfinite(found[late]).mean() > 0.9
    assert np.abs(found - arrival)[late & np.isfinite(found)].mean() < 2
    assert np.isfinite(found[arrival > end + 1]).mean() < 0.05


def test_what_is_no_film_does_not_degrade() -> None:
    film = np.ones(SHAPE, np.int32)
    film[:20] = 0
    frames, usable = movie(), np.ones(FRAMES, bool)
    with_film = find_arrival(frames, np.zeros((FRAMES, 2)), usable=usable, grains=film).frame
    assert not np.isfinite(with_film[:20]).any()
    assert np.isfinite(with_film[20:, 8:80]).all()
