"""The survey of movies with a known path, bad frames and nothing to see."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import scipy.fft
from numpy.typing import NDArray

from tem_track.drift import FrameQuality, survey_frames
from tem_track.settings import DriftSettings


def texture(size: int, seed: int = 3) -> NDArray[np.float64]:
    """Return a periodic random texture with mean 1, structure from 3 to 20 px."""
    rng = np.random.default_rng(seed)
    ky = scipy.fft.fftfreq(size)[:, None]
    kx = scipy.fft.fftfreq(size)[None]
    band = np.exp(-0.5 * (np.hypot(ky, kx) / 0.06) ** 2)
    field = scipy.fft.ifft2(scipy.fft.fft2(rng.standard_normal((size, size))) * band).real
    return 1 + 0.2 * field / field.std()


def moving_texture(
    path: NDArray[np.float64], dose: float, size: int = 128, seed: int = 3, gain: NDArray[np.float64] | None = None
) -> NDArray[np.uint16]:
    """Return frames (T, size, size) of a texture displaced exactly by path (T, 2), with Poisson noise."""
    rng = np.random.default_rng(seed)
    big = texture(2 * size, seed)
    spectrum = scipy.fft.fft2(big)
    ky, kx = scipy.fft.fftfreq(2 * size)[:, None], scipy.fft.fftfreq(2 * size)[None]
    edge = size // 2
    frames = []
    for dy, dx in path:
        there = scipy.fft.ifft2(spectrum * np.exp(-2j * np.pi * (ky * dy + kx * dx))).real
        seen = np.clip(there[edge : edge + size, edge : edge + size], 0, None) * (1.0 if gain is None else gain)
        frames.append(rng.poisson(dose * seen))
    return np.array(frames, dtype=np.uint16)


def walk(count: int, seed: int = 5, step: float = 0.5) -> NDArray[np.float64]:
    path = np.cumsum(np.random.default_rng(seed).normal(0, step, (count, 2)), axis=0)
    return path - path[0]


def rmse(found: NDArray[np.float64], path: NDArray[np.float64]) -> float:
    off = found - path
    off = off - np.median(off, axis=0)
    return float(np.sqrt((off**2).sum(axis=1).mean()))


def test_known_path_is_found() -> None:
    path = walk(20)
    quality, drift = survey_frames(moving_texture(path, 200))
    assert quality.usable.all()
    assert rmse(drift.displacement_px, path) < 0.06
    assert np.abs(drift.displacement_px[0]).max() == 0


def test_jump_of_half_the_field_is_followed() -> None:
    path = walk(12)
    path[6:] += [60.0, -50.0]
    _, drift = survey_frames(moving_texture(path, 200))
    assert rmse(drift.displacement_px, path) < 0.15


def test_bad_frames_are_named_and_the_path_goes_on_across_them() -> None:
    path = walk(24)
    frames = moving_texture(path, 200)
    rng = np.random.default_rng(0)
    frames[6] = rng.poisson(200, frames[6].shape)
    frames[7] = 0
    frames[12], path[12] = frames[11], path[11]
    frames[17] = cv2.GaussianBlur(frames[17].astype(np.float32), (0, 0), 4)
    frames[20, 50:] = 0
    quality, drift = survey_frames(frames, known_bad={22: "repeats frame 21 of the video"})
    reasons = {k: words for k, words in enumerate(quality.reason) if words}
    assert reasons == {
        6: "blank",
        7: "blank",
        12: "duplicate of frame 11",
        17: "blurred",
        20: "torn",
        22: "repeats frame 21 of the video",
    }
    assert np.isnan(drift.displacement_px[[6, 7]]).all()
    good = drift.registered
    assert good.sum() == 22
    assert rmse(drift.displacement_px[good], path[good]) < 0.1
    assert (drift.displacement_px[12] == drift.displacement_px[11]).all()


def test_steady_noise_free_frames_are_no_duplicates_unless_equal() -> None:
    path = np.stack([np.arange(8) * 0.15, np.zeros(8)], axis=1)
    frames = moving_texture(path, 1e9 / 2**15)
    frames[5] = frames[4]
    quality, _ = survey_frames(frames)
    assert [k for k, words in enumerate(quality.reason) if words] == [5]


def test_fixed_pattern_and_vignetting_do_not_hold_the_path_at_zero() -> None:
    rng = np.random.default_rng(1)
    yy, xx = np.mgrid[-1:1:128j, -1:1:128j]
    gain = (1 + 0.03 * rng.standard_normal((128, 128))) * (1 - 0.3 * (yy**2 + xx**2))
    path = walk(15)
    _, drift = survey_frames(moving_texture(path, 50, gain=gain))
    assert rmse(drift.displacement_px, path) < 0.12


def test_noise_alone_cannot_be_registered() -> None:
    frames = np.random.default_rng(2).poisson(30, (8, 128, 128)).astype(np.uint16)
    _, drift = survey_frames(frames)
    assert not drift.registered[1:].any()
    assert all(drift.reason[1:])


def test_one_frame_is_a_movie() -> None:
    quality, drift = survey_frames(moving_texture(np.zeros((1, 2)), 100))
    assert quality.usable.tolist() == [True]
    assert drift.displacement_px.tolist() == [[0.0, 0.0]]


def test_registration_can_be_switched_off() -> None:
    _, drift = survey_frames(moving_texture(walk(4, step=3.0), 100), settings=DriftSettings(enabled=False))
    assert (drift.displacement_px == 0).all()


@pytest.mark.parametrize("binned", [1040])
def test_binned_frames_give_the_drift_in_recorded_pixels(binned: int) -> None:
    small = moving_texture(np.array([[0.0, 0.0], [4.0, -6.0]]), 2000, size=binned // 4)
    large = np.kron(small, np.ones((4, 4), np.uint16))
    quality, drift = survey_frames(large)
    assert isinstance(quality, FrameQuality)
    assert drift.displacement_px[1] == pytest.approx([16.0, -24.0], abs=0.2)


def test_particles_alike_are_not_taken_for_each_other_while_they_grow() -> None:
    # Two bright discs on a faint texture: the second looks, once grown, as the first did a moment before.
    count, size = 24, 160
    path = walk(count, step=0.3)
    yy, xx = np.indices((size, size))
    support = 0.02 * (texture(size, 9) - 1)
    rng = np.random.default_rng(7)
    frames = []
    for k, (dy, dx) in enumerate(path):
        radii = np.interp(k, (4, 12), (11, 17)), np.interp(k, (8, 16), (10, 16))
        places = ((55.0, 50.0), (100.0, 115.0))
        thick = sum(
            np.sqrt(np.clip(r**2 - (yy - y - dy) ** 2 - (xx - x - dx) ** 2, 0, None)) * 11**2 / r**2
            for r, (y, x) in zip(radii, places, strict=True)
        )
        frames.append(rng.poisson(30 * (1 + support + 0.15 * thick)))
    _, drift = survey_frames(np.array(frames, np.uint16))
    assert np.abs(drift.displacement_px - path).max() < 6
