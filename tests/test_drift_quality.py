"""Judging frames by what the survey noted of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tem_track.drift.quality import Traits, judge

GOOD = Traits(level=100.0, structure=1.0, power=2.0, repeat=0.02, constant_rows=0.0)


def movie(count: int = 40) -> list[Traits]:
    scatter = np.random.default_rng(0).normal(1, 0.02, count)
    return [replace(GOOD, structure=float(s)) for s in scatter]


def test_good_frames_are_usable() -> None:
    assert judge(movie(), np.full(40, 0.5), {}).usable.all()


def test_each_fault_is_named() -> None:
    noted, linked = movie(), np.full(40, 0.5)
    noted[5], linked[5] = replace(GOOD, structure=0.1), 0.0
    noted[9] = replace(GOOD, structure=0.6)
    noted[14] = replace(GOOD, repeat=0.999)
    noted[15] = replace(GOOD, repeat=0.999)
    noted[20] = replace(GOOD, constant_rows=0.4)
    quality = judge(noted, linked, {30: "repeated video frame"})
    assert {k: words for k, words in enumerate(quality.reason) if words} == {
        5: "blank",
        9: "blurred",
        14: "duplicate of frame 13",
        15: "duplicate of frame 13",
        20: "torn",
        30: "repeated video frame",
    }
    assert quality.repeats[15] == 13


def test_a_burst_of_blur_is_found() -> None:
    noted = movie()
    for k in (18, 19, 20, 21):
        noted[k] = replace(GOOD, structure=0.55)
    assert np.flatnonzero(~judge(noted, np.full(40, 0.5), {}).usable).tolist() == [18, 19, 20, 21]


def test_growth_fading_and_a_step_are_no_blur() -> None:
    trend = np.linspace(0.2, 2, 40)
    step = np.where(np.arange(40) < 20, 0.5, 1.0)
    for course in (trend, trend[::-1], step, step[::-1]):
        assert judge([replace(GOOD, structure=float(s)) for s in course], np.full(40, 0.5), {}).usable.all()


def test_paling_before_a_fracture_is_no_blur() -> None:
    # A steep stage takes structure away over ten frames; the edges of the pieces bring some back at once.
    course = np.interp(np.arange(50), (0, 4, 12, 15, 16, 49), (1.45, 1.4, 0.6, 0.6, 1.0, 1.05))
    scatter = np.random.default_rng(1).normal(1, 0.02, 50)
    noted = [replace(GOOD, structure=float(s)) for s in course * scatter]
    assert judge(noted, np.full(50, 0.5), {}).usable.all()


def test_a_frame_with_a_counterpart_is_not_blank() -> None:
    noted = movie()
    noted[5] = replace(GOOD, structure=0.1)
    assert judge(noted, np.full(40, 0.5), {}).reason[5] == "blurred"


def test_borders_that_move_are_no_tears() -> None:
    noted = [replace(t, constant_rows=0.05 * (k % 4)) for k, t in enumerate(movie())]
    assert judge(noted, np.full(40, 0.5), {}).usable.all()
