"""Burned-in bars and text in movies, and particles that must not be taken for them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from pictures import ball_thickness
from test_drift_survey import moving_texture, rmse, walk

from tem_track.drift import find_fixed_pixels, survey_frames


def with_bar_and_clock(frames: NDArray[np.uint16]) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
    """Return frames with a white bar and a running clock drawn in, and the mask of all they ever cover."""
    drawn = frames.copy()
    ever = np.zeros(frames.shape[1:], bool)
    for k, frame in enumerate(drawn):
        ink = np.zeros(frame.shape, np.uint8)
        cv2.rectangle(ink, (10, 112), (50, 116), 255, -1)
        cv2.putText(ink, f"t = {37 * k:04d} s", (60, 118), cv2.FONT_HERSHEY_SIMPLEX, 0.35, 255, 1, cv2.LINE_8)
        frame[ink > 0] = 4000
        ever |= ink > 0
    return drawn, ever


def test_bar_and_clock_are_found_and_little_else() -> None:
    frames, ever = with_bar_and_clock(moving_texture(walk(20), 200))
    fixed = find_fixed_pixels(frames)
    assert (fixed & ever).sum() > 0.95 * ever.sum()
    assert fixed[:95].sum() == 0


def test_overlay_does_not_hold_the_drift() -> None:
    path = walk(20, step=1.0)
    frames, _ = with_bar_and_clock(moving_texture(path, 20))
    _, drift = survey_frames(frames, fixed=find_fixed_pixels(frames))
    assert rmse(drift.displacement_px, path) < 0.12


def test_nothing_is_fixed_in_a_plain_movie() -> None:
    assert find_fixed_pixels(moving_texture(walk(12), 5)).sum() == 0
    assert find_fixed_pixels(moving_texture(np.zeros((12, 2)), 200)).sum() == 0


def test_empty_vacuum_and_saturated_particles_are_specimen() -> None:
    rng = np.random.default_rng(4)
    thickness = ball_thickness((128, 128), 60.3, 20.8, 15) + ball_thickness((128, 128), 20.3, 100.8, 12)
    frames = np.minimum(rng.poisson(6 * thickness, (16, 128, 128)), 100).astype(np.uint8)
    assert find_fixed_pixels(frames).sum() == 0


def test_info_bar_of_a_movie_is_taken_whole() -> None:
    frames = moving_texture(walk(12), 100)
    frames[:, 104:] = 0
    frames[:, 110:113, 20:60] = 300
    fixed = find_fixed_pixels(frames)
    assert fixed[104:].all()
    assert not fixed[:100].any()


def test_scale_bar_of_a_single_image() -> None:
    frame = np.random.default_rng(5).normal(120, 6, (256, 256))
    frame -= 60 * (ball_thickness((256, 256), 100, 100, 40) > 0)
    frame[230:236, 20:80] = 255
    fixed = find_fixed_pixels(frame.clip(0, 255).astype(np.uint8)[None])
    assert fixed[230:236, 20:80].all()
    assert not fixed[:200].any()


def test_single_image_without_drawing() -> None:
    frame = np.random.default_rng(6).normal(120, 6, (256, 256))
    frame[ball_thickness((256, 256), 240, 40, 14) > 0] = 0
    assert find_fixed_pixels(frame.clip(0, 255).astype(np.uint8)[None]).sum() == 0


def test_pixels_that_are_black_by_chance_are_no_ink() -> None:
    rng = np.random.default_rng(7)
    # 2 % of the pixels of a dark background are as black as the box of a clock.
    frames = rng.poisson(6, (20, 240, 300)).astype(np.uint16)
    frames += rng.poisson(40 * ball_thickness((240, 300), 150, 150, 50) / 80, frames.shape).astype(np.uint16)
    frames[:, 4:28, 4:120] = 0
    for k, frame in enumerate(frames):
        ink = np.zeros(frame.shape, np.uint8)
        cv2.putText(ink, f"TIME {37 * k:4d}", (8, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1, cv2.LINE_8)
        frame[ink > 0] = 60
    fixed = find_fixed_pixels(frames)
    assert fixed[4:28, 4:120].all()
    # Two pixels around the box are taken as well.
    assert not fixed[30:].any()
    assert not fixed[:, 122:].any()
