"""Frames in specimen coordinates, and their means."""

from __future__ import annotations

import numpy as np
import pytest

from tem_track.front.frames.mean import early_mean, late_mean
from tem_track.front.frames.registered import RegisteredFrames, sampled_at
from tem_track.front.smoothing import noise_sigma, smoothed


def ramp_movie(drift: np.ndarray, shape: tuple[int, int] = (40, 50)) -> np.ndarray:
    """Return frames of the specimen 100 + y + 2 x, displaced by the drift."""
    y, x = np.indices(shape, dtype=float)
    return np.stack([100 + (y - dy) + 2 * (x - dx) for dy, dx in drift]).astype(np.float32)


DRIFT = np.array([[0.0, 0.0], [1.5, -2.25], [-3.0, 4.0]])


@pytest.mark.parametrize("binning", [1, 2])
def test_drift_is_taken_out(binning: int) -> None:
    registered = RegisteredFrames(ramp_movie(DRIFT), DRIFT, None, binning)
    first, _ = registered(0)
    for k in (1, 2):
        image, seen = registered(k)
        inner = seen.copy()
        inner[[0, -1]] = inner[:, [0, -1]] = False
        # Two px within the border cubic interpolation repeats it.
        assert np.abs(image - first)[4:-4, 4:-4][seen[4:-4, 4:-4]].max() < 1e-2


def test_what_is_seen_is_what_the_frame_holds() -> None:
    _, seen = RegisteredFrames(ramp_movie(DRIFT), DRIFT, None)(2)
    assert not seen[:3].any()
    assert not seen[:, -4:].any()
    assert seen[3:, :-4].all()


def test_a_shift_beyond_the_field_repeats_its_border() -> None:
    picture = ramp_movie(DRIFT)[0]
    for dy, dx in ((60.0, 0.0), (-60.5, 3.0), (5.0, 90.25), (-3.5, -80.0)):
        rows = np.clip(np.arange(40) + dy, 0, 39)
        columns = np.clip(np.arange(50) + dx, 0, 49)
        expected = 100 + rows[:, None] + 2 * columns[None, :]
        assert np.abs(sampled_at(picture, dy, dx) - expected).max() < 0.6


def test_camera_pixels_are_not_seen_where_they_lie() -> None:
    fixed = np.zeros((40, 50), bool)
    fixed[20, 30] = True
    _, seen = RegisteredFrames(ramp_movie(DRIFT), DRIFT, fixed)(2)
    assert not seen[23, 26]
    assert seen[20, 30]


def test_means_take_the_ends_of_the_movie() -> None:
    frames = np.stack([np.full((20, 20), 10.0 if k < 30 else 4.0, np.float32) for k in range(60)])
    drift, usable = np.zeros((60, 2)), np.ones(60, bool)
    usable[0] = False
    assert early_mean(frames, drift, usable)[5, 5] == 10
    assert late_mean(frames, drift, usable)[5, 5] == 4


def test_a_pixel_is_averaged_before_its_own_arrival_only() -> None:
    frames = np.stack([np.full((20, 20), 10.0 if k < 5 else 2.0, np.float32) for k in range(40)])
    arrival = np.full((20, 20), 5.0, np.float32)
    mean = early_mean(frames, np.zeros((40, 2)), np.ones(40, bool), arrival_frame=arrival, count=20)
    assert mean[3, 3] == 10


def test_a_mean_of_frames_of_different_brightness_has_no_step() -> None:
    brightness = np.where(np.arange(40) < 10, 1.0, 1.5)
    frames = np.stack([np.full((20, 60), 10.0 * b, np.float32) for b in brightness])
    arrival = np.full((20, 60), np.nan, np.float32)
    arrival[:, 30:] = 8.0
    for where in (arrival, None):
        mean = early_mean(frames, np.zeros((40, 2)), np.ones(40, bool), arrival_frame=where, count=40)
        assert np.abs(mean - 10).max() < 1e-3


def test_no_frame_is_an_error() -> None:
    with pytest.raises(ValueError, match="no usable"):
        early_mean(ramp_movie(DRIFT), DRIFT, np.zeros(3, bool))


def test_smoothing_leaves_gaps_and_does_not_bleed() -> None:
    image = np.full((30, 30), 2.0, np.float32)
    image[10:20, 10:20] = np.nan
    calm = smoothed(image, 2.0)
    assert np.isnan(calm[10:20, 10:20]).all()
    assert np.allclose(calm[np.isfinite(calm)], 2.0, atol=1e-5)


def test_noise_sigma_brings_noise_down_to_what_is_wanted() -> None:
    assert noise_sigma(0.05, 0.08, 4.0) == 0
    sigma = noise_sigma(0.5, 0.08, 4.0)
    noisy = np.random.default_rng(2).standard_normal((300, 300)).astype(np.float32) * 0.5
    assert abs(float(smoothed(noisy, sigma).std()) - 0.08) < 0.008
    assert noise_sigma(50.0, 0.08, 4.0) == 4.0


def test_a_border_that_moves_is_not_seen() -> None:
    frames = ramp_movie(DRIFT)
    frames[1, :6] = 0
    registered = RegisteredFrames(
        frames, DRIFT, None, window=lambda frame: (6 if (frame[:6] == 0).all() else 0, 40, 0, 50)
    )
    first, _ = registered(0)
    image, seen = registered(1)
    # Row 6 of frame 1 is row 4.5 of the specimen; two rows of the rim are not trusted.
    assert not seen[:7].any()
    assert seen[7:38, 3:].all()
    assert np.abs(image - first)[9:-4, 6:-4].max() < 1e-2
