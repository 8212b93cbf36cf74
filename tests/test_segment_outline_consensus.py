from __future__ import annotations

import numpy as np
import pytest
from pictures import ball_thickness, disc
from scipy.ndimage import gaussian_filter

from tem_track.movie import FloatArray, Image
from tem_track.segment.outline.consensus import _changing, odd_shapes
from tem_track.segment.outline.rays import ray_angles
from tem_track.segment.outline.stage import _Stage, outline_particles

SIZE = (110, 110)
COUNT, RAYS = 24, 96


def growing_radii() -> FloatArray:
    angles = ray_angles(RAYS)
    form = 1 + 0.05 * np.cos(2 * angles + 0.3)
    noise = np.random.default_rng(5).normal(0, 0.003, (COUNT, RAYS))
    return np.linspace(30, 36, COUNT)[:, None] * form * (1 + noise)


def centres() -> FloatArray:
    return np.tile([55.0, 55.0], (COUNT, 1))


def test_particles_that_grow_have_no_odd_shapes() -> None:
    assert odd_shapes(centres(), growing_radii()) == []


def test_a_bite_is_found_and_filled_without_moving_the_rest() -> None:
    radius = growing_radii()
    bitten = radius.copy()
    bitten[2, 20:30] *= 0.9
    (odd,) = odd_shapes(centres(), bitten)
    assert odd.row == 2
    assert odd.wrong[20:30].all()
    assert odd.wrong.sum() <= 14
    assert odd.radius == pytest.approx(radius[2], rel=0.012)
    assert odd.centre == pytest.approx(centres()[2], abs=0.1)


def test_a_shape_that_stays_is_no_bite() -> None:
    radius = growing_radii()
    radius[8:, 20:30] *= 0.9
    assert all(odd.row < 12 for odd in odd_shapes(centres(), radius))
    assert odd_shapes(centres()[12:], radius[12:]) == []


def test_tracks_of_a_few_frames_show_no_usual_shape() -> None:
    bitten = growing_radii()[:6]
    bitten[2, 20:30] *= 0.9
    assert odd_shapes(centres()[:6], bitten) == []


def test_a_notch_that_deepens_until_the_end_is_no_bite() -> None:
    radius = growing_radii()
    radius[:, 20:40] *= np.linspace(1, 0.75, COUNT)[:, None]
    assert odd_shapes(centres(), radius) == []
    assert odd_shapes(centres(), growing_radii()[:, ::-1] * radius / growing_radii()) == []


def test_a_direction_that_is_off_all_along_is_left_alone() -> None:
    wrong = np.zeros((COUNT, RAYS), bool)
    wrong[:, 20:30] = True
    assert _changing(wrong, np.where(wrong, -0.1, 0.0))[:, 20:30].all()
    wrong[3:] = False
    assert not _changing(wrong, np.where(wrong, -0.1, 0.0)).any()


def test_a_branch_that_grows_from_the_first_frame_is_no_bulge() -> None:
    radius = growing_radii()
    radius[:, 20:40] *= np.linspace(1, 1.3, COUNT)[:, None]
    assert odd_shapes(centres(), radius) == []


def test_a_bite_of_the_first_frames_is_one_however_long_the_track_stands_still_after_it() -> None:
    radius = growing_radii()
    radius[:5, 20:30] *= 0.9
    assert [odd.row for odd in odd_shapes(centres(), radius)] == [0, 1, 2, 3, 4]


def picture(k: int) -> Image:
    """A ball; in the first frames a grain at its rim is so pale that it hardly shows."""
    y, x = np.indices(SIZE) - 55.0
    thick = 0.02 * ball_thickness(SIZE, 55, 55, 30)
    pale = (k < 3) & (np.abs(np.arctan2(y, x)) < 0.25) & (np.hypot(y, x) > 22)
    thick = thick * np.where(pale, 0.02, 1.0)
    electrons = 150 * gaussian_filter(np.exp(-thick), 1.0)
    return np.random.default_rng(k).poisson(electrons).astype(np.float32)


def test_a_pale_grain_of_the_first_frames_takes_nothing_from_the_area(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [picture(k) for k in range(14)]
    labels = [(disc(SIZE, 55, 55, 29) > 0.5).astype(np.int32) * (np.indices(SIZE)[1] < (78 if k < 3 else 110))
              for k in range(14)]  # fmt: skip

    def areas() -> FloatArray:
        return outline_particles(
            frames, labels, drift_px=np.zeros((14, 2)), measured=set(), usable=np.ones(14, bool), polarity="dark"
        ).area_px

    agreed = areas()
    assert agreed == pytest.approx(np.pi * 900, rel=0.03)
    monkeypatch.setattr(_Stage, "agree_on_shapes", lambda self, rows: None)
    assert areas()[:3].mean() < agreed[:3].mean() - 0.01 * np.pi * 900
