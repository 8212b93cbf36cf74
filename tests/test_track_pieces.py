"""The pieces of the tracking room on pictures with closed-form answers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from tem_track.track.hindsight import crack_opened
from tem_track.track.match import Candidates, Explanation, assigned, explain_frame, reach_px
from tem_track.track.necks import hull_area, measure_neck, notch
from tem_track.track.regions import measure_overlaps, measure_regions, renumbered, shifted
from tem_track.track.shapes import Shape, cut_shape, paint, parts_image, split_region, with_hidden_part


def disc(size: tuple[int, int], y: float, x: float, radius: float) -> np.ndarray:
    yy, xx = np.indices(size)
    inside: np.ndarray = (yy - y) ** 2 + (xx - x) ** 2 <= radius**2
    return inside


# regions


def test_regions_agree_with_a_count_pixel_by_pixel() -> None:
    rng = np.random.default_rng(1)
    labels = (rng.integers(0, 6, (9, 13)) * 7).astype(np.int32)
    regions = measure_regions(labels)
    assert regions.number.tolist() == [n for n in np.unique(labels).tolist() if n]
    for i, number in enumerate(regions.number):
        y, x = np.nonzero(labels == number)
        assert regions.area[i] == len(y)
        assert regions.y[i] == pytest.approx(y.mean())
        assert regions.x[i] == pytest.approx(x.mean())
        assert regions.box[i].tolist() == [y.min(), x.min(), y.max() + 1, x.max() + 1]
        assert regions.at_border[i] == bool(((y == 0) | (x == 0) | (y == 8) | (x == 12)).any())


def test_a_region_does_not_run_on_from_one_row_into_the_next() -> None:
    labels = np.array([[0, 0, 3], [3, 0, 0]], np.int32)
    assert measure_regions(labels).x.tolist() == [1.0]


def test_an_empty_image_has_no_regions() -> None:
    empty = np.zeros((4, 5), np.int32)
    assert len(measure_regions(empty)) == 0
    assert len(measure_overlaps(empty, empty).count) == 0


def test_overlaps_agree_with_a_count_pixel_by_pixel() -> None:
    rng = np.random.default_rng(2)
    first, second = (rng.integers(0, 4, (8, 11)).astype(np.int32) for _ in range(2))
    shared = measure_overlaps(first, second)
    found = dict(zip(zip(shared.first.tolist(), shared.second.tolist(), strict=True), shared.count, strict=True))
    wanted = {(a, b): ((first == a) & (second == b)).sum() for a in (1, 2, 3) for b in (1, 2, 3)}
    assert found == {pair: n for pair, n in wanted.items() if n}


@pytest.mark.parametrize("high", [9, 2_000_000_000])
def test_renumbering_leaves_nothing_unlisted(high: int) -> None:
    labels = np.array([[0, 4, high], [2, 2, 4]], np.int32)
    new = renumbered(labels, np.array([2, high]), np.array([7, 5]))
    assert new.tolist() == [[0, 0, 5], [7, 7, 0]]


def test_shifting_brings_in_background() -> None:
    labels = np.arange(1, 7, dtype=np.int32).reshape(2, 3)
    assert shifted(labels, 1, -1).tolist() == [[0, 0, 0], [2, 3, 0]]
    assert not shifted(labels, 2, 0).any()


# shapes


def test_a_shape_goes_along_the_drift_and_covers_nothing() -> None:
    labels = np.zeros((10, 10), np.int32)
    labels[2:4, 2:5] = 3
    shape = cut_shape(labels, 3, (2, 2, 4, 5), (1, 1))
    after = np.zeros((10, 10), np.int32)
    after[5, 6] = 8
    assert paint(after, 3, shape, (4, 5)) == 6
    assert (after == 3).sum() == 5
    assert after[5, 6] == 8
    assert paint(np.zeros((10, 10), np.int32), 3, shape, (8, 5)) == 3


def test_what_the_border_hides_is_remembered() -> None:
    before = Shape(0, 0, np.ones((4, 6), bool))
    seen = Shape(0, 0, np.ones((4, 2), bool))
    whole = with_hidden_part(seen, before, (0, -3), (20, 20))
    assert whole.mask.sum() == 4 * 3
    unmoved = with_hidden_part(seen, before, (0, 0), (20, 20))
    assert unmoved.mask.sum() == 4 * 2


def test_a_region_is_split_where_its_parts_meet() -> None:
    region = np.ones((4, 10), bool)
    shapes = {5: Shape(10, 20, np.ones((4, 3), bool)), 6: Shape(10, 27, np.ones((4, 3), bool))}
    divided = split_region(region, parts_image(shapes, (10, 20), (4, 10)))
    assert (divided[:, :5] == 5).all()
    assert (divided[:, 5:] == 6).all()
    assert not split_region(region, np.zeros((4, 10), np.int32)).any()


# necks


def halves(image: np.ndarray, x: float) -> np.ndarray:
    return np.where(np.indices(image.shape)[1] < x, 1, 2) * image


def test_a_disc_in_halves_has_a_filled_neck() -> None:
    neck = measure_neck(halves(disc((90, 90), 45, 45, 35), 45).astype(np.int32))
    # The line is 2 R, the parts R sqrt(2) wide.
    assert neck.ratio == pytest.approx(np.sqrt(2), rel=0.03)
    assert neck.filled
    assert not neck.open


def test_touching_discs_have_an_open_neck() -> None:
    pair = disc((80, 120), 40, 35, 25) | disc((80, 120), 40, 84, 25)
    neck = measure_neck(halves(pair, 59.5).astype(np.int32))
    assert neck.open
    assert not neck.filled
    # Hull of two touching discs: pi r^2 + 4 r^2 for 2 pi r^2.
    assert neck.notch == pytest.approx(1 - 2 * np.pi / (np.pi + 4), abs=0.02)


def test_touching_discs_grown_to_twice_their_volume_are_not_filled() -> None:
    pair = disc((90, 140), 45, 45, 31.5) | disc((90, 140), 45, 95, 31.5)
    assert not measure_neck(halves(pair, 70).astype(np.int32)).filled


def test_sectors_of_a_disc_have_no_open_neck_and_one_part_has_none() -> None:
    yy, xx = np.indices((90, 90))
    angle = np.arctan2(yy - 45, xx - 45)
    sectors = (np.digitize(angle, [-np.pi / 3, np.pi / 3]) + 1) * disc((90, 90), 45, 45, 35)
    assert measure_neck(sectors.astype(np.int32)).ratio > 1.2
    assert np.isnan(measure_neck(disc((90, 90), 45, 45, 35).astype(np.int32)).ratio)


def test_hull_and_notch() -> None:
    square = np.zeros((20, 20), bool)
    square[5:15, 5:15] = True
    assert hull_area(square) == 81
    assert notch(square) == pytest.approx(0)
    square[5:10, 10:15] = False
    assert notch(square) > 0.1
    assert hull_area(np.zeros((3, 3), bool)) == 0


# matching


def candidates(area: list[float], y: list[float], x: list[float], reach: float = 0.0) -> Candidates:
    return Candidates(
        np.array(area, float),
        np.array(y, float),
        np.array(x, float),
        np.full(len(area), reach),
        np.ones(len(area), bool),
    )


def explain(
    particles: Candidates, regions: Candidates, shared: dict[tuple[int, int], float] | None = None
) -> Explanation:
    pairs = sorted(shared or {})
    b, r = (np.array([pair[i] for pair in pairs], np.int64) for i in (0, 1))
    return explain_frame(particles, regions, b, r, np.array([(shared or {})[pair] for pair in pairs], float))


def test_assignment_is_the_best_of_all_not_the_nearest_first() -> None:
    # Nearest first would take row 0 to column 1 (cost 1) and leave row 1 with 9.
    rows, columns = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    assert assigned(rows, columns, np.array([2.0, 1.0, 9.0, 2.0]), 20.0) == [0, 3]
    assert assigned(rows, columns, np.array([2.0, 1.0, 9.0, 2.0]), 0.5) == []
    assert assigned(rows[:0], columns[:0], np.zeros(0), 1.0) == []


def test_assignment_equals_the_dense_solution() -> None:
    rng = np.random.default_rng(4)
    cost = rng.uniform(0, 1, (12, 12))
    rows, columns = (index.ravel() for index in np.indices(cost.shape))
    chosen = assigned(rows, columns, cost.ravel(), 100.0)
    assert cost.ravel()[chosen].sum() == pytest.approx(cost[linear_sum_assignment(cost)].sum())


def test_a_region_as_large_as_two_particles_is_both() -> None:
    found = explain(candidates([100, 80], [0, 0], [0, 11]), candidates([185], [0], [5]), {(0, 0): 95, (1, 0): 70})
    assert found.joined == {0: [0, 1]}


def test_a_region_as_large_as_one_particle_leaves_the_other_missing() -> None:
    found = explain(candidates([100, 80], [0, 0], [0, 11]), candidates([105], [0], [3]), {(0, 0): 90, (1, 0): 40})
    assert found.joined == {}
    assert found.region_of.tolist() == [0, -1]


def test_regions_in_place_of_a_particle_are_its_pieces() -> None:
    found = explain(
        candidates([100], [0], [0]), candidates([30, 30, 30], [0, 0, 0], [0, 5, 9]), {(0, i): 28 for i in range(3)}
    )
    assert found.pieces == {0: [0, 1, 2]}


def test_a_particle_is_followed_by_distance_only_within_reach() -> None:
    near = explain(candidates([50], [0], [0], reach=9.0), candidates([55], [0], [8]))
    far = explain(candidates([50], [0], [0], reach=7.0), candidates([55], [0], [8]))
    other = explain(candidates([50], [0], [0], reach=9.0), candidates([120], [0], [8]))
    assert near.region_of.tolist() == [0]
    assert far.region_of.tolist() == [-1]
    assert other.region_of.tolist() == [-1]


def test_nobody_is_linked_farther_than_half_way_to_the_next() -> None:
    found = explain(candidates([50, 50], [0, 0], [0, 12], reach=50.0), candidates([50], [0], [6.5]))
    assert found.region_of.tolist() == [-1, 0]


def test_reach_follows_the_motion_of_the_movie() -> None:
    area, one = np.array([np.pi * 25.0]), np.array([0])
    assert reach_px(area, one, np.array([False]), 0.1).tolist() == [5.0]
    assert reach_px(area, one, np.array([False]), 2.0).tolist() == [8.0]
    assert reach_px(area, one, np.array([False]), np.inf).tolist() == [20.0]
    assert reach_px(area, one, np.array([True]), 0.1).tolist() == [20.0]


# looking back


def test_the_crack_is_dated_by_the_step_of_the_hull() -> None:
    rng = np.random.default_rng(6)
    frames = np.arange(40, 0, -1)
    hull = 1000 + 2.0 * frames + rng.normal(0, 2, 40)
    assert crack_opened(np.column_stack((frames, hull)), 10) == 41
    hull[frames >= 36] += 70 + 15 * (frames[frames >= 36] - 36)
    assert crack_opened(np.column_stack((frames, hull)), 10) == 36
    assert crack_opened(np.column_stack((frames, hull))[:11], 10) == 41


def test_a_stage_of_expansion_is_no_crack() -> None:
    frames = np.arange(30, 0, -1)
    grown = np.interp(frames, (0, 18, 28, 30), (1000, 1000, 1550, 1580))
    hull = grown + np.random.default_rng(8).normal(0, 3, 30)
    assert crack_opened(np.column_stack((frames, hull)), 14) == 31
    # A crack that opens while the particle grows is a step on top of it.
    hull[frames >= 27] += 160
    assert crack_opened(np.column_stack((frames, hull)), 8) == 27
