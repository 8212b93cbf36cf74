"""Temperature, the Arrhenius clock and the log."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tem_track.errors import SettingsError
from tem_track.simulate import HeatingScene
from tem_track.simulate.heating_ramp import BOLTZMANN_EV, Clock, arrhenius, log_table, temperature_c, when_c

SCENE = HeatingScene(start_c=450.0, ramp_c_per_s=2.0, hold_c=600.0)


def test_the_ramp_rises_and_is_held() -> None:
    assert temperature_c(SCENE, np.array([-10.0, 0.0, 50.0, 75.0, 500.0])).tolist() == [430, 450, 550, 600, 600]
    assert when_c(SCENE, np.array([400.0, 450.0, 550.0, 600.0, 601.0])).tolist() == [0, 0, 50, 75, np.inf]


def test_an_isothermal_movie_has_no_later_temperature() -> None:
    still = replace(SCENE, ramp_c_per_s=0.0)
    assert when_c(still, np.array([450.0, 451.0])).tolist() == [0, np.inf]


def test_a_scene_that_cools_is_refused() -> None:
    with pytest.raises(SettingsError, match="hold_c is below start_c"):
        replace(SCENE, hold_c=300.0)


def test_arrhenius_is_one_at_the_reference_and_e_fold_by_the_activation_energy() -> None:
    rate = arrhenius(SCENE, np.array([600.0, 500.0]))
    assert rate[0] == 1
    assert -np.log(rate[1]) == pytest.approx(1.6 / BOLTZMANN_EV * (1 / 773.15 - 1 / 873.15))


def test_the_clock_runs_at_the_rate_of_the_process_and_back() -> None:
    held = Clock(replace(SCENE, start_c=600.0), 100.0)
    np.testing.assert_allclose(held.reading(np.array([0.0, 30.0, 100.0])), [0, 30, 100], rtol=1e-9)
    clock = Clock(SCENE, 120.0)
    times = np.array([3.0, 55.5, 119.0])
    np.testing.assert_allclose(clock.time_s(clock.reading(times)), times, rtol=1e-9)
    step = 0.01
    rate = (clock.reading(times + step) - clock.reading(times)) / step
    np.testing.assert_allclose(rate, arrhenius(SCENE, temperature_c(SCENE, times + step / 2)), rtol=1e-3)


def test_beyond_the_movie_the_clock_says_never() -> None:
    clock = Clock(SCENE, 50.0)
    assert clock.reading(np.array([51.0]))[0] == np.inf
    assert clock.time_s(np.array([clock.end_s * 1.01, np.inf])).tolist() == [np.inf, np.inf]


def test_the_log_gives_the_temperature_of_the_frames_on_its_own_clock() -> None:
    log = log_table(replace(SCENE, log_noise_c=0.0), 100.0)
    assert (np.diff(log["time_s"]) > 0).all()
    assert log["time_s"][0] < 1
    assert log["time_s"][-1] > 100 + SCENE.log_offset_s + 10
    times = np.array([0.0, 20.0, 99.0])
    read = np.interp(times + SCENE.log_offset_s, log["time_s"], log["temperature_c"])
    # Readings have one decimal.
    np.testing.assert_allclose(read, temperature_c(SCENE, times), atol=0.06)


def test_noise_and_gaps_of_the_log() -> None:
    scene = replace(SCENE, log_noise_c=2.0, log_gaps=((50.0, 58.0),))
    log = log_table(scene, 100.0)
    away = log["temperature_c"] - temperature_c(scene, log["time_s"] - scene.log_offset_s)
    assert away.std() == pytest.approx(2.0, rel=0.1)
    assert np.diff(log["time_s"]).max() == pytest.approx(8.0, abs=0.3)
    assert not ((log["time_s"] >= 50) & (log["time_s"] <= 58)).any()
    with pytest.raises(SettingsError, match="to_s must come after"):
        replace(SCENE, log_gaps=((9.0, 3.0),))
