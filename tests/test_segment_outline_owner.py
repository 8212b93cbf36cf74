from __future__ import annotations

import numpy as np

from tem_track.movie import FloatArray
from tem_track.segment.outline.owner import OwnerPicture


def square(top: float, left: float, side: float) -> FloatArray:
    return np.array([[top, left], [top, left + side], [top + side, left + side], [top + side, left]])


def test_everybody_stands_in_the_picture_and_shared_ground_is_nobodys() -> None:
    picture = OwnerPicture((40, 60), None, 1)
    picture.draw([3, 8], [square(10, 10, 10), square(10, 23, 10)])
    assert picture.owner[15, 15] == 3
    assert picture.owner[15, 28] == 8
    assert picture.owner[15, 21] == -1
    assert picture.owner[15, 40] == 0
    # Columns 10 to 20, widened by 2 px of blurred edge to 8 to 22, of which 21 and 22 are contested.
    assert (picture.owner[15] == 3).sum() == 13


def test_drawing_again_leaves_nothing_behind() -> None:
    fixed = np.zeros((40, 60), bool)
    fixed[14:18, 5:15] = True
    picture = OwnerPicture((40, 60), fixed, 1)
    picture.draw([1], [square(10, 10, 10)])
    picture.draw([2], [square(25, 40, 6)])
    assert not (picture.owner == 1).any()
    assert np.array_equal(picture.owner == -1, fixed)
    assert picture.owner[28, 43] == 2


def test_particles_beyond_the_border_are_left_out() -> None:
    picture = OwnerPicture((20, 20), None, 1)
    picture.draw([1, 2], [square(-40, -40, 10), square(-5, 5, 12)])
    assert set(np.unique(picture.owner)) == {0.0, 2.0}
