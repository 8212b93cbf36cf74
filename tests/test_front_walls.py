"""Evidence of boundaries, basins, and what is not the film."""

from __future__ import annotations

import numpy as np

from tem_track.front.grains.merging import (
    Evidence,
    basins,
    boundary_strength,
    common_boundaries,
    in_reading_order,
    merge_order,
    merged,
    without_small,
)
from tem_track.front.grains.outside import outside_film
from tem_track.front.grains.walls import wall_evidence
from tests.fronts import film, two_grains

SHAPE = (96, 128)


def of_picture(evidence: np.ndarray) -> Evidence:
    """Return evidence that a picture alone has."""
    return Evidence(evidence.astype(np.float32), np.zeros(evidence.shape, np.float32))


def test_a_line_and_a_step_stand_out_on_their_middle() -> None:
    labels = two_grains(SHAPE)
    for levels, line in ((np.array([0, 1.0, 1.0]), 0.15), (np.array([0, 1.0, 1.12]), 0.0)):
        evidence = wall_evidence(film(labels, levels, 0.02, line))
        profile = np.median(evidence, axis=0)
        strong = np.clip(profile[30:90] - profile[30:90].max() / 2, 0, None)
        assert abs((strong * np.arange(30, 90)).sum() / strong.sum() - 59.2) < 1.2
        assert profile[58:62].max() > 6
        assert np.median(profile[10:45]) < 2.5


def test_noise_alone_is_no_evidence_whatever_its_size() -> None:
    rng = np.random.default_rng(0)
    for size in (0.01, 0.2):
        evidence = wall_evidence((1 + size * rng.standard_normal(SHAPE)).astype(np.float32))
        assert np.median(evidence) < 2.5
        assert (evidence > 4).mean() < 0.01


def test_curtains_raise_their_own_threshold() -> None:
    rng = np.random.default_rng(1)
    stripes = np.repeat(1 + 0.05 * rng.standard_normal((1, SHAPE[1])), SHAPE[0], axis=0)
    image = (stripes + 0.01 * rng.standard_normal(SHAPE)).astype(np.float32)
    assert (wall_evidence(image) > 4).mean() < 0.05


def test_a_bright_line_is_not_a_boundary() -> None:
    labels = two_grains(SHAPE)
    dark = wall_evidence(film(labels, np.array([0, 1.0, 1.0]), 0.02, 0.2))
    bright = wall_evidence(film(labels, np.array([0, 1.0, 1.0]), 0.02, -0.2))
    assert np.median(dark[:, 59]) > 3 * np.median(bright[:, 59])


def test_a_constant_picture_has_no_evidence() -> None:
    assert wall_evidence(np.full(SHAPE, 7, np.float32)).max() == 0
    assert wall_evidence(np.full((12, 12), 7, np.float32)).max() == 0


def test_basins_cover_the_film_and_merge_in_order_of_their_boundaries() -> None:
    labels = two_grains(SHAPE)
    evidence = wall_evidence(film(labels, np.array([0, 1.0, 1.15]), 0.02, 0.1))
    part = np.ones(SHAPE, bool)
    part[:10] = False
    regions = basins(evidence, part)
    assert ((regions > 0) == part).all()
    merges = merge_order(regions, of_picture(evidence))
    assert len(merges.strength) == regions.max() - 1
    assert merges.strength[-1] > 2 * merges.strength[-2]
    kept = merged(regions, merges, merges.strength >= merges.strength[-1])
    assert kept.max() == 2
    assert (kept[20:, :56] == 1).all()
    assert (kept[20:, 64:] == 2).all()


def test_the_histogram_of_a_boundary_counts_its_sides() -> None:
    labels = np.array([[1, 1, 2], [1, 3, 2]], np.int32)
    evidence = np.array([[1, 1, 9], [1, 1, 1]], np.float32)
    pairs, counts = common_boundaries(labels, of_picture(evidence))
    for part in (0, 1):
        assert dict(zip(map(tuple, pairs.tolist()), counts[:, part].sum(axis=1).tolist(), strict=True)) == {
            (1, 2): 1,
            (1, 3): 2,
            (2, 3): 1,
        }


def test_a_boundary_with_a_gap_is_none_unless_the_front_shows_half_of_it() -> None:
    labels = two_grains((40, 120))
    whole, gap, half = (np.ones((40, 120), np.float32) for _ in range(3))
    whole[:, 59:61] = gap[:24, 59:61] = half[:24, 59:61] = 9

    def strength(evidence: Evidence) -> float:
        return boundary_strength(common_boundaries(labels, evidence)[1][0])

    assert strength(of_picture(whole)) > 8
    assert strength(of_picture(gap)) < 1.2
    assert strength(Evidence(np.ones_like(half), half)) > 8
    assert strength(Evidence(3 * whole, 4 * whole)) > 40


def test_noise_of_a_rim_that_few_frames_saw_is_no_evidence() -> None:
    rng = np.random.default_rng(8)
    picture = 1 + 0.01 * rng.standard_normal(SHAPE)
    picture[-20:] = 1 + 0.08 * rng.standard_normal((20, SHAPE[1]))
    evidence = wall_evidence(picture.astype(np.float32))
    assert np.quantile(evidence[-16:], 0.9) < 1.5 * np.quantile(evidence[:-24], 0.9)


def test_small_regions_join_the_neighbour_with_the_weakest_boundary() -> None:
    labels = np.ones((20, 30), np.int32)
    labels[:, 15:] = 2
    labels[8:12, 13:15] = 3
    evidence = np.ones((20, 30), np.float32)
    evidence[:, 14:16] = 9
    out = without_small(labels, of_picture(evidence), 50)
    assert out.max() == 2
    assert out[9, 13] == out[0, 0] == 1


def test_reading_order_does_not_depend_on_the_old_numbers() -> None:
    old = np.array([[9, 9, 4], [0, 4, 2]])
    assert in_reading_order(old).tolist() == [[1, 1, 2], [0, 2, 3]]


def test_platinum_and_vacuum_are_outside_and_a_thick_grain_is_not() -> None:
    rng = np.random.default_rng(5)
    image = 100 + 3 * rng.standard_normal((120, 160))
    image[:20] *= 2.2
    image[-15:] = 2 + rng.standard_normal((15, 160))
    image[20:60, :50] *= 1.25
    out = outside_film(image.astype(np.float32), np.ones(image.shape, bool))
    truth = np.zeros(image.shape, bool)
    truth[:20] = truth[-15:] = True
    # The rim is found to a pixel or two.
    assert (out != truth).mean() < 0.04
    assert not out[26:100].any()
    assert out[:18].all()


def test_a_wedge_and_an_unknown_zero_have_nothing_outside() -> None:
    wedge = np.repeat(np.linspace(40, 200, 160, dtype=np.float32)[None], 120, axis=0)
    usable = np.ones(wedge.shape, bool)
    assert not outside_film(wedge, usable).any()
    assert not outside_film(wedge - 300, usable).any()
    assert not outside_film(wedge, ~usable).any()
