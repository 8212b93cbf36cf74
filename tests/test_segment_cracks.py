"""Thin cracks that only a finer picture shows."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from pictures import ball_thickness
from scipy.ndimage import gaussian_filter

from tem_track.movie import Labels
from tem_track.segment.candidates import binned
from tem_track.segment.cracks import parted_at_cracks
from tem_track.segment.finer import FinerPicture

SHAPE, BIN = (160, 200), 4
NUMBERS = [2, 5]


def cracked(width_px: float, branches: int, noise: float) -> NDArray[np.float32]:
    """Return two balls, the left one with a crack of so many branches from its middle."""
    yy, xx = np.indices(SHAPE)
    left, right = ball_thickness(SHAPE, 80, 55, 45), ball_thickness(SHAPE, 80, 150, 40)
    angles = 0.4 + 2 * np.pi * np.arange(branches) / max(1, branches)
    for angle in angles:
        along = (yy - 80) * np.sin(angle) + (xx - 55) * np.cos(angle)
        aside = (yy - 80) * np.cos(angle) - (xx - 55) * np.sin(angle)
        left = np.where((np.abs(aside) < width_px / 2) & (along > -1), 0, left)
    picture = gaussian_filter(left + right, 0.8)
    return (picture + np.random.default_rng(5).normal(0, noise, SHAPE)).astype(np.float32)


def parted(picture: NDArray[np.float32], noise: float, sign: int = 1) -> Labels:
    tight = np.zeros((SHAPE[0] // BIN, SHAPE[1] // BIN), np.int32)
    for number, (x, radius) in zip(NUMBERS, ((55, 45), (150, 40)), strict=True):
        tight[binned(ball_thickness(SHAPE, 80, x, 0.93 * radius).astype(np.float32), BIN) > 0] = number
    level = np.zeros(6)
    level[NUMBERS] = 60.0
    return parted_at_cracks(tight, FinerPicture(sign * picture, sign, BIN, noise / BIN), level)


@pytest.mark.parametrize(("branches", "pieces"), [(0, 1), (2, 2), (3, 3), (4, 4)])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_crack_parts_its_particle_and_no_other(branches: int, pieces: int, sign: int) -> None:
    labels = parted(cracked(4.0, branches, 4.0), 4.0, sign)
    right = np.unique(labels[:, 27:])
    assert len(right[right > 0]) == 1
    sizes = np.bincount(labels[:, :27].ravel())[1:]
    assert np.count_nonzero(sizes) == pieces
    assert labels.max() == pieces + 1
    if pieces > 1:
        assert sizes[sizes > 0].min() > 0.5 * sizes.max()


def test_a_crack_that_ends_inside_parts_nothing() -> None:
    assert parted(cracked(4.0, 1, 4.0), 4.0).max() == 2


def test_where_noise_hides_a_crack_nothing_is_made_of_it() -> None:
    assert parted(cracked(0.0, 0, 60.0), 60.0).max() == 2


def test_a_picture_that_is_not_binned_is_left_alone() -> None:
    tight = np.ones((20, 20), np.int32)
    assert parted_at_cracks(tight, FinerPicture(np.zeros((20, 20), np.float32), 1, 1, 1.0), np.ones(2)) is tight
