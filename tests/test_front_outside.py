"""What of the field is not the film."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tem_track.front.grains.outside import outside_film

SHAPE = (120, 140)


def strip(level: float, blur: float = 1.2) -> tuple[np.ndarray, np.ndarray]:
    """Return a film with a strip of another level at its wavy top, and where that is."""
    y, x = np.indices(SHAPE)
    there = y < 20 + 4 * np.sin(x / 15)
    image = np.where(there, level, 1.0) + 0.02 * np.random.default_rng(3).standard_normal(SHAPE)
    return cv2.GaussianBlur(image, (0, 0), blur).astype(np.float32), there


@pytest.mark.parametrize("level", [2.5, 1.7, 0.05])
def test_the_rim_lies_half_way_between_the_two_levels(level: float) -> None:
    image, there = strip(level)
    found = outside_film(image, np.ones(SHAPE, bool))
    assert (found != there).sum() < 0.4 * SHAPE[1]


def test_a_film_of_grains_has_no_outside() -> None:
    image, _ = strip(1.15)
    assert not outside_film(image, np.ones(SHAPE, bool)).any()
