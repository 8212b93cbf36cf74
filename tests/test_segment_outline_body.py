from __future__ import annotations

import numpy as np
import pytest

from tem_track.movie import FloatArray
from tem_track.segment.outline.body import SMALL_BALL, fit_any_bodies, fit_bodies, solid_guess
from tem_track.segment.outline.chord import (
    BLUR,
    CORE,
    EDGE,
    FLAT,
    PARAMETERS,
    VOID,
    RadialProfiles,
    body_profiles,
    profiles_and_slopes,
)

BALL = np.array([1.05, 0.03, 1.0, 0.8, 0.0, 0.0, 0.8, 0.3, 0.0, 0.0])
CORED = np.array([0.97, 0.03, 1.0, 0.6, 0.5, 0.8, 0.75, 0.4, 0.0, 0.0])


def profiles(bodies: FloatArray, noise: float = 1e-3, dark: bool = True) -> RadialProfiles:
    step = np.full(len(bodies), 1.4 / 70)
    level = body_profiles(bodies, 70, step, dark) + np.random.default_rng(3).normal(0, noise, (len(bodies), 70))
    flat = np.ones(len(bodies))
    return RadialProfiles(step, level, np.full(level.shape, noise**-2), dark, 0.03 * flat, 0.01 * flat)


@pytest.mark.parametrize("dark", [True, False])
def test_slopes_are_the_derivatives(dark: bool) -> None:
    body = np.array([[1.02, 0.05, 1.0, 0.7, 0.4, 0.6, 0.7, 0.35, 0.2, 1e-3]])
    step, free = np.array([0.02]), tuple(range(PARAMETERS))
    _, slopes = profiles_and_slopes(body, 70, step, dark, free)
    for i in free:
        if i in (EDGE, FLAT):
            # The flat part's edge moves through whole bins: only its mean slope is smooth.
            continue
        more, less = body.copy(), body.copy()
        more[0, i] += 1e-5
        less[0, i] -= 1e-5
        change = (body_profiles(more, 70, step, dark) - body_profiles(less, 70, step, dark)) / 2e-5
        assert np.allclose(slopes[:, i], change, atol=2e-3 * max(1.0, float(np.abs(change).max())))


def test_bodies_are_found_again_and_their_errors_are_stated() -> None:
    found = fit_any_bodies(profiles(np.stack([BALL, CORED])), np.full((2, PARAMETERS), np.nan))
    assert found.parameters[:, EDGE] == pytest.approx([1.05, 0.97], abs=0.004)
    assert found.parameters[1, CORE] > 0.2
    assert (found.chi2 < 2 * found.bins).all()
    many = profiles(np.tile(BALL, (200, 1)), noise=0.01)
    fits = fit_bodies(many, solid_guess(many), SMALL_BALL)
    pull = (fits.parameters[:, EDGE] - BALL[EDGE]) / np.sqrt(fits.variance[:, EDGE])
    assert 0.8 < float(np.std(pull)) < 1.25


def test_many_profiles_together_are_fitted_as_each_alone() -> None:
    many = profiles(np.tile(np.stack([BALL, CORED]), (150, 1)), noise=0.005)
    free = (EDGE, BLUR, 2, 3, CORE, VOID)
    together = fit_bodies(many, solid_guess(many), free)
    for i in (0, 1, 255, 256, 299):
        alone = many.take(np.array([i]))
        one = fit_bodies(alone, solid_guess(alone), free)
        assert one.parameters[0] == pytest.approx(together.parameters[i], abs=1e-6)
