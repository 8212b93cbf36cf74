"""Times, states, brightness and drift of a simulated recording."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tem_track.simulate import LithiationScene
from tem_track.simulate.course import course_of

SCENE = LithiationScene(frames=40, frame_interval_s=2.0, drift_px=0.4, flicker=0.0)


def test_dropped_frames_leave_a_gap_in_time() -> None:
    times = course_of(replace(SCENE, dropped=((10.0, 3.0),))).times_s
    assert times[9] == 18.0
    assert times[10] == 26.0
    assert len(times) == 40


def test_drift_starts_at_zero_and_has_the_stated_step() -> None:
    drift = course_of(replace(SCENE, frames=4000)).drift_px
    assert drift[0].tolist() == [0, 0]
    steps = np.hypot(*np.diff(drift, axis=0).T)
    assert np.sqrt(np.mean(steps**2)) == pytest.approx(0.4, rel=0.1)


def test_a_jump_moves_everything_after_it() -> None:
    still = course_of(SCENE).drift_px
    jumped = course_of(replace(SCENE, jumps=((20.0, 15.0, -7.0),))).drift_px
    assert jumped[:20] == pytest.approx(still[:20])
    assert jumped[20:] == pytest.approx(still[20:] + np.array([15, -7]))


def test_duplicates_show_the_frame_before_also_two_in_a_row() -> None:
    course = course_of(replace(SCENE, duplicate=(7, 8)))
    assert course.shown[6:10].tolist() == [6, 6, 6, 9]
    assert course.drift_px[8].tolist() == course.drift_px[6].tolist()
    assert course.state[6:10].tolist() == ["ok", "duplicate", "duplicate", "ok"]


def test_brightness_steps() -> None:
    brightness = course_of(replace(SCENE, illumination_steps=((12.0, 0.5),))).brightness
    assert brightness[[11, 12, 39]].tolist() == [1.0, 0.5, 0.5]


def test_blur_widens_one_frame_only() -> None:
    course = course_of(replace(SCENE, blurred=((5.0, 3.0),), defocus_wander=0.0))
    assert course.psf_px[5] == pytest.approx(np.hypot(0.8, 3.0))
    assert course.psf_px[[4, 6]].tolist() == [0.8, 0.8]
