from __future__ import annotations

import numpy as np
import pytest
from growing_movie import SHAPE

from tem_track.front.growth.find import Growth
from tem_track.front.growth.objects import grown_objects

Y, X = np.indices((60, 80))


def growth_of(start: np.ndarray, blur: float = 0.0) -> Growth:
    start = start.astype(np.float32)
    ones = np.ones_like(start)
    return Growth(start, np.full_like(start, np.inf), 0 * ones, 100 * ones, ones, blur)


def spreading(y: float, x: float, from_frame: float, speed: float, reach: float) -> np.ndarray:
    away = np.hypot(Y - y, X - x)
    return np.where(away <= reach, from_frame + away / speed, np.inf)


STILL = np.zeros((30, 2))


def test_two_that_grow_into_one_become_a_new_one() -> None:
    start = np.minimum(spreading(30, 25, 2, 1, 12), spreading(30, 45, 4, 1, 12))
    objects = grown_objects(growth_of(start), STILL, (60, 80))
    assert {row.track_id for row in objects.rows} == {1, 2, 3}
    [(frame, product, parents)] = objects.merged
    assert (product, parents) == (3, (1, 2))
    assert max(row.frame for row in objects.rows if row.track_id == 1) == frame - 1
    assert objects.labels[29].max() == 3


def test_a_speck_that_is_taken_in_does_not_change_the_number() -> None:
    start = np.minimum(spreading(30, 25, 0, 1, 20), spreading(30, 40, 8, 1, 2))
    objects = grown_objects(growth_of(start), STILL, (60, 80))
    largest = max(objects.rows, key=lambda row: row.area_px)
    assert largest.track_id == 1
    assert not objects.merged
    assert min(row.frame for row in objects.rows if row.track_id == 1) == 0


def test_what_stays_tiny_or_lasts_a_moment_is_no_object() -> None:
    tiny = np.full((60, 80), np.inf)
    tiny[10:13, 10:13] = 3
    assert not grown_objects(growth_of(tiny), STILL, (60, 80)).rows
    late = np.full((60, 80), np.inf)
    late[10:30, 10:30] = 28
    assert not grown_objects(growth_of(late), STILL, (60, 80)).rows


def test_holes_belong_to_the_object_and_the_blur_is_added_back() -> None:
    start = spreading(30, 40, 2, 4, 12)
    start[np.hypot(Y - 30, X - 40) < 3] = np.inf
    plain = grown_objects(growth_of(start), STILL, (60, 80)).rows[-1].area_px
    assert plain == (np.hypot(Y - 30, X - 40) <= 12).sum()
    blurred = grown_objects(growth_of(start, blur=2.0), STILL, (60, 80)).rows[-1].area_px
    assert blurred - plain == pytest.approx(np.pi * 4)


def test_the_border_of_the_recorded_frame_is_what_cuts() -> None:
    start = spreading(30, 60, 2, 4, 12)
    drift = STILL.copy()
    drift[20:, 1] = 10
    objects = grown_objects(growth_of(start), drift, (60, 80))
    cut = {row.frame: row.touches_border for row in objects.rows}
    assert not cut[19]
    assert cut[20]
    drift[25] = np.nan
    assert not grown_objects(growth_of(start), drift, (60, 80)).labels[25].any()


def test_no_growth_gives_empty_label_images() -> None:
    objects = grown_objects(None, STILL, SHAPE)
    assert len(objects.labels) == 30
    assert not any(image.any() for image in objects.labels)
