from __future__ import annotations

import numpy as np
import pytest
from core_profiles import BLUR_SD, body_parameters, profiles_of, strayed

from tem_track.segment.core.errors import ProfileErrors
from tem_track.segment.core.fit import Expected, best_of, fit_whitened, learn_errors
from tem_track.segment.core.starts import SOLID, WITH_CORE, fit_kind
from tem_track.segment.outline.chord import BLUR, BODY, CORE, CORE_RADIUS

CORED = body_parameters(40, core=0.35, void=1.0)


def errors(strength: float, count: int = 40, length: float = 0.2) -> ProfileErrors:
    return ProfileErrors(length, np.full(count, strength))


@pytest.mark.parametrize("dark", [True, False])
def test_an_exact_profile_gives_its_body_back(dark: bool) -> None:
    true = body_parameters(1, core=0.35, void=1.0, dark=dark)
    start = true.copy()
    start[:, CORE_RADIUS], start[:, BODY], start[:, CORE] = 0.7, 1.0, 0.5
    fits = fit_whitened(profiles_of(true, dark), [start], WITH_CORE, errors(0.01, 1))[0]
    assert np.allclose(fits.parameters, true, atol=2e-3)
    assert fits.chi2[0] < 0.1


def test_a_core_among_smooth_errors_is_placed_better_than_by_plain_least_squares_and_known_as_well_as_stated() -> None:
    profiles = strayed(profiles_of(CORED), errors(0.04), seed=1)
    plain = fit_kind(profiles, WITH_CORE)
    white = fit_whitened(profiles, [plain.parameters, CORED], WITH_CORE, errors(0.04))
    fits = best_of(white)
    off, off_plain = (p[:, CORE_RADIUS] - 0.78 for p in (fits.parameters, plain.parameters))
    assert np.abs(off).mean() < 0.6 * np.abs(off_plain).mean()
    assert 0.7 < np.sqrt(np.mean(off**2 / fits.variance[:, CORE_RADIUS])) < 1.4


@pytest.mark.parametrize("strength", [0.01, 0.04])
def test_the_strength_and_length_of_the_errors_are_learned(strength: float) -> None:
    profiles = strayed(profiles_of(CORED), errors(strength, length=0.15), seed=2)
    found, parameters = learn_errors(profiles, CORED, WITH_CORE)
    assert found.length == 0.15
    assert np.exp(np.log(found.strength).mean()) == pytest.approx(strength, rel=0.4)
    assert np.median(parameters[:, CORE_RADIUS]) == pytest.approx(0.78, abs=0.01)


def test_nothing_to_learn_from_is_no_error() -> None:
    empty = profiles_of(body_parameters(1)).take(slice(0, 0))
    found, parameters = learn_errors(empty, body_parameters(0), WITH_CORE)
    assert len(found.strength) == len(parameters) == 0


def test_what_is_expected_counts_as_a_measurement() -> None:
    profiles, start = profiles_of(CORED), CORED.copy()
    start[:, CORE_RADIUS] = 0.7
    firm = [Expected(CORE_RADIUS, np.full(40, 0.7), np.full(40, 1e-4))]
    held = fit_whitened(profiles, [start], WITH_CORE, errors(0.02), expected=firm)[0]
    assert np.allclose(held.parameters[:, CORE_RADIUS], 0.7, atol=2e-3)
    free = fit_whitened(profiles, [start], WITH_CORE, errors(0.02))[0]
    assert np.allclose(free.parameters[:, CORE_RADIUS], 0.78, atol=2e-3)


def test_fits_of_many_profiles_are_those_of_each() -> None:
    profiles = strayed(profiles_of(body_parameters(300)), errors(0.02, 300), seed=3)
    start = body_parameters(300, body=1.0)
    start[:, BLUR] = 1.1 * BLUR_SD
    together = fit_whitened(profiles, [start], SOLID, errors(0.02, 300))[0]
    alone = fit_whitened(profiles.take(slice(270, 271)), [start[:1]], SOLID, errors(0.02, 1))[0]
    # Single precision tells them to a few hundredths of their errors.
    off = np.abs(together.parameters[270] - alone.parameters[0])
    assert (off <= 0.05 * np.sqrt(alone.variance[0])).all()
    assert together.unlikely.shape == (300,)
