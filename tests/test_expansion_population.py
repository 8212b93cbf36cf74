from __future__ import annotations

import numpy as np
import pytest
from expansion_curves import tracks_of

from tem_track.expansion.population import population_curve

TIMES = np.arange(4) * 2.0


def table() -> dict[str, np.ndarray]:
    tracks = tracks_of([np.ones(4)] * 3, TIMES)
    tracks["volume_ratio"][:] = np.repeat([1.0, 2.0, 4.0], 4)
    tracks["volume_ratio_sd"][:] = 0.3
    return tracks


def test_mean_spread_and_uncertainty_per_kind() -> None:
    found = population_curve(table(), TIMES, {1: "solid", 2: "hollow", 3: "hollow"}, dict.fromkeys((1, 2, 3), True))
    assert found["frame"].tolist() == [0, 1, 2, 3]
    assert found["particles"].tolist() == [3] * 4
    assert found["volume_ratio_mean"] == pytest.approx(7 / 3)
    assert found["volume_ratio_median"] == pytest.approx(2.0)
    assert found["volume_ratio_sd_hollow"] == pytest.approx(np.sqrt(2))
    assert found["volume_ratio_sem_hollow"] == pytest.approx(1.0)
    assert found["volume_ratio_sem_solid"] == pytest.approx(0.3)
    assert np.isnan(found["volume_ratio_sd_solid"]).all()
    assert (found["particles_core_shell"] == 0).all()
    assert np.isnan(found["volume_ratio_mean_core_shell"]).all()


def test_who_does_not_count() -> None:
    tracks = table()
    tracks["touches_border"][0] = 1
    tracks["state"][5] = "fractured"
    tracks["volume_ratio"][2] = np.nan
    found = population_curve(tracks, TIMES, {}, {1: True, 2: True, 3: False})
    assert found["particles"].tolist() == [1, 1, 1, 2]


def test_no_particles_at_all() -> None:
    tracks = {name: values[:0] for name, values in table().items()}
    found = population_curve(tracks, TIMES, {}, {})
    assert (found["particles"] == 0).all()
    assert np.isnan(found["volume_ratio_mean"]).all()
