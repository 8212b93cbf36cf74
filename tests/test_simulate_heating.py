"""A heated lamella: the physics that was asked for is in the arrival map, and the frames show it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tem_track.errors import SettingsError
from tem_track.movie import FloatArray
from tem_track.simulate import HeatingScene, HeatingSimulation, simulate_heating
from tem_track.simulate.heating_grains import boundary_mask, distance_nm
from tem_track.simulate.heating_ramp import arrhenius, temperature_c

SCENE = HeatingScene(height_px=180, width_px=200, grain_nm=120.0, damage_sites=1.5, seed=12)
QUIET = replace(
    SCENE,
    noise=False,
    flicker=0.0,
    defocus_wander=0.0,
    fixed_pattern=0.0,
    vignetting=0.0,
    drift_px=0.0,
    settling_px=0.0,
    psf_px=0.0,
)


@pytest.fixture(scope="module")
def aged() -> HeatingSimulation:
    return simulate_heating(SCENE)


def slope(arrival: FloatArray) -> FloatArray:
    return np.hypot(*np.gradient(arrival))


def test_the_front_has_the_speed_of_its_place_and_temperature(aged: HeatingSimulation) -> None:
    arrival, grains = aged.truth.arrival_s.astype(float), aged.truth.grains
    away = distance_nm(boundary_mask(grains, grains > 0), SCENE.pixel_size_nm)
    with np.errstate(invalid="ignore", divide="ignore"):
        speed = SCENE.pixel_size_nm / slope(arrival)
    wanted = SCENE.speed_nm_per_s * arrhenius(SCENE, temperature_c(SCENE, arrival))
    ahead = np.isfinite(speed) & (arrival > 0) & (away > SCENE.boundary_zone_nm + 4)
    assert np.median(speed[ahead] / wanted[ahead]) == pytest.approx(1.0, abs=0.03)
    along = np.isfinite(speed) & (arrival > 0) & (away < SCENE.boundary_zone_nm - 4) & (away > 4)
    assert np.median(speed[along] / wanted[along]) == pytest.approx(SCENE.boundary_factor, rel=0.06)


def test_nothing_moves_before_the_onset(aged: HeatingSimulation) -> None:
    arrival = aged.truth.arrival_s
    first = np.nanmin(arrival[arrival > 0])
    assert temperature_c(SCENE, np.array([first]))[0] >= SCENE.onset_c
    onset = aged.truth.summary["onset_s"]
    assert ((arrival > 0) & (arrival <= onset)).mean() == pytest.approx(2e-4, abs=4e-5)


def test_boundaries_hold_the_front_below_the_crossing_temperature() -> None:
    barred = simulate_heating(replace(SCENE, crossing_c=900.0, damage_sites=0.7))
    truth = barred.truth
    started = set(truth.nuclei["grain_id"].tolist())
    whole = [g for g, f in zip(truth.grain_rows["grain_id"], truth.grain_rows["final_fraction"], strict=True) if f == 0]
    assert len(whole) > 0
    assert not started & set(whole)
    assert len(truth.crossings["y_px"]) == 0
    assert truth.summary["crossing_temperature_c"] is None
    for grain in whole:
        assert np.isnan(truth.arrival_s[truth.grains == grain]).all()


def test_crossings_come_after_the_unlocking_with_their_delay(aged: HeatingSimulation) -> None:
    crossings, arrival, grains = aged.truth.crossings, aged.truth.arrival_s, aged.truth.grains
    assert len(crossings["y_px"]) > 3
    assert (crossings["temperature_c"] >= SCENE.crossing_c).all()
    assert (crossings["delay_s"] >= SCENE.crossing_delay_s - 1e-6).all()
    assert (np.diff(crossings["crossing_s"]) >= 0).all()
    for i in range(len(crossings["y_px"])):
        y, x = crossings["y_px"][i], crossings["x_px"][i]
        pair = {(int(np.floor(y)), int(np.floor(x))), (int(np.ceil(y)), int(np.ceil(x)))}
        by_grain = {int(grains[p]): p for p in pair}
        before, after = by_grain[int(crossings["from_grain"][i])], by_grain[int(crossings["to_grain"][i])]
        if arrival[before] > 0:
            assert arrival[before] == pytest.approx(crossings["arrival_s"][i], abs=1e-3)
        assert crossings["crossing_s"][i] < arrival[after] + 1e-3 or arrival[after] == 0
    seen = crossings["crossing_s"][crossings["gained_px"] >= 50].min()
    assert aged.truth.summary["crossing_s"] == pytest.approx(seen)


def test_every_degraded_pixel_came_from_a_nucleus_or_a_crossing() -> None:
    # No drift: nothing comes in over the edge of the field but what a margin of 8 px holds.
    truth = simulate_heating(replace(SCENE, drift_px=0.0, settling_px=0.0)).truth
    came = truth.nuclei["area_px"].sum() + truth.crossings["gained_px"].sum()
    reached = (truth.arrival_s > 0).sum()
    assert 0.85 * reached < came <= 1.001 * reached


def test_damage_of_frame_0_lies_at_boundaries_on_one_side(aged: HeatingSimulation) -> None:
    arrival, grains = aged.truth.arrival_s, aged.truth.grains
    damaged = arrival == 0
    assert 0.001 < damaged.mean() < 0.08
    away = distance_nm(boundary_mask(grains, grains > 0), SCENE.pixel_size_nm)
    assert away[damaged].max() < 4 * SCENE.damage_nm
    assert aged.truth.front["degraded_fraction"][0] == pytest.approx(damaged.mean())


def test_pristine_boundaries_go_before_interiors() -> None:
    scene = replace(SCENE, variant="pristine", onset_c=520.0, crossing_c=0.0, boundary_factor=6.0, speed_nm_per_s=2.5)
    truth = simulate_heating(scene).truth
    assert not (truth.arrival_s == 0).any()
    front = truth.front
    at_half = int(np.searchsorted(front["degraded_fraction"], 0.5))
    assert front["boundary_fraction"][at_half] > front["interior_fraction"][at_half] + 0.2
    assert {"boundary", "interior"} <= set(truth.nuclei["site"].tolist())
    assert truth.summary["crossing_temperature_c"] is None
    inside = truth.nuclei["temperature_c"][truth.nuclei["site"] == "interior"]
    assert (inside >= scene.nanovoid_onset_c).all()


def test_a_stable_specimen_stays() -> None:
    simulation = simulate_heating(replace(QUIET, variant="stable", frames=30))
    assert np.isnan(simulation.truth.arrival_s).all()
    assert simulation.truth.summary["onset_temperature_c"] is None
    assert simulation.truth.summary["boundary_interior_ratio"] is None
    assert (simulation.frames[0] == simulation.frames[29]).all()


def test_the_arrival_is_half_of_the_first_fall() -> None:
    scene = replace(QUIET, voids_per_um2=0.0, slow_share=0.0, dose_per_px=2000.0, frame_interval_s=0.5, frames=200)
    simulation = simulate_heating(scene)
    frames = np.stack([simulation.frames[k] for k in range(200)]).astype(float)
    arrival = simulation.truth.arrival_s
    y, x = np.nonzero((arrival > 5) & (arrival < 92))
    level = (frames[0, y, x] + frames[-1, y, x]) / 2
    fell = np.argmax(frames[:, y, x] < level, axis=0)
    # Between the frame before and the first frame below half.
    late = fell * 0.5 - arrival[y, x]
    assert np.median(late) == pytest.approx(0.25, abs=0.1)
    assert np.percentile(np.abs(late - 0.25), 90) < 0.4
    left = frames[-1, y, x] / frames[0, y, x]
    assert 0.3 < np.percentile(left, 1) < np.median(left) < np.percentile(left, 99) < 1


def test_darkening_goes_on_slowly_with_voids() -> None:
    scene = replace(QUIET, slow_share=0.4, slow_s=20.0, dose_per_px=500.0, frames=110, frame_interval_s=1.0)
    simulation = simulate_heating(scene)
    arrival = simulation.truth.arrival_s
    early = (arrival > 30) & (arrival < 60)
    mean = [simulation.frames[k][early].mean() for k in (0, 66, 90, 109)]
    assert mean[0] > mean[1] > mean[2] > mean[3]
    assert (mean[1] - mean[3]) / (mean[0] - mean[3]) > 0.08


def test_the_specimen_moves_by_the_stated_drift() -> None:
    scene = replace(QUIET, variant="stable", frames=60, settling_px=7.0, jumps=((30.0, 5.0, -9.0),), psf_px=0.8)
    simulation = simulate_heating(scene)
    drift = simulation.truth.drift_px
    assert np.hypot(*drift[29]) == pytest.approx(7 * (1 - np.exp(-29 * 0.9 / 25)), rel=1e-6)
    assert drift[30] - drift[29] == pytest.approx([5, -9], abs=0.3)
    here, there = (simulation.frames[k].astype(float)[20:-20, 20:-20] for k in (0, 45))
    spectrum = np.fft.fft2(here - here.mean()).conj() * np.fft.fft2(there - there.mean())
    peak = np.unravel_index(np.argmax(np.fft.ifft2(spectrum).real), here.shape)
    found = [(p + n // 2) % n - n // 2 for p, n in zip(peak, here.shape, strict=True)]
    assert found == pytest.approx(drift[45], abs=0.6)


def test_bad_frames_are_bad_and_the_rest_is_not() -> None:
    scene = replace(SCENE, frames=20, blank=(5,), duplicate=(9,), blurred=((12.0, 4.0),), dropped=((15.0, 2.0),))
    simulation = simulate_heating(scene)
    assert simulation.frames[5].mean() < 10
    assert (simulation.frames[9] == simulation.frames[8]).all()
    rough = [np.abs(np.diff(simulation.frames[k].astype(float), axis=1)).mean() for k in (11, 12)]
    assert rough[1] < rough[0]
    assert np.diff(simulation.times_s)[14] == pytest.approx(3 * 0.9)
    truth = simulation.truth
    assert truth.frames["state"][[5, 9, 12]].tolist() == ["blank", "duplicate", "blurred"]
    assert truth.drift["usable"].sum() == 17


def test_the_same_scene_gives_the_same_bytes_in_any_order(aged: HeatingSimulation) -> None:
    again = simulate_heating(SCENE)
    assert (again.frames[70] == aged.frames[70]).all()
    assert (aged.frames[3] == again.frames[3]).all()
    np.testing.assert_array_equal(again.truth.arrival_s, aged.truth.arrival_s)
    other = simulate_heating(replace(SCENE, seed=13))
    assert (other.truth.grains != aged.truth.grains).any()


def test_grain_rows_are_the_quantiles_of_the_arrival(aged: HeatingSimulation) -> None:
    truth = aged.truth
    rows = truth.grain_rows
    assert rows["area_px"].sum() == truth.grains.size
    i = int(np.argmax(rows["area_px"]))
    arrival = truth.arrival_s[(truth.grains == rows["grain_id"][i]) & ~(truth.arrival_s == 0)]
    assert (arrival <= rows["half_s"][i] + 1e-4).mean() == pytest.approx(0.5, abs=0.002)
    assert rows["onset_s"][i] < rows["half_s"][i] < rows["complete_s"][i]
    assert rows["half_c"][i] == pytest.approx(450 + 2 * rows["half_s"][i])


def test_front_fractions_rise_to_the_end(aged: HeatingSimulation) -> None:
    front = aged.truth.front
    for name in ("degraded_fraction", "boundary_fraction", "interior_fraction"):
        assert (np.diff(front[name]) >= 0).all()
    assert front["degraded_fraction"][-1] == pytest.approx(np.isfinite(aged.truth.arrival_s).mean())


def test_a_movie_that_ends_early_has_what_it_shows_only() -> None:
    truth = simulate_heating(replace(SCENE, frames=20)).truth
    assert np.isnan(truth.arrival_s[~(truth.arrival_s == 0)]).all()
    assert len(truth.nuclei["y_px"]) == len(truth.crossings["y_px"]) == 0
    assert truth.summary["onset_temperature_c"] is None


def test_cracks_and_old_voids_are_no_degradation() -> None:
    scene = replace(QUIET, variant="stable", frames=3)
    marked = replace(scene, cracks=3, old_voids_per_um2=300.0)
    a, b = simulate_heating(scene), simulate_heating(marked)
    darker = b.frames[0].astype(float) < 0.85 * a.frames[0]
    assert 0.005 < darker.mean() < 0.4
    assert np.isnan(b.truth.arrival_s).all()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"darkening": 0.95}, "at most 0.9"),
        ({"hidden_walls": 1.5}, "shares"),
        ({"pt_strip_nm": 300.0}, "less than a third"),
        ({"variant": "fresh"}, "not one of aged, pristine, stable"),
    ],
)
def test_mistakes_are_named(values: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        replace(SCENE, **values)  # type: ignore[arg-type]
