"""Touching particles parted at the dark seams between them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from tem_track.segment.seams import Lines, merged, parted_at_seams, valley_depth, without_pits

RADIUS = 14
OPEN = (False,) * 4
Picture = NDArray[np.float32]


def packed(rows: int, columns: int, seam_px: float, noise: float) -> tuple[Picture, NDArray[np.bool_], int]:
    """Return hexagonally packed lenses with dark seams between them, their common patch and how many they are."""
    pitch = 2 * RADIUS - 2
    centres = [
        (20 + r * pitch * 0.87, 20 + c * pitch + (r % 2) * pitch / 2) for r in range(rows) for c in range(columns)
    ]
    yy, xx = np.indices((int(centres[-1][0]) + 22, int(max(x for _, x in centres)) + 22))
    away = np.stack([np.hypot(yy - y, xx - x) for y, x in centres])
    near, second = np.sort(away, axis=0)[:2] if len(centres) > 1 else (away[0], away[0] + 99)
    patch = near < RADIUS
    picture = np.where(patch, 100.0, 0.0)
    picture[patch & (second - near < seam_px)] = 40.0
    picture = gaussian_filter(picture, 1.0) + np.random.default_rng(2).normal(0, noise, picture.shape)
    return picture.astype(np.float32), patch, len(centres)


def parted(picture: Picture, patch: NDArray[np.bool_], noise: float) -> NDArray[np.int32]:
    return parted_at_seams(picture, patch, patch & (picture < 20), 100.0, noise, OPEN)


@pytest.mark.parametrize(("rows", "columns"), [(1, 2), (2, 3), (4, 5)])
def test_packed_particles_part_at_their_seams(rows: int, columns: int) -> None:
    picture, patch, count = packed(rows, columns, 2.0, 2.0)
    labels = parted(picture, patch, 2.0)
    assert labels.max() == count
    sizes = np.bincount(labels.ravel())[1:]
    assert sizes.min() > 0.7 * sizes.max()


def test_without_a_seam_a_smooth_patch_stays_whole() -> None:
    yy, xx = np.indices((60, 60))
    patch = np.hypot(yy - 30, xx - 30) < 25
    picture = gaussian_filter(np.where(patch, 100.0, 0.0), 1.0).astype(np.float32)
    assert parted(picture, patch, 1.0).max() == 1


def test_a_seam_hidden_by_noise_is_none() -> None:
    picture, patch, _ = packed(1, 1, 0.0, 20.0)
    assert parted(picture, patch, 20.0).max() == 1


def test_roughness_makes_no_pieces() -> None:
    yy, xx = np.indices((60, 120))
    rod = (np.abs(yy - 30) < 15) & (np.abs(xx - 60) < 48)
    rough = gaussian_filter(np.random.default_rng(4).normal(0, 1, rod.shape), 1.5)
    picture = np.where(rod, 100 + 12 * rough / rough.std(), 0.0).astype(np.float32)
    assert parted(picture, rod, 1.0).max() == 1


def test_depth_of_a_valley_is_how_far_it_lies_below_its_sides() -> None:
    picture = np.full((30, 30), 50.0, np.float32)
    picture[:, 15] = 20.0
    depth = valley_depth(picture)
    assert depth[15, 15] == pytest.approx(30.0)
    assert depth[15, 5] == 0


def test_pits_are_no_valleys() -> None:
    valley = np.zeros((12, 12), np.bool_)
    valley[2, 2] = valley[6, 1:9] = True
    kept = without_pits(valley, np.ones_like(valley))
    assert not kept[2, 2]
    assert kept[6, 1:9].all()


def test_a_line_is_kept_where_a_valley_runs_along_it_or_it_is_short() -> None:
    pieces = np.ones((20, 40), np.int32)
    pieces[:, 20:] = 2
    wide = np.full(pieces.shape, 10.0, np.float32)
    flat, seam = np.zeros(pieces.shape, np.float32), np.zeros(pieces.shape, np.float32)
    seam[3:, 20] = 8.0

    def count(below: Picture, half_width: Picture, noise: float = 1.0) -> int:
        return int(merged(pieces, Lines.of(pieces, below, 5.0, noise), half_width).max())

    assert count(flat, wide) == 1
    assert count(flat, 2 * wide) == 2
    assert count(seam, wide) == 2
    assert count(0.5 * seam, wide) == 1
    assert count(seam, wide, noise=10.0) == 1


def test_the_weakest_line_goes_first_and_what_is_left_is_judged_anew() -> None:
    pieces = np.repeat(np.repeat(np.array([[1, 2, 3]], np.int32), 12, axis=1), 20, axis=0)
    below = np.zeros(pieces.shape, np.float32)
    below[:, 24] = 9.0
    lines = Lines.of(pieces, below, 5.0, 1.0)
    assert [(one, other) for _, one, other in lines.judged(np.full(4, 5.0))] == [(1, 2), (2, 3)]
    labels = merged(pieces, lines, np.full(pieces.shape, 5.0, np.float32))
    assert labels.max() == 2
    assert (labels[:, :24] == 1).all()
