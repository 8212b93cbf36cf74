"""Registration as a whole: what is confirmed by what, what is refused, and the numbers that come of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pair_pictures import AS_IT_IS, about_middle, corners_apart, moved, pair_of, picture, scattered, support

from tem_track.pair import (
    Catalogue,
    Measured,
    Registration,
    Sites,
    register,
    relative_scale,
    volume_ratio,
)
from tem_track.pair.register import _one_each, alone, log_scale_sd

TRUE = about_middle(0.92, 1.9, (12.0, -20.0))


def test_particles_and_support_confirm_each_other() -> None:
    reference, image = pair_of(1, TRUE)
    found = register(reference, image)
    assert found is not None
    assert found.confirmed_by == "particles + support"
    assert corners_apart(found.similarity, TRUE) < 0.6
    assert abs(np.log(found.similarity.scale / TRUE.scale)) < 3 * found.log_scale_sd < 0.02
    true = TRUE.apply(image.sites.yx_px[found.image])
    assert np.abs(true - reference.sites.yx_px[found.reference]).max() < 0.01


def test_a_wrong_calibration_does_not_mislead() -> None:
    reference, image = pair_of(2, TRUE)
    found = register(replace(reference, pixel_size_nm=1.0), replace(image, pixel_size_nm=2.0))
    assert found is not None
    assert corners_apart(found.similarity, TRUE) < 0.6


def test_another_place_is_refused() -> None:
    # So many particles that no single one is tried as an anchor: that takes longer and is tested by itself.
    reference = picture(scattered(0, 14, 40.0), support(0), AS_IT_IS, pixel_size_nm=1.0)
    other = picture(scattered(9, 14, 40.0), support(9), AS_IT_IS, seed=1, pixel_size_nm=1.1)
    assert register(reference, other) is None


def test_one_particle_each_is_taken_at_the_users_word_only_with_a_scale() -> None:
    bare = np.zeros((960, 960))
    reference, image = (picture(scattered(s, 1), bare, AS_IT_IS, seed=s) for s in (1, 2))
    found = register(replace(reference, pixel_size_nm=2.0), replace(image, pixel_size_nm=1.0))
    assert found is not None
    assert found.confirmed_by == "nothing"
    assert np.isnan(found.log_scale_sd)
    assert found.similarity.apply(image.sites.yx_px) == pytest.approx(reference.sites.yx_px)
    assert _one_each(reference, image) is None


def test_touching_particles_are_known() -> None:
    sites = Sites(np.array([[0.0, 0.0], [0.0, 20.5], [0.0, 60.0]]), np.full(3, 20.0), np.ones(3, bool))
    assert alone(sites).tolist() == [False, False, True]


def test_scale_from_places_is_as_uncertain_as_its_scatter() -> None:
    rng = np.random.default_rng(1)
    places = rng.uniform(0, 300, (12, 2))
    found = [log_scale_sd(2.0 * rng.normal(size=places.shape), places, np.full(12, 20.0)) for _ in range(20)]
    spread = float(np.sqrt(((places - places.mean(axis=0)) ** 2).sum()))
    assert float(np.mean(found)) == pytest.approx(2.0 / spread, rel=0.1)


def test_catalogue_gives_one_number_to_one_particle() -> None:
    reference = scattered(3, 6)
    image = moved(reference, TRUE).take(np.array([4, 1, 2]))
    new = Sites(np.concatenate([image.yx_px, [[500.0, 500.0]]]), np.append(image.diameter_px, 99.0), np.ones(4, bool))
    catalogue = Catalogue(reference)
    matched = Registration(
        TRUE, 0.001, "particles", np.array([4, 1, 2]), np.array([0, 1, 2]), 0.0, -9.0, float("nan"), False
    )
    catalogue.add(1, new, matched)
    numbers = catalogue.numbers()
    assert numbers[1][:3].tolist() == numbers[0][[4, 1, 2]].tolist()
    assert set(numbers[0][[4, 1, 2]].tolist()) == {1, 2, 3}
    assert numbers[1][3] not in numbers[0]
    assert len(catalogue.sites) == 7


def test_found_and_stated_scale_are_weighed() -> None:
    sharp = relative_scale(1.30, 0.0001, "support", 1.26)
    assert sharp is not None
    assert sharp.value == pytest.approx(1.30, rel=1e-4)
    vague = relative_scale(1.30, 0.03, "particles", 1.26)
    assert vague is not None
    assert vague.value == pytest.approx(np.sqrt(1.30 * 1.26))
    assert vague.log_sd == pytest.approx(0.03 / np.sqrt(2))
    stated = relative_scale(None, float("nan"), "nothing", 1.26)
    assert stated is not None
    assert (stated.value, stated.source) == (1.26, "calibrations")
    assert relative_scale(None, float("nan"), "nothing", None) is None


def test_volume_ratio_and_what_its_uncertainty_is_made_of() -> None:
    before, now = Measured(100.0, 0.01, 1.0), Measured(25.0, 0.01, 1.0)
    ratio = volume_ratio(now, before, 2.0, 0.002, 1.5)
    assert ratio.value == pytest.approx(2.0)
    assert ratio.outline / ratio.value == pytest.approx(1.5 * 0.01 * np.sqrt(2))
    assert ratio.scale / ratio.value == pytest.approx(3 * 0.002)
    assert ratio.shape == 0
    assert ratio.low < 2 < ratio.high
    assert np.log(ratio.high / 2) == pytest.approx(1.96 * ratio.sd / 2, rel=1e-3)
    flatter = volume_ratio(Measured(25.0, 0.01, 1.3), before, 2.0, 0.002, 1.5)
    assert flatter.sd == ratio.sd
    assert flatter.shape / 2 == pytest.approx(np.log(1.3) / 2 / np.sqrt(3), rel=0.01)
    film = volume_ratio(Measured(25.0, 0.01, 1.3), before, 2.0, 0.002, 1.0)
    assert (film.value, film.shape) == (pytest.approx(1.0), 0.0)
