from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from core_profiles import body_parameters, profiles_of, strayed

from tem_track.segment.core.errors import ProfileErrors
from tem_track.segment.core.pedestal import pedestal_and_length, without_pedestal


def test_taking_the_pedestal_off_undoes_putting_it_under() -> None:
    bare, raised = (profiles_of(body_parameters(2), pedestal=share) for share in (0.0, 0.15))
    assert np.allclose(without_pedestal(raised, 0.15).level, bare.level)
    # Noise grows with the stretch.
    assert np.allclose(without_pedestal(raised, 0.15).weight, 0.85**2 * bare.weight)


@pytest.mark.parametrize("share", [0.0, 0.07, 0.18])
def test_thick_particles_show_the_pedestal(share: float) -> None:
    bodies = np.concatenate([body_parameters(8, body=t, core=0.3, void=1.0) for t in (0.8, 1.3, 1.8)])
    profiles = strayed(profiles_of(bodies, pedestal=share), ProfileErrors(0.2, np.full(24, 0.03)), seed=4)
    found, length = pedestal_and_length(profiles)
    assert found == pytest.approx(share, abs=0.03)
    assert length in (0.15, 0.2, 0.3)


def test_dark_field_has_none_and_nothing_shows_none() -> None:
    bright = profiles_of(body_parameters(2, dark=False), dark=False)
    assert pedestal_and_length(bright)[0] == 0.0
    assert pedestal_and_length(replace(bright, dark=True).take(slice(0, 0)))[0] == 0.0
