"""Planes through arrival times, the boundary zone and the kinetics."""

from __future__ import annotations

import numpy as np
import pytest

from tem_track.front.propagation.kinetics import BOLTZMANN_EV, ZERO_C_K, Kinetics, measure_kinetics
from tem_track.front.propagation.zone import zone_width_px
from tem_track.front.speed import fit_slope, steepness, well_fitted_slope
from tests.fronts import SPEED, held_front, two_grains

SHAPE = (80, 120)
EVERYWHERE = np.ones(SHAPE, bool)
ONE = np.ones(SHAPE, np.int32)


def tilted(dy: float, dx: float, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    y, x = np.indices(SHAPE)
    arrival = 20 + dy * y + dx * x + noise * np.random.default_rng(seed).standard_normal(SHAPE)
    return arrival.astype(np.float32)


def test_a_straight_front_gives_its_own_slope_everywhere() -> None:
    slope = fit_slope(tilted(0.3, -0.4), ONE, EVERYWHERE, 2)
    assert np.allclose(slope.dy[2:-2, 2:-2], 0.3, atol=1e-4)
    assert np.allclose(slope.dx[2:-2, 2:-2], -0.4, atol=1e-4)
    assert np.allclose(steepness(slope, 0.0)[2:-2, 2:-2], 0.5, atol=1e-3)
    assert np.allclose(slope.level[2:-2, 2:-2], tilted(0.3, -0.4)[2:-2, 2:-2], atol=1e-3)


def test_no_window_reaches_across_a_boundary() -> None:
    slope = fit_slope(held_front().astype(np.float32), two_grains(), EVERYWHERE, 3)
    assert np.allclose(slope.dx[10:-10, 10:-10], 1 / SPEED, atol=1e-3)
    across = fit_slope(held_front().astype(np.float32), ONE, EVERYWHERE, 3)
    assert across.dx[40, 59] > 3 / SPEED


def test_gaps_and_missing_grains_stay_unknown() -> None:
    arrival = tilted(0.1, 0.1)
    arrival[:40] = np.nan
    slope = fit_slope(arrival, ONE, EVERYWHERE, 2)
    assert np.isnan(slope.dy[:40]).all()
    assert np.isfinite(slope.dy[45:-3, 3:-3]).all()
    assert np.isnan(fit_slope(arrival, np.zeros(SHAPE, np.int32), EVERYWHERE, 2).dy).all()


@pytest.mark.parametrize("noise", [0.0, 0.5, 1.0])
def test_noise_does_not_slow_the_front_down(noise: float) -> None:
    slope, expected = well_fitted_slope(tilted(0.0, 0.25, noise), ONE, EVERYWHERE)
    speed = 1 / np.maximum(steepness(slope, expected), 1e-6)
    assert np.median(speed[np.isfinite(slope.noise)]) == pytest.approx(4.0, rel=0.03)
    plain = fit_slope(tilted(0.0, 0.25, 1.0), ONE, EVERYWHERE, 2)
    assert np.nanmedian(1 / np.hypot(plain.dy, plain.dx)) < 3.6


def zoned(zone_px: float, fast: float, slow: float) -> tuple[np.ndarray, np.ndarray]:
    """Return slope magnitudes of a front that is faster within a zone of a boundary, and the distances."""
    distance = np.abs(np.arange(SHAPE[1]) - 59.5) + np.zeros(SHAPE)
    speed = np.where(distance <= zone_px, fast, slow)
    rng = np.random.default_rng(3)
    return (1 / speed * np.exp(0.2 * rng.standard_normal(SHAPE))).astype(np.float32), distance.astype(np.float32)


@pytest.mark.parametrize("width", [5.0, 9.0, 16.0])
def test_the_zone_ends_where_the_speed_steps(width: float) -> None:
    steep, distance = zoned(width, 6.0, 2.0)
    assert zone_width_px(steep, distance, EVERYWHERE) == pytest.approx(width, abs=1.0)


def test_without_a_step_there_is_no_zone() -> None:
    steep, distance = zoned(8.0, 3.0, 3.0)
    assert zone_width_px(steep, distance, EVERYWHERE) is None
    assert zone_width_px(steep, np.full(SHAPE, np.inf, np.float32), EVERYWHERE) is None
    slower, distance = zoned(8.0, 2.0, 6.0)
    assert zone_width_px(slower, distance, EVERYWHERE) is None


def arrhenius_field(energy_ev: float, factor: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return speeds, zone and temperatures of a front with an activation energy and a boundary factor."""
    rng = np.random.default_rng(4)
    temperature = rng.uniform(520, 640, SHAPE)
    zone = rng.random(SHAPE) < 0.3
    beta = 1 / (BOLTZMANN_EV * (temperature + ZERO_C_K))
    reference = 1 / (BOLTZMANN_EV * (600 + ZERO_C_K))
    speed = 5 * np.exp(-energy_ev * (beta - reference)) * np.where(zone, factor, 1)
    return speed * np.exp(0.3 * rng.standard_normal(SHAPE)), zone, temperature


def kinetics_of(
    speed: np.ndarray, zone: np.ndarray, known: np.ndarray, heat: np.ndarray | None, passed: np.ndarray | None = None
) -> Kinetics:
    near, far = (np.where(known & part, speed, np.nan) for part in (zone, ~zone))
    return measure_kinetics(near, far, zone, heat, known if passed is None else passed)


def test_energy_and_factor_come_back_with_intervals_that_hold_them() -> None:
    speed, zone, temperature = arrhenius_field(1.7, 2.5)
    kinetics = kinetics_of(speed, zone, EVERYWHERE, temperature)
    assert kinetics.activation_ev.value == pytest.approx(1.7, abs=0.05)
    assert kinetics.activation_ev.low <= 1.7 <= kinetics.activation_ev.high
    assert kinetics.ratio_same_temperature == pytest.approx(2.5, rel=0.04)
    assert kinetics.ratio.low <= 2.5 <= kinetics.ratio.high
    assert kinetics.ratio.value == pytest.approx(2.5, rel=0.06)


def test_a_tail_of_fast_places_is_no_part_of_the_speed() -> None:
    speed, zone, temperature = arrhenius_field(1.7, 2.5)
    rng = np.random.default_rng(6)
    tail = np.where(rng.random(SHAPE) < 0.35, speed * rng.uniform(2, 20, SHAPE), speed)
    true = kinetics_of(speed, zone, EVERYWHERE, temperature).interior.value
    assert kinetics_of(tail, zone, EVERYWHERE, temperature).interior.value == pytest.approx(true, rel=0.12)
    assert np.median(tail[~zone]) > 1.25 * np.median(speed[~zone])


def test_the_mean_is_over_what_the_front_passed() -> None:
    speed, zone, temperature = arrhenius_field(1.7, 2.5)
    cool = temperature < 580
    known = kinetics_of(speed, zone, cool, temperature)
    passed = kinetics_of(speed, zone, cool, temperature, EVERYWHERE)
    assert known.interior.value == pytest.approx(float(speed[~zone & cool].mean()), rel=0.08)
    assert passed.interior.value == pytest.approx(float(speed[~zone].mean()), rel=0.15)
    assert passed.interior.value > 1.5 * known.interior.value


def test_at_one_temperature_there_is_no_energy() -> None:
    speed, zone, _ = arrhenius_field(1.7, 2.5)
    kinetics = kinetics_of(speed, zone, EVERYWHERE, np.full(SHAPE, 600.0))
    assert np.isnan(kinetics.activation_ev.value)
    assert np.isnan(kinetics_of(speed, zone, EVERYWHERE, None).activation_ev.value)
    assert np.isfinite(kinetics.ratio.value)


def test_lost_slopes_count_as_fast_and_too_few_pixels_as_nothing() -> None:
    speed, zone, temperature = arrhenius_field(1.7, 2.5)
    lost = np.where(np.random.default_rng(5).random(SHAPE) < 0.1, np.inf, speed)
    assert kinetics_of(lost, zone, EVERYWHERE, temperature).interior.value > np.median(speed[~zone])
    few = np.zeros(SHAPE, bool)
    few[:4, :4] = True
    assert np.isnan(kinetics_of(speed, zone, few, temperature).boundary.value)
    assert np.isnan(kinetics_of(speed, zone, ~EVERYWHERE, temperature).ratio.value)
