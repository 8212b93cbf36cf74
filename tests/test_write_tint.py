"""Tinted areas."""

from __future__ import annotations

import numpy as np
import pytest

from tem_track.write.drawing import OverlayFrame
from tem_track.write.outline_figure import outlines_figure
from tem_track.write.tint import DrawnArea, tint

ORANGE = (255, 176, 0)


def area(moved: tuple[float, float] = (0.0, 0.0)) -> DrawnArea:
    mask = np.zeros((40, 60), bool)
    mask[10:20, 30:50] = True
    return DrawnArea(mask, np.array(moved), ORANGE)


@pytest.mark.parametrize("zoom", [1, 3, 0.5])
def test_the_area_is_tinted_where_it_lies_and_nothing_else(zoom: float) -> None:
    picture = np.full((int(40 * zoom), int(60 * zoom), 3), 100, np.uint8)
    tint(picture, area((5.0, -10.0)))
    changed = (picture != 100).any(axis=2)
    expected = np.zeros_like(changed)
    expected[int(15 * zoom) : int(25 * zoom), int(20 * zoom) : int(40 * zoom)] = True
    assert (changed != expected).sum() <= 40 * zoom
    red, _, blue = picture[expected].reshape(-1, 3)[0]
    assert 100 < red < 140
    assert 70 < blue < 100


def test_what_leaves_the_field_is_cut() -> None:
    picture = np.zeros((40, 60, 3), np.uint8)
    tint(picture, area((-100.0, 0.0)))
    assert not picture.any()


def test_the_figure_s_panels_are_tinted() -> None:
    frames = np.full((1, 40, 60), 50, np.float32)
    frames[0, 0, :30] = 100
    plain, tinted = (
        outlines_figure(frames, lambda k, a=areas: OverlayFrame(areas=a), [0]).axes[0].images[0].get_array()
        for areas in ((), (area(),))
    )
    assert np.ndim(plain) == 2
    assert np.ndim(tinted) == 3
