from __future__ import annotations

import numpy as np
import pytest

from tem_track.movie import Labels
from tem_track.track.regions import measure_regions, renumbered


def image(high: int) -> Labels:
    labels = np.zeros((40, 50), np.int32)
    labels[2:9, 3:20], labels[12:30, 0:7], labels[20:25, 30:50] = 3, 5, high
    return labels


@pytest.mark.parametrize("high", [9, 1 << 30])
def test_numbers_are_replaced_and_those_that_are_not_named_become_background(high: int) -> None:
    labels = image(high)
    found = renumbered(labels, np.array([3, high]), np.array([7, 2]))
    assert np.array_equal(found, np.select([labels == 3, labels == high], [7, 2]))
    assert not renumbered(labels, np.zeros(0, np.int64), np.zeros(0, np.int64)).any()


def test_regions_under_other_numbers_are_those_of_the_renumbered_image() -> None:
    regions, to = measure_regions(image(9)), np.array([4, 0, 1])
    found = regions.renumbered(to)
    assert found is not None
    measured = measure_regions(renumbered(image(9), regions.number, to))
    for name in ("number", "area", "y", "x", "box", "at_border"):
        assert np.array_equal(getattr(found, name), getattr(measured, name)), name


def test_two_regions_under_one_number_have_to_be_measured_again() -> None:
    assert measure_regions(image(9)).renumbered(np.array([4, 4, 1])) is None
