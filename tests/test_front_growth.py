from __future__ import annotations

import numpy as np
import pytest
from growing_movie import SHAPE, growing_frames, radius
from numpy.typing import NDArray

from tem_track.front.growth.find import _bands, find_growth
from tem_track.front.growth.objects import GrownObjects, grown_objects

STILL = np.zeros((40, 2))
ALL = np.ones(40, bool)


def objects_in(frames: NDArray[np.float32], drift: NDArray[np.float64] = STILL, bright: bool = True) -> GrownObjects:
    growth = find_growth(frames, drift, usable=ALL[: len(frames)], bright=bright)
    return grown_objects(growth, drift, SHAPE)


def areas(objects: GrownObjects, count: int = 40) -> NDArray[np.float64]:
    found = np.zeros(count)
    for row in objects.rows:
        found[row.frame] += row.area_px
    return found


TRUTH = np.array([np.pi * radius(k) ** 2 for k in range(40)])


@pytest.mark.parametrize(("noise", "error"), [(2.0, 0.02), (15.0, 0.03)])
def test_the_area_of_a_disc_that_grows_over_bright_and_dark(noise: float, error: float) -> None:
    found = areas(objects_in(growing_frames(noise=noise)))
    large = TRUTH > 60
    assert np.abs(found[large] / TRUTH[large] - 1).mean() < error
    assert not found[:9].any()


def test_uncertainties_hold_the_truth() -> None:
    objects = objects_in(growing_frames(noise=8.0, seed=4))
    rows = [row for row in objects.rows if TRUTH[row.frame] > 60]
    inside = [abs(row.area_px - TRUTH[row.frame]) <= 2 * row.area_sd_px for row in rows]
    assert np.mean(inside) > 0.9
    assert np.median([row.area_sd_px / row.area_px for row in rows]) < 0.08


def test_nothing_grows_nothing_is_found() -> None:
    for noise in (2.0, 30.0):
        assert find_growth(growing_frames(noise=noise, onset=1e9), STILL, usable=ALL) is None


def test_dark_objects_are_bright_ones_turned_round() -> None:
    frames = 500 - growing_frames(noise=4.0)
    found = areas(objects_in(frames.astype(np.float32), bright=False))
    assert found[-1] == pytest.approx(TRUTH[-1], rel=0.03)
    assert not objects_in(frames.astype(np.float32), bright=True).rows


def test_an_object_that_shrinks_again_loses_its_area() -> None:
    grow, shrink = growing_frames(24, noise=3.0, speed=0.8), growing_frames(24, noise=3.0, speed=0.8, seed=9)[::-1]
    frames = np.concatenate([grow, shrink])
    growth = find_growth(frames, np.zeros((48, 2)), usable=np.ones(48, bool))
    found = areas(grown_objects(growth, np.zeros((48, 2)), SHAPE), 48)
    truth = np.array([np.pi * radius(k, speed=0.8) ** 2 for k in [*range(24), *reversed(range(24))]])
    large = truth > 100
    assert np.abs(found[large] / truth[large] - 1).mean() < 0.08
    assert found[-3:].sum() < 30


def test_drift_is_followed_and_labels_lie_in_the_recorded_frames() -> None:
    drift = np.stack([np.arange(40) * 0.15, np.arange(40) * -0.1], axis=1).round()
    drift[0] = 0
    objects = objects_in(growing_frames(drift=drift, noise=4.0), drift)
    assert areas(objects)[-1] == pytest.approx(TRUTH[-1], rel=0.03)
    y, x = np.nonzero(objects.labels[39])
    assert (y.mean(), x.mean()) == pytest.approx((34 + drift[39, 0], 40 + drift[39, 1]), abs=0.3)
    assert objects.rows[-1].y_px == pytest.approx(34, abs=0.3)


def test_unusable_frames_are_bridged() -> None:
    frames, usable = growing_frames(noise=4.0), ALL.copy()
    for k in (15, 25):
        frames[k], usable[k] = 0, False
    found = areas(grown_objects(find_growth(frames, STILL, usable=usable), STILL, SHAPE))
    assert 0.95 * TRUTH[24] < found[25] < 1.05 * TRUTH[26]


def test_an_object_from_before_the_movie_is_known_as_such() -> None:
    objects = objects_in(growing_frames(onset=-15.0, noise=5.0))
    assert objects.standing() == {1}
    assert areas(objects)[-1] == pytest.approx(np.pi * 14**2, rel=0.03)
    assert objects_in(growing_frames(noise=5.0)).standing() == set()


def test_too_few_frames_say_nothing() -> None:
    assert find_growth(growing_frames(5), np.zeros((5, 2)), usable=np.ones(5, bool)) is None


def test_bands_cover_the_pieces_once() -> None:
    pieces = np.zeros((500, 600), np.int32)
    pieces[100:400, 50:550] = 1
    bands = _bands(pieces, 8, (4000, 4800))
    rows = np.concatenate([np.arange(core.start, core.stop) for core, _ in bands])
    assert len(bands) > 2
    assert np.array_equal(rows, np.arange(rows[0], rows[-1] + 1))
    assert rows[0] <= 800
    assert rows[-1] >= 3199
    assert all(window[0].start <= core.start and core.stop <= window[0].stop for core, window in bands)


def test_bands_do_not_change_what_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = growing_frames(noise=4.0)
    whole = areas(objects_in(frames))
    monkeypatch.setattr("tem_track.front.growth.find._BAND_PX", 2400)
    assert np.abs(areas(objects_in(frames)) - whole).max() < 0.03 * whole.max()
