"""Lacey carbon: support is told from particles by a third level, and pictures of two levels are left as they are."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pictures import disc

from tem_track.movie import Image, Labels, Mask
from tem_track.segment import Appearance, learn_appearance, segment_frame
from tem_track.segment.candidates import ADVANTAGE, STEPS
from tem_track.segment.levels import count_as_clusters, ladder, region_tree
from tem_track.segment.mesh import Support, covered_share, drop_meshes
from tem_track.settings import SegmentSettings

SIDE = 320
VACUUM, CARBON, PARTICLE = 200.0, 140.0, 60.0
# Centre y, x and radius: one on a strand, one across a rim, one in a hole.
PARTICLES = [(80.0, 120.0, 16.0), (160.0, 58.0, 14.0), (230.0, 200.0, 15.0)]


def holes() -> Mask:
    """Return a grid of round holes that fill half of the field, some cut by its border, (SIDE, SIDE)."""
    y, x = np.indices((SIDE, SIDE))
    return np.asarray(np.hypot((y + 25) % 80 - 40, (x + 30) % 80 - 40) < 33)


def lacey(particles: list[tuple[float, float, float]], seed: int = 1, noise: float = 6.0) -> Image:
    """Return a bright-field picture of lacey carbon and particles on it."""
    picture = np.where(holes(), VACUUM, CARBON)
    for y, x, radius in particles:
        picture[disc((SIDE, SIDE), y, x, radius) > 0.5] = PARTICLE
    return noisy(picture, seed, noise)


def noisy(picture: NDArray[np.float64], seed: int, noise: float = 6.0) -> Image:
    blurred = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 1.0)
    deviate = np.random.default_rng(seed).normal(0, noise, picture.shape)
    return np.asarray(blurred + deviate, np.float32)


def found_in(picture: Image) -> tuple[Appearance, Labels]:
    appearance = learn_appearance([picture], usable=None, fixed=None, pixel_size_nm=None, settings=SegmentSettings())
    return appearance, segment_frame(picture, appearance, fixed=None)


def support_in(picture: Image, sign: int, known: bool = False) -> Support | None:
    """Return the support in a picture looked at in one way."""
    smooth = np.float32(sign) * cv2.GaussianBlur(picture, (0, 0), 1.2)
    regions = region_tree(smooth, ladder(smooth, 1.5, STEPS), 20.0)
    count_as_clusters(regions)
    return drop_meshes(regions, smooth, ADVANTAGE, known)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_particles_on_lacey_carbon_are_found_and_its_holes_are_not(seed: int) -> None:
    appearance, labels = found_in(lacey(PARTICLES, seed))
    assert appearance.polarity == "dark"
    assert labels.max() == len(PARTICLES)
    for y, x, radius in PARTICLES:
        true = disc((SIDE, SIDE), y, x, radius) > 0.5
        label = labels[int(y), int(x)]
        assert label > 0
        found = labels == label
        assert (found & true).sum() > 0.8 * (found | true).sum()


def test_dark_field_is_the_same_the_other_way_round() -> None:
    appearance, labels = found_in(np.float32(260) - lacey(PARTICLES))
    assert appearance.polarity == "bright"
    assert labels.max() == len(PARTICLES)


def test_what_is_below_the_strands_is_what_shows_through_the_holes() -> None:
    support = support_in(lacey(PARTICLES), -1)
    assert support is not None
    through = support.below
    assert -CARBON < support.clear < -PARTICLE
    inside = cv2.erode(holes().astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    for y, x, radius in PARTICLES:
        inside &= disc((SIDE, SIDE), y, x, radius + 4) < 0.5
    assert through[inside].mean() > 0.95
    strand = cv2.dilate(holes().astype(np.uint8), np.ones((7, 7), np.uint8)) == 0
    assert through[strand].mean() < 0.05


def test_a_support_that_the_movie_is_known_to_have_needs_nothing_on_it() -> None:
    support = support_in(lacey([]), -1, known=True)
    assert support is not None
    assert support.below[holes()].mean() > 0.9
    # Nor is everything a support then: nothing is seen through packed particles.
    assert support_in(lacey([]), 1, known=True) is None


def test_a_frame_whose_particles_have_faded_does_not_bring_the_support_back() -> None:
    movie = [lacey(PARTICLES, seed) for seed in (1, 2)] + [lacey([], 3)]
    appearance = learn_appearance(movie, usable=None, fixed=None, pixel_size_nm=None, settings=SegmentSettings())
    assert appearance.support
    assert appearance.diameter_px < 40
    assert not segment_frame(movie[2], appearance, fixed=None).any()


def test_without_a_third_level_there_is_no_support() -> None:
    bare = lacey([])
    assert support_in(bare, -1) is None
    assert support_in(bare, 1) is None


def test_a_piece_of_the_support_that_the_border_cuts_off_is_no_particle() -> None:
    bare = np.where(holes(), VACUUM, CARBON)
    y, x = np.indices((SIDE, SIDE))
    bare[y + (SIDE - 1 - x) < 40] = VACUUM
    bare[y + (SIDE - 1 - x) < 30] = CARBON
    for row, column, radius in PARTICLES:
        bare[disc((SIDE, SIDE), row, column, radius) > 0.5] = PARTICLE
    appearance, labels = found_in(noisy(bare, 6))
    assert appearance.polarity == "dark"
    assert labels.max() == len(PARTICLES)
    assert labels[3, SIDE - 4] == 0


@pytest.mark.parametrize("sign", [-1, 1])
def test_packed_particles_on_a_bare_background_are_not_its_holes(sign: int) -> None:
    y, x = np.indices((SIDE, SIDE))
    packed = np.where(np.hypot(y % 64 - 32, x % 64 - 32) < 29, 1.0, 0.0)
    picture = noisy(130 + sign * 60 * packed, 4)
    appearance, labels = found_in(picture)
    assert appearance.polarity == ("bright" if sign > 0 else "dark")
    assert labels.max() == 25
    assert support_in(picture, -sign) is None


def test_bright_fringes_between_touching_particles_are_no_third_level() -> None:
    y, x = np.indices((SIDE, SIDE))
    ring = np.hypot(y % 80 - 40, x % 80 - 40)
    picture = np.where(ring < 38, 90.0, 150.0)
    # Where two particles are closest their fringes add up.
    for row in range(40, SIDE, 80):
        for column in range(80, SIDE, 80):
            picture[row - 6 : row + 6, column - 3 : column + 3] = 230.0
    picture = noisy(picture, 5)
    appearance, labels = found_in(picture)
    assert appearance.polarity == "dark"
    assert labels.max() == 16


def test_covered_share_counts_the_pixels_of_the_patch_only() -> None:
    picture = np.zeros((60, 60), np.float32)
    picture[10:30, 10:30] = 1
    region = region_tree(picture, np.array([0.5]), 20.0)[0]
    mask = np.zeros((60, 60), bool)
    mask[:20] = True
    assert covered_share(region, mask) == pytest.approx(0.5)
    assert covered_share(region, ~mask) == pytest.approx(0.5)
