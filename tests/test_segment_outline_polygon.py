from __future__ import annotations

import numpy as np
import pytest

from tem_track.segment.outline.polygon import (
    ellipse_axes,
    polygon_area,
    polygon_areas,
    polygon_mask,
    polygon_moments,
)


def ellipse(
    y: float, x: float, a: float, b: float, turn: float = 0.0
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    angle = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    u, v = a * np.cos(angle), b * np.sin(angle)
    return np.stack([y + u * np.sin(turn) + v * np.cos(turn), x + u * np.cos(turn) - v * np.sin(turn)], axis=1)


@pytest.mark.parametrize("turn", [0.0, 0.7, 2.0])
@pytest.mark.parametrize("order", [1, -1])
def test_an_ellipse_has_its_area_centre_and_axes(turn: float, order: int) -> None:
    area, centre, moments = polygon_moments(ellipse(30.25, 41.5, 20, 8, turn)[::order])
    assert area == pytest.approx(np.pi * 160, rel=1e-4)
    assert centre == pytest.approx([30.25, 41.5], abs=1e-9)
    assert ellipse_axes(moments) == pytest.approx((40, 16), rel=1e-4)


def test_a_point_has_no_area() -> None:
    area, centre, moments = polygon_moments(np.full((5, 2), 3.0))
    assert area == 0
    assert centre == pytest.approx([3, 3])
    assert not moments.any()


def test_a_mask_holds_the_pixels_whose_centres_are_inside() -> None:
    square = np.array([[1.5, 2.5], [1.5, 5.5], [4.5, 5.5], [4.5, 2.5]])
    expected = np.zeros((8, 9), bool)
    expected[2:5, 3:6] = True
    assert np.array_equal(polygon_mask(square, (8, 9)), expected)
    assert np.array_equal(polygon_mask(square, (4, 4), (2, 3)), expected[2:6, 3:7])


def test_masks_of_many_shifted_ellipses_have_the_right_area_on_average() -> None:
    rng = np.random.default_rng(0)
    shapes = [ellipse(*(20 + rng.random(2)), 12, 9, rng.random()) for _ in range(50)]
    areas = [polygon_mask(s, (40, 40)).sum() for s in shapes]
    assert np.mean(areas) == pytest.approx(polygon_area(shapes[0]), rel=0.004)


def test_a_polygon_beyond_the_picture_is_clipped() -> None:
    assert polygon_mask(ellipse(5, 5, 50, 50), (10, 12)).all()
    assert not polygon_mask(ellipse(-50, -50, 5, 5), (10, 12)).any()


def test_areas_of_many_polygons_are_those_of_their_moments_however_far_out_they_lie() -> None:
    shapes = np.stack([ellipse(4000.5, 3999.25, 20, 8, turn) for turn in (0.0, 0.7)])
    assert polygon_areas(shapes) == pytest.approx(polygon_moments(shapes)[0], rel=1e-9)
    assert polygon_areas(shapes[:, ::-1]) == pytest.approx(polygon_areas(shapes), rel=1e-12)
