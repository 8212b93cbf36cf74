"""Fragments beside larger neighbours, which no grey level shows as patches of their own."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from tem_track.movie import Labels
from tem_track.segment.appearance import LEAST_AREA_PX
from tem_track.segment.candidates import common, gradient_noise, particles, patches
from tem_track.segment.companions import Asked, sharpest, with_companions
from tem_track.segment.finer import FinerPicture
from tem_track.segment.pieces import tight_labels

SHAPE = (110, 90)
NOISE = 0.5
# Blur of the working picture, px, and what it leaves of white noise.
BLUR = 0.8
FRAGMENT = (52, 60)
Picture = NDArray[np.float32]


def cluster(height: float, radius: float, crack: float = 0.0) -> Picture:
    """Return two large particles in contact and a fragment of given height and radius that lies against both."""
    yy, xx = np.indices(SHAPE)
    picture = np.zeros(SHAPE)
    for y, x in ((30, 42), (70, 38)):
        picture = np.maximum(picture, 22 * (np.hypot(yy - y, xx - x) < 21))
    away = np.hypot(yy - FRAGMENT[0], xx - FRAGMENT[1])
    picture[(away < radius + crack) & (away >= radius)] = 0
    picture = np.maximum(picture, height * (away < radius))
    noise = np.random.default_rng(1).normal(0, NOISE * 2 * np.sqrt(np.pi) * BLUR, SHAPE)
    return gaussian_filter(picture + noise, BLUR).astype(np.float32)


def found(picture: Picture) -> tuple[Labels, Labels]:
    """Return the tight patches of a picture before and after those beside them were looked for."""
    seen = patches(picture, NOISE, BLUR, LEAST_AREA_PX)
    edge_noise = gradient_noise(NOISE, BLUR)
    usual = common(seen.chosen)
    chosen = particles(seen.chosen, usual, edge_noise)
    finer = FinerPicture(picture, 1, 1, NOISE)
    tight = tight_labels(picture, seen.tree, chosen, finer)
    return tight, with_companions(
        tight, picture, seen.tree, chosen, finer, Asked(usual, edge_noise, LEAST_AREA_PX, None)
    )


def test_a_pale_fragment_beside_large_particles_is_added() -> None:
    before, after = found(cluster(11.0, 6.0, crack=1.0))
    assert before[FRAGMENT] == 0
    assert after[FRAGMENT] == after.max() == before.max() + 1
    assert 0.5 < np.count_nonzero(after == after.max()) / (np.pi * 6.0**2) < 1.3
    np.testing.assert_array_equal(after[before > 0], before[before > 0])


def test_without_a_fragment_nothing_is_added() -> None:
    before, after = found(cluster(0.0, 6.0))
    assert before.max() >= 1
    np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize("height", [1.5, 2.5])
def test_what_is_as_faint_as_film_is_no_fragment(height: float) -> None:
    before, after = found(cluster(height, 6.0, crack=1.0))
    np.testing.assert_array_equal(after, before)


def test_the_sharpest_outline_is_looked_for_from_the_patch_outwards() -> None:
    seen = patches(cluster(11.0, 6.0, crack=1.0), NOISE, BLUR, LEAST_AREA_PX)
    for region in seen.chosen:
        best = sharpest(seen.tree, region)
        assert best.edge >= region.edge
        assert best.area_px >= region.area_px
