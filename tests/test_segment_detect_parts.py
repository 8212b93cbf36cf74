"""The parts that detection is made of, each on pictures with a closed-form answer."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from pictures import ball_thickness, disc

from tem_track.segment.background import filled_in
from tem_track.segment.candidates import binned, closed_pixels, noise_of, smoothed
from tem_track.segment.contour import Along, Shape
from tem_track.segment.divide import nearest_label, parted
from tem_track.segment.extent import foot_share, opened, whole
from tem_track.segment.levels import best_regions, ladder, pieces_of, region_tree


def picture_of(*discs: tuple[float, float, float, float]) -> np.ndarray:
    """Return discs (y, x, radius, height) on zero, (80, 120)."""
    return np.max([height * disc((80, 120), y, x, r) for y, x, r, height in discs], axis=0).astype(np.float32)


def test_a_linear_background_is_carried_on_beneath_a_particle() -> None:
    yy, xx = np.indices((96, 96))
    plane = (100 + 0.5 * xx - 0.2 * yy).astype(np.float32)
    hidden = np.hypot(yy - 48, xx - 48) < 20
    spoilt = np.where(hidden, np.float32(-1000), plane)
    filled = filled_in(spoilt, hidden)
    assert np.array_equal(filled[~hidden], plane[~hidden])
    # The plane falls by 22 over the hidden part; a flat fill would be off by 10 at its rim.
    assert np.abs(filled - plane)[hidden].max() < 5
    assert abs(float(filled[48, 48] - plane[48, 48])) < 1.5


def test_nothing_known_gives_something_finite() -> None:
    assert np.isfinite(filled_in(np.ones((20, 20), np.float32), np.ones((20, 20), bool))).all()


def test_blocks_are_means_and_the_last_ones_complete() -> None:
    picture = np.arange(35, dtype=np.float32).reshape(5, 7)
    small = binned(picture, 3)
    assert small.shape == (2, 3)
    assert small[0, 0] == pytest.approx(picture[:3, :3].mean())
    assert small[1, 2] == pytest.approx((picture[3, 6] + 2 * picture[4, 6]) / 3)
    assert small[0, 2] == pytest.approx(picture[:3, 6].mean())


def test_a_fixed_pixel_closes_its_block_and_those_around() -> None:
    fixed = np.zeros((50, 71), bool)
    fixed[20, 70] = True
    closed = closed_pixels(fixed, 4)
    assert closed is not None
    assert closed.shape == (13, 18)
    assert np.argwhere(closed).tolist() == [[y, x] for y in (4, 5, 6) for x in (16, 17)]
    assert closed_pixels(np.zeros((50, 71), bool), 4) is None


@pytest.mark.parametrize("smoothing", [0.8, 1.8])
def test_noise_is_measured_after_smoothing_and_structure_left_out(smoothing: float) -> None:
    rng = np.random.default_rng(1)
    picture = rng.normal(0, 3, (256, 256)).astype(np.float32)
    smooth = smoothed(picture, smoothing)
    assert noise_of(smooth, smoothing) == pytest.approx(float(smooth.std()), rel=0.08)
    with_edge = smoothed(picture + 500 * disc((256, 256), 128, 128, 60).astype(np.float32), smoothing)
    assert noise_of(with_edge, smoothing) == pytest.approx(float(smooth.std()), rel=0.25)


def test_levels_rise_and_keep_their_distance() -> None:
    levels = ladder(picture_of((40, 60, 20, 1.0)), 0.05, 20)
    assert (np.diff(levels) > 0.05).all()


def test_the_outer_patch_wins_over_a_core_of_little_edge_and_particles_over_their_film() -> None:
    core_shell = smoothed(picture_of((40, 60, 30, 10.0), (40, 60, 12, 12.0)), 1.0)
    chosen = best_regions(region_tree(core_shell, ladder(core_shell, 0.1, 24), 20), 1.6)
    assert len(chosen) == 1
    assert chosen[0].area_px == pytest.approx(np.pi * 30**2, rel=0.05)
    film = smoothed(picture_of((40, 60, 38, 2.0), (40, 45, 10, 10.0), (40, 75, 10, 10.0)), 1.0)
    chosen = best_regions(region_tree(film, ladder(film, 0.1, 24), 20), 1.6)
    assert sorted(round(region.area_px / 314, 1) for region in chosen) == pytest.approx([1.0, 1.0], abs=0.2)


def test_contrast_is_the_height_above_the_surroundings() -> None:
    picture = picture_of((40, 60, 20, 7.0)) + 3
    region = region_tree(picture, np.array([6.0]), 20)[0]
    assert region.contrast == pytest.approx(7.0)
    along = Along.of([region.contour, region.contour])
    both, convex = np.ones(2, bool), np.zeros(2, bool)
    assert along.contrast(-picture, None, both, convex) == pytest.approx([-7.0, -7.0])
    assert along.contrast(picture, None, np.array([False, True]), ~convex) == pytest.approx([0.0, 7.0])


def test_the_edge_of_many_outlines_is_that_of_each_by_itself() -> None:
    rng = np.random.default_rng(2)
    picture = picture_of((40, 30, 15, 1.0), (40, 80, 18, 1.0), (5, 60, 12, 1.0))
    contours, _ = cv2.findContours((picture > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    strength = rng.random(picture.shape).astype(np.float32)
    edge, at_border = Along.of(list(contours)).edges(strength, None, 0.25)
    for k, contour in enumerate(contours):
        x, y = contour[:, 0].T
        inner = np.sort(strength[y, x][y > 1])
        assert edge[k] == pytest.approx(float(inner[(len(inner) - 1) // 4]), rel=1e-6)
        assert at_border[k] == np.count_nonzero(y < 1)


def test_a_patch_comes_apart_into_balls_but_not_into_speckle() -> None:
    pair = (ball_thickness((80, 120), 40, 38, 22) + ball_thickness((80, 120), 40, 80, 21)).astype(np.float32)
    tree = region_tree(pair, np.linspace(2, 40, 20), 20)
    assert len(pieces_of(tree, tree[0])) == 2
    speckled = picture_of((40, 60, 30, 5.0), (40, 50, 5, 9.0), (40, 70, 5, 9.0))
    tree = region_tree(speckled, np.array([2.0, 6.0]), 20)
    assert len(tree) == 3
    assert len(pieces_of(tree, tree[0])) == 1


@pytest.mark.parametrize(("gap", "count"), [(0.0, 1), (1.7, 2)])
def test_discs_are_parted_where_their_outline_has_a_neck(gap: float, count: int) -> None:
    radius = 18.0
    mask = picture_of((40, 40, radius, 1.0), (40, 40 + gap * radius, radius, 1.0)) > 0.5
    assert parted(mask).max() == count


def test_a_rectangle_and_a_half_disc_at_the_border_stay_whole() -> None:
    mask = np.zeros((80, 120), bool)
    mask[20:50, 10:110] = True
    assert parted(mask).max() == 1
    half = picture_of((0, 60, 30, 1.0)) > 0.5
    assert parted(half, (True, False, False, False)).max() == 1


def test_a_large_mask_is_divided_like_a_small_one() -> None:
    small = picture_of((40, 40, 18, 1.0), (40, 72, 18, 1.0)) > 0.5
    large = np.kron(small, np.ones((6, 6), bool))
    labels = parted(large)
    assert labels.max() == 2
    assert np.array_equal(labels > 0, large)
    sizes = np.bincount(labels.ravel())[1:]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.05)


def test_shape_of_a_square_and_of_two_discs() -> None:
    square = np.array([[0, 0], [0, 9], [9, 9], [9, 0]], np.int32)[:, None]
    assert Shape.of(square).elongation == pytest.approx(1.0)
    pair = picture_of((40, 40, 18, 1.0), (40, 74, 18, 1.0)) > 0.5
    contours, _ = cv2.findContours(pair.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    shape = Shape.of(contours[0])
    assert shape.area_px == pytest.approx(np.count_nonzero(pair))
    assert 0.8 < shape.solidity < 0.93
    assert shape.elongation == pytest.approx((2 * 18 + 34) / 36, rel=0.06)


def test_nearest_label_and_its_distance() -> None:
    labels = np.zeros((5, 9), np.int32)
    labels[2, 0], labels[2, 8] = 7, 3
    nearest, distance = nearest_label(labels)
    assert nearest[2].tolist() == [7, 7, 7, 7, nearest[2, 4], 3, 3, 3, 3]
    assert distance[2, 2] == pytest.approx(2, abs=0.1)


def test_foot_share_is_that_of_a_blurred_ball() -> None:
    radius, blur = 40.0, 2.0
    thickness = smoothed(ball_thickness((121, 121), 60, 60, radius).astype(np.float32), blur)
    inside = ball_thickness((121, 121), 60, 60, radius) > 0
    share = thickness[60, 100] / np.median(thickness[inside])
    assert foot_share(radius, blur) == pytest.approx(float(share), rel=0.12)


def test_opening_removes_a_strand_and_keeps_the_disc() -> None:
    mask = picture_of((40, 60, 25, 1.0)) > 0.5
    with_strand = mask.copy()
    with_strand[37:43, :] = True
    left = opened(with_strand, np.full(mask.shape, 8, np.float32))
    assert np.count_nonzero(left ^ mask) < 0.03 * mask.sum()


def test_whole_fills_holes_and_takes_the_part_with_the_core() -> None:
    mask = (picture_of((40, 40, 20, 1.0), (40, 100, 10, 1.0)) > 0.5).astype(np.uint8)
    core = mask.copy()
    core[:, 60:] = 0
    mask[38:42, 38:42] = 0
    assert np.array_equal(whole(mask, core), core)
