"""Constellations: found at any rotation and scale, not where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from pair_pictures import corners_apart, moved, scattered

from tem_track.pair import Similarity, Sites
from tem_track.pair.constellation import constellations, lay_on

TRUE = Similarity(1.35, 2.6, (290.0, 310.0))


def jostled(sites: Sites, seed: int, by_px: float) -> Sites:
    rng = np.random.default_rng(seed)
    return Sites(sites.yx_px + by_px * rng.normal(size=sites.yx_px.shape), sites.diameter_px, sites.whole)


@pytest.mark.parametrize("true", [TRUE, Similarity(0.7, -0.4, (3.0, 90.0), True)])
def test_the_same_particles_are_found_again(true: Similarity) -> None:
    reference = scattered(1, 10)
    image = jostled(moved(reference, true, 1.2), 2, 0.4).take(np.array([8, 3, 1, 9, 0, 5, 2]))
    best = constellations(reference, image)[0]
    assert best.similarity.mirrored == true.mirrored
    assert corners_apart(best.similarity, true) < 5
    assert dict(zip(best.image.tolist(), best.reference.tolist(), strict=True)) == dict(
        enumerate([8, 3, 1, 9, 0, 5, 2])
    )
    assert best.log10_chance < -4


def test_other_particles_are_no_match_beyond_chance() -> None:
    chances = [constellations(scattered(s, 9), scattered(s + 50, 9))[0].log10_chance for s in range(8)]
    # One in a hundred such pairs may come below -2; eight should not.
    assert min(chances) > -2
    assert max(chances) < 3


def test_a_scale_that_is_believed_excludes_others() -> None:
    reference = scattered(3, 9)
    image = moved(reference, TRUE)
    assert constellations(reference, image, (float(np.log(1.35)), 0.2))[0].log10_chance < -4
    found = constellations(reference, image, (float(np.log(0.7)), 0.2))
    assert not found or found[0].log10_chance > -2


def test_sizes_that_no_reaction_makes_do_not_match() -> None:
    reference = scattered(4, 6)
    image = Sites(reference.yx_px, 3 * reference.diameter_px, reference.whole)
    assert len(lay_on(Similarity(1.0, 0.0, (0.0, 0.0)), reference, image)[0]) == 0
    cut = Sites(reference.yx_px, 3 * reference.diameter_px, np.zeros(6, bool))
    assert len(lay_on(Similarity(1.0, 0.0, (0.0, 0.0)), reference, cut)[0]) == 6


def test_one_particle_is_no_constellation() -> None:
    assert constellations(scattered(5, 1), scattered(6, 4)) == []
