from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pictures import ball_thickness, disc
from scipy.ndimage import gaussian_filter

from tem_track.movie import FloatArray, Labels
from tem_track.segment.outline.again import another
from tem_track.segment.outline.members import Memory, recent_shape
from tem_track.segment.outline.scene import _circle, _may_meet, _meet
from tem_track.segment.outline.stage import outline_particles, together
from tem_track.segment.outline.start import starts_from_labels

SIZE = (120, 200)


def two(apart: float) -> Labels:
    left, right = (disc(SIZE, 60, x, 20) > 0.5 for x in (60, 60 + apart))
    return (left + 2 * (right & ~left)).astype(np.int32)


def starts(labels: Labels) -> list:
    return starts_from_labels(labels, lambda track: True)


def test_particles_may_meet_only_where_rays_reach_others_of_their_frame() -> None:
    near = [*starts(two(45)), *starts(two(95))]
    frame = np.array([0, 0, 1, 1])
    assert _may_meet(near, frame, None)[0].tolist() == [[0, 1]]
    assert _may_meet(near[:2], np.array([0, 1]), None)[0].tolist() == []
    assert not _may_meet(near, frame, None)[1].any()


def test_a_fixed_pixel_in_reach_is_met_by_one_particle() -> None:
    fixed = np.zeros(SIZE, bool)
    fixed[60, 90:95] = True
    assert _may_meet(starts(two(95)), np.zeros(2, np.intp), fixed)[1].tolist() == [True, False]


def test_outlines_meet_as_far_as_their_rays_reach_now() -> None:
    def meet(apart: float, radius: float) -> bool:
        circles = _circle(np.array([[0.0, 0.0], [0.0, apart]]), np.full((2, 48), radius), 1)
        return bool(_meet(circles[:1], circles[1:])[0])

    assert meet(45, 20)
    assert not meet(45, 12)
    assert not meet(60, 20)


def test_frames_are_worked_on_together_by_particles_and_pixels() -> None:
    few, many = np.array([[0, 1]], np.int32), np.arange(300, dtype=np.int32)[None]
    assert [len(part) for part in together(list(range(30)), [few] * 30)] == [12, 12, 6]
    assert [len(part) for part in together(list(range(3)), [many] * 3)] == [1, 1, 1]
    assert together([], []) == []
    large = np.zeros((4096, 2048), np.int32)
    assert max(len(part) for part in together(list(range(4)), [large] * 4)) == 1


def grown(radius: float, label: float, centre: tuple[float, float] = (50.0, 50.0)) -> bool:
    circle = np.full(48, 30.0)
    memory = Memory(
        3, np.zeros(10), np.array([50.0, 50.0]), circle, np.ones(48), np.zeros(2), 30.0 / 29.0, 1.0, np.ones(48, bool)
    )
    return another(4, np.array(centre), circle * radius / 30, label, memory, np.zeros((5, 2)))


def test_growth_that_the_label_shows_makes_no_other_outline() -> None:
    assert not grown(30.0, 29.0)
    assert grown(32.0, 29.0)
    assert not grown(32.0, 29.0 * 32 / 30)
    assert grown(30.0, 29.0 * 32 / 30, centre=(52.0, 50.0))


def test_a_particle_that_jumped_has_no_outline_to_start_from() -> None:
    assert grown(30.0, 29.0, centre=(55.0, 50.0))
    assert not grown(30.0, 29.0, centre=(80.0, 50.0))


def test_outlines_hardly_depend_on_how_many_frames_are_worked_on_together(monkeypatch: pytest.MonkeyPatch) -> None:
    radii = np.linspace(20, 22, 6)
    thick = [0.03 * (ball_thickness(SIZE, 60, 60, r) + ball_thickness(SIZE, 60, 110, 19)) for r in radii]
    frames = [
        np.random.default_rng(k).poisson(200 * gaussian_filter(np.exp(-t), 1.0)).astype(np.float32)
        for k, t in enumerate(thick)
    ]

    def areas() -> FloatArray:
        return outline_particles(
            frames,
            [two(50)] * 6,
            drift_px=np.zeros((6, 2)),
            measured=set(),
            usable=np.ones(6, bool),
            polarity="dark",
        ).area_px

    at_once = areas()
    monkeypatch.setattr("tem_track.segment.outline.stage._FRAMES_TOGETHER", 2)
    assert areas() == pytest.approx(at_once, rel=0.004)
    assert at_once[::2] == pytest.approx(np.pi * radii**2, rel=0.02)


def test_what_a_neighbour_hides_is_remembered_as_it_was_shown() -> None:
    round_, bulged = np.ones(48), np.ones(48)
    bulged[10:14] = 1.1
    hidden = np.ones(48, bool)
    hidden[10:14] = False

    def after(known: bool) -> FloatArray:
        start = hidden | known
        memory = Memory(0, np.zeros(10), np.zeros(2), round_, round_, np.zeros(2), 1.0, 1.0, start)
        for _ in range(30):
            shape, seen = recent_shape(bulged / bulged.mean(), memory, hidden)
            memory = replace(memory, shape=shape, known=seen)
        return memory.shape / memory.shape[0]

    assert after(known=True)[11] == pytest.approx(1.0, abs=0.002)
    # What no frame has ever shown is all that there is to go by.
    assert after(known=False)[11] == pytest.approx(1.1, abs=0.002)
