from __future__ import annotations

import numpy as np
import pytest
from core_profiles import body_parameters, profiles_of, strayed

from tem_track.movie import FloatArray
from tem_track.segment.core.errors import ProfileErrors
from tem_track.segment.core.fit import best_of
from tem_track.segment.core.kind import kinds_of_bodies
from tem_track.segment.core.seen import Seen, seen_together
from tem_track.segment.core.starts import HOLLOW, WITH_CORE, fits_whitened
from tem_track.segment.core.windows import Windows
from tem_track.segment.outline.chord import BLUR, CORE, CORE_RADIUS, FLAT, VOID, VOID_RADIUS, RadialProfiles

LENGTH = 0.2


def kinds(profiles: RadialProfiles, strength: float, windows: int = 6) -> list[str]:
    owner = np.repeat(np.arange(len(profiles) // windows), windows)
    found = Windows(profiles, owner, np.arange(len(profiles), dtype=float))
    errors = ProfileErrors(LENGTH, np.full(len(profiles), strength))
    return [kind.name for kind in kinds_of_bodies(found, profiles, errors)]


def strayed_bodies(parameters: FloatArray, strength: float, dark: bool = True, seed: int = 1) -> RadialProfiles:
    errors = ProfileErrors(LENGTH, np.full(len(parameters), strength))
    return strayed(profiles_of(parameters, dark), errors, seed)


@pytest.mark.parametrize("dark", [True, False])
def test_kinds_are_told_apart_among_errors(dark: bool) -> None:
    bodies = [
        body_parameters(6, dark=dark),
        body_parameters(6, core=0.35, void=1.35, dark=dark),
        body_parameters(6, core=0.25, dark=dark),
        body_parameters(6, void=1.0, dark=dark),
    ]
    found = kinds(strayed_bodies(np.concatenate(bodies), 0.02, dark), 0.02)
    assert found == ["solid", "core-shell", "core-shell", "hollow"]


def test_strong_errors_are_no_core_in_forty_solid_particles() -> None:
    profiles = strayed_bodies(body_parameters(240), 0.08)
    assert kinds(profiles, 0.08).count("solid") >= 39


def test_a_core_gains_by_chance_what_two_parameters_do_unless_errors_are_taken_for_too_small() -> None:
    profiles = strayed_bodies(body_parameters(60), 0.08)
    gains = []
    for strength in (0.08, 0.005):
        errors = ProfileErrors(LENGTH, np.full(60, strength))
        without, cored = (best_of(fits_whitened(profiles, free, errors)) for free in (HOLLOW, WITH_CORE))
        gains.append(float(np.median(without.chi2 - cored.chi2)))
    assert gains[0] < 6.0
    assert gains[1] > 10 * gains[0]


def test_a_plate_is_solid() -> None:
    plates = body_parameters(6)
    plates[:, FLAT] = 0.8
    assert kinds(strayed_bodies(plates, 0.01), 0.01) == ["solid"]


def test_a_particle_a_few_blurs_wide_shows_nothing_inside() -> None:
    bodies = body_parameters(6, core=0.5, void=1.5)
    bodies[:, BLUR] = 0.2
    small = profiles_of(bodies)
    small.blur[:] = 0.2
    found = Windows(small, np.zeros(6, np.intp), np.arange(6.0))
    assert len(found.resolved()) == 0
    nothing = small.take(slice(0, 0))
    assert kinds_of_bodies(found, nothing, ProfileErrors(LENGTH, np.zeros(0)))[0].name == "solid"


def seen(parameters: FloatArray, strength: float = 0.03) -> Seen:
    profiles = strayed_bodies(parameters, strength)
    errors = ProfileErrors(LENGTH, np.full(len(parameters), strength))
    without = np.min([fits.chi2 for fits in fits_whitened(profiles, HOLLOW, errors)], axis=0)
    return seen_together(fits_whitened(profiles, WITH_CORE, errors), without, CORE, CORE_RADIUS, 0.04, 0.05)


def test_a_core_that_moves_slowly_is_one_core() -> None:
    bodies = body_parameters(6, core=0.5)
    bodies[:, CORE_RADIUS] = np.linspace(0.85, 0.5, 6)
    found = seen(bodies)
    assert np.allclose(found.radius, bodies[:, CORE_RADIUS], atol=0.03)
    assert found.step == pytest.approx(0.5, abs=0.12)
    assert found.shown == 1.0


def test_a_core_that_jumps_about_gains_less_than_one_that_stays() -> None:
    still, jumping = body_parameters(6, core=0.3), body_parameters(6, core=0.3)
    jumping[:, CORE_RADIUS] = [0.5, 0.9, 0.55, 0.85, 0.5, 0.9]
    assert seen(jumping).gain < 0.6 * seen(still).gain


def test_a_core_that_stays_and_fades_is_steady() -> None:
    fading = body_parameters(6)
    fading[:, CORE] = [0.6, 0.55, 0.4, 0.25, 0.15, 0.1]
    assert seen(fading).steady
    jumping = fading.copy()
    jumping[:, CORE] = [0.6, 0.1, 0.5, 0.08, 0.6, 0.1]
    assert not seen(jumping, 0.01).steady


def test_errors_offer_no_steady_core() -> None:
    profiles = strayed_bodies(body_parameters(180), 0.08)
    errors = ProfileErrors(LENGTH, np.full(180, 0.08))
    without, cored = (fits_whitened(profiles, free, errors) for free in (HOLLOW, WITH_CORE))
    best = np.min([fits.chi2 for fits in without], axis=0)
    steady = 0
    for i in range(30):
        mine = np.arange(6 * i, 6 * i + 6)
        found = seen_together([fits.take(mine) for fits in cored], best[mine], CORE, CORE_RADIUS, 0.04, 0.05)
        steady += found.steady and found.step * found.typical_radius > 0.12 and found.gain > 20
    assert steady == 0


def test_a_void_is_seen_where_it_is() -> None:
    profiles = strayed_bodies(body_parameters(6, void=1.0), 0.02)
    errors = ProfileErrors(LENGTH, np.full(6, 0.02))
    found = seen_together(fits_whitened(profiles, HOLLOW, errors), np.full(6, 1e4), VOID, VOID_RADIUS, 0.04, 0.5)
    assert np.allclose(found.radius, 0.35, atol=0.03)
