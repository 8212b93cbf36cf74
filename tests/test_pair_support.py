"""Registration on the support: scale and place without bias, an honest uncertainty, another support refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pair_pictures import AS_IT_IS, SIDE, about_middle, corners_apart, pair_of, picture, scattered, support

from tem_track.pair import Picture, Similarity
from tem_track.pair.anchored import similarities_from_anchors
from tem_track.pair.bands import kept_small, reduced
from tem_track.pair.features import similarities_from_features
from tem_track.pair.support import fit_support

TRUE = Similarity(1.12, 0.35, (30.0, -25.0))


def nearly(similarity: Similarity, scale: float = 1.01, shift: float = 3.0) -> Similarity:
    dy, dx = similarity.shift_px
    return Similarity(scale * similarity.scale, similarity.rotation_rad + 0.01, (dy + shift, dx - shift))


def test_the_support_brings_a_rough_start_into_place() -> None:
    reference, image = pair_of(1, TRUE)
    found = fit_support(reference, image, nearly(TRUE))
    assert found is not None
    assert found.same
    assert corners_apart(found.similarity, TRUE) < 0.5
    assert corners_apart(nearly(TRUE), TRUE) > 5


@pytest.mark.slow
def test_noise_does_not_bias_the_scale_and_the_uncertainty_is_honest() -> None:
    # Noise as strong as the support: a gain or a slope fitted to the noisy picture would shift the scale by per cents.
    errors, sds = [], []
    for seed in range(6):
        reference, image = pair_of(seed, TRUE, noise=9.0)
        rng = np.random.default_rng(seed)
        noisy = replace(reference, frame=reference.frame + 9 * rng.normal(size=(SIDE, SIDE)).astype(np.float32))
        found = fit_support(noisy, image, TRUE)
        assert found is not None
        errors.append(float(np.log(found.similarity.scale / TRUE.scale)))
        sds.append(found.log_scale_sd)
    assert abs(np.mean(errors)) < 0.002
    assert 0.3 < float(np.sqrt(np.mean((np.array(errors) / sds) ** 2))) < 2.5


def test_dark_field_lies_on_bright_field() -> None:
    reference, image = pair_of(2, TRUE, dark=False)
    found = fit_support(reference, image, nearly(TRUE))
    assert found is not None
    assert found.same
    assert corners_apart(found.similarity, TRUE) < 0.5


def test_another_support_is_not_the_same() -> None:
    for seed in range(4):
        reference = picture(scattered(seed, 6), support(seed), AS_IT_IS)
        other = picture(scattered(seed, 6), support(seed + 100), AS_IT_IS, seed=1)
        found = fit_support(reference, other, AS_IT_IS)
        assert found is None or not found.same


def test_nothing_but_noise_is_nothing_to_hold_on_to() -> None:
    bare = np.zeros((3 * SIDE, 3 * SIDE))
    found = fit_support(
        picture(scattered(1, 5), bare, AS_IT_IS), picture(scattered(1, 5), bare, AS_IT_IS, seed=3), AS_IT_IS
    )
    assert found is None or not found.same


def test_one_particle_and_the_support_give_the_rotation() -> None:
    true = about_middle(1.05, -2.3)
    reference, image = pair_of(5, true, count=1)
    guesses = similarities_from_anchors(reference, image, float(np.log(1.07)))
    found = [fit for guess in guesses if (fit := fit_support(reference, image, guess)) is not None and fit.same]
    assert found
    assert corners_apart(found[0].similarity, true) < 1.5


def test_marks_in_the_pictures_give_the_similarity_too() -> None:
    true = Similarity(1.05, 0.3, (-20.0, 20.0))
    guesses = similarities_from_features(*pair_of(6, true, count=14, growth=1.0, noise=0.5))
    assert guesses
    assert corners_apart(guesses[0], true) < 12
    empty = np.full((SIDE, SIDE), 100.0, np.float32)
    blank = Picture(empty, np.zeros((SIDE, SIDE), bool), -1, scattered(1, 2), None)
    assert similarities_from_features(blank, blank) == []


def test_a_large_picture_kept_small_registers_alike() -> None:
    rng = np.random.default_rng(4)
    large = np.asarray(100 + 20 * rng.normal(size=(300, 2500)), np.float32)
    sites = scattered(1, 3)
    picture_of = Picture(large, np.zeros(large.shape, bool), -1, sites, None)
    small = kept_small(picture_of)
    assert max(small.frame.shape) == 1024
    assert small.shape_px == pytest.approx((300, 2500), abs=3)
    again, direct = reduced(small, 4.0).grey[4:-4, 4:-4], reduced(picture_of, 4.0).grey
    direct = direct[4 : 4 + again.shape[0], 4 : 4 + again.shape[1]]
    # The same noise comes out, a little smoother for having been averaged twice.
    assert np.corrcoef(again.ravel(), direct.ravel())[0, 1] > 0.95
    assert kept_small(small) is small
