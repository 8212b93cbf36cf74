from __future__ import annotations

import numpy as np
import pytest
from growing_movie import BRIGHT, DARK, SHAPE, growing_frames

from tem_track.front.frames.registered import RegisteredFrames
from tem_track.front.growth.frames import CoarseFrames, EvenFrames, MeanBefore, mean_of


def lit_frames(count: int = 6) -> np.ndarray:
    """Return frames in which nothing grows, each in a light of its own."""
    frames = growing_frames(count, noise=0.5, onset=1e9)
    y, x = np.linspace(-1, 1, SHAPE[0])[:, None], np.linspace(-1, 1, SHAPE[1])[None, :]
    return np.stack([frame * np.exp(0.02 * k + 0.01 * k * y - 0.01 * k * x * x) for k, frame in enumerate(frames)])


def test_the_light_of_every_frame_is_taken_out() -> None:
    frames, drift = lit_frames().astype(np.float32), np.zeros((6, 2))
    coarse = CoarseFrames(frames, drift, None, [0], True)
    first, _ = coarse(0)
    for k in range(6):
        np.testing.assert_allclose(coarse(k)[0] / first, 1, atol=0.05)
        assert abs(float(np.mean(coarse(k)[0] / first)) - 1) < 0.004
    window = (slice(10, 40), slice(20, 70))
    even = EvenFrames(frames, drift, None, coarse.light, window, True)
    np.testing.assert_allclose(even(5)[0], coarse(5)[0][window], rtol=1e-4)


def test_an_object_that_grows_does_not_pull_the_light() -> None:
    frames = growing_frames(30, noise=1.0)
    coarse = CoarseFrames(frames, np.zeros((30, 2)), None, [0, 1, 2], True)
    away = (slice(0, 12), slice(0, SHAPE[1]))
    assert abs(coarse(29)[0][away].mean() / coarse(0)[0][away].mean() - 1) < 0.005


def test_a_window_shows_what_the_whole_registered_frame_shows() -> None:
    drift = np.array([[0.0, 0.0], [2.3, -1.6], [-30.0, 5.0], [200.0, 0.0]])
    frames = growing_frames(4, onset=-20)
    whole = RegisteredFrames(frames, drift, None)
    window = (slice(5, 50), slice(30, 75))
    even = EvenFrames(frames, drift, None, CoarseFrames(frames, drift, None, [0], True).light, window, True)
    for k in range(4):
        image, seen = whole(k)
        here, shown = even(k)
        assert (shown == seen[window]).mean() > 0.97
        both = shown & seen[window]
        np.testing.assert_allclose(here[both], image[window][both], rtol=1e-3, atol=0.05)
    assert not even(3)[1].any()


def test_dark_turns_the_frames_round() -> None:
    frames, drift = growing_frames(3), np.zeros((3, 2))
    bright, dark = (CoarseFrames(frames, drift, None, [0], sign) for sign in (True, False))
    np.testing.assert_allclose(bright(1)[0], -dark(1)[0])


def test_mean_before_each_pixels_own_change() -> None:
    until = np.full(SHAPE, np.inf, np.float32)
    until[:10] = 2
    mean = MeanBefore(SHAPE, until)
    for k in range(5):
        mean.add(k, np.full(SHAPE, float(k), np.float32), np.ones(SHAPE, bool))
    found, deviation = mean.result()
    assert found[0, 0] == pytest.approx(0.5)
    assert found[20, 0] == pytest.approx(2.0)
    assert deviation[20, 0] == pytest.approx(np.std(range(5), ddof=1))


def test_a_pixel_that_is_never_seen_has_no_mean() -> None:
    frames = growing_frames(3)
    fixed = np.zeros(SHAPE, bool)
    fixed[:5] = True
    found, _ = mean_of(RegisteredFrames(frames, np.zeros((3, 2)), fixed), [0, 1, 2], SHAPE)
    assert np.isnan(found[2, 2])
    assert DARK - 20 < float(found[30, 60]) < BRIGHT
