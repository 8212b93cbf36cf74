"""A simulated movie against its own truth: physics of the picture, drift, conservation, labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from tem_track.simulate import LithiationScene, Simulation, simulate_lithiation

# One smooth ball alone, everything that disturbs the picture off.
BALL = LithiationScene(
    nio=1,
    core_shell=0,
    height_px=200,
    width_px=200,
    frames=30,
    frame_interval_s=5.0,
    support="none",
    roughness=0.0,
    faceted=0.0,
    diameter_spread=0.0,
    final_spread=0.0,
    duration_spread=0.0,
    noise=False,
    speckle=0.0,
    fixed_pattern=0.0,
    vignetting=0.0,
    flicker=0.0,
    defocus_wander=0.0,
    psf_px=0.0,
    drift_px=0.0,
    offset_counts=0.0,
    background=0.0,
    dose_per_px=50000.0,
)
CROWD = LithiationScene(nio=3, core_shell=3, height_px=420, width_px=420, frames=70, frame_interval_s=13.0, seed=5)


PLAIN = simulate_lithiation(CROWD)


def rows(simulation: Simulation, track: int) -> dict[str, NDArray[np.generic]]:
    tracks = simulation.truth.tracks
    mine = tracks["track_id"] == track
    return {name: values[mine] for name, values in tracks.items()}


def test_bright_field_is_beer_lambert_at_the_centre() -> None:
    simulation = simulate_lithiation(BALL)
    row = rows(simulation, 1)
    for k in (0, 29):
        y, x = round(float(row["y_px"][k])), round(float(row["x_px"][k]))
        radius = float(row["equivalent_diameter_nm"][k]) / 2
        away = 1.3 * np.hypot(row["y_px"][k] - y, row["x_px"][k] - x)
        # Mass is conserved: the attenuation per nm falls as the particle swells.
        path = 2 * np.sqrt(radius**2 - away**2) / float(row["volume_ratio"][k])
        expected = BALL.dose_per_px * np.exp(-BALL.attenuation_per_nm * path)
        assert float(simulation.frames[k][y, x]) == pytest.approx(expected, rel=2e-3)


def test_haadf_is_proportional_to_thickness() -> None:
    scene = replace(BALL, mode="haadf", dose_per_px=10000.0)
    simulation = simulate_lithiation(scene)
    signal = simulation.frames[0].astype(float) * scene.pixel_size_nm**2
    # Summed over the field: dose per 100 nm of NiO times the volume of the ball.
    volume = float(rows(simulation, 1)["volume_nm3"][0])
    assert signal.sum() == pytest.approx(scene.dose_per_px / 100 * volume, rel=2e-3)


def test_projected_area_of_the_ball_is_pi_r_squared() -> None:
    row = rows(simulate_lithiation(BALL), 1)
    assert row["area_nm2"][0] == pytest.approx(np.pi * 40.9**2)
    assert row["volume_nm3"] == pytest.approx(4 / 3 * np.pi * (row["area_nm2"] / np.pi) ** 1.5)
    assert row["area_px"][0] == pytest.approx(np.pi * (40.9 / 1.3) ** 2)


@pytest.mark.parametrize(("kind", "final"), [("nio", 1.94), ("cuo", 1.61), ("core_shell", 1.76)])
def test_volume_ratio_follows_the_papers_curve(kind: str, final: float) -> None:
    counts = {"nio": 0, "cuo": 0, "core_shell": 0} | {kind: 1}
    scene = replace(
        BALL, **counts, cuo_diameter_nm=90.0, frames=100, frame_interval_s=10.0, onset_low_s=40.0, onset_high_s=40.0
    )
    simulation = simulate_lithiation(scene)
    row, particle = rows(simulation, 1), simulation.truth.particles
    assert row["volume_ratio"][row["time_s"] < 30] == pytest.approx(1, abs=1e-12)
    assert row["volume_ratio"][-1] == pytest.approx(final)
    assert particle["final_volume_ratio"][0] == pytest.approx(final)
    if kind == "core_shell":
        assert (particle["stage_change_s"][0], particle["complete_s"][0]) == (260, 760)
        assert particle["stage_count"][0] == 2
        core = row["core_equivalent_diameter_nm"]
        early, late = core[row["time_s"] == 250], core[-1]
        assert early / core[0] == pytest.approx(1, abs=0.01)
        assert late / core[0] > 1.15
        thickness = (row["equivalent_diameter_nm"] - core) / 2
        assert row["shell_thickness_nm"] == pytest.approx(thickness)


def test_core_shell_volumes_add_up() -> None:
    simulation = PLAIN
    particle = simulation.truth.particles
    row = rows(simulation, 6)
    v0 = float(particle["v0_nm3"][5])
    core, hole = 0.79**3, (0.79 * 0.5) ** 3
    total = (
        (1 - core) * row["shell_volume_ratio"]
        + (core - hole) * row["core_volume_ratio"]
        + hole * row["void_volume_ratio"]
    )
    assert total * v0 == pytest.approx(row["volume_nm3"])


def test_growth_anisotropy_makes_the_sphere_model_wrong_and_keeps_the_volume() -> None:
    row = rows(simulate_lithiation(replace(BALL, growth_anisotropy=0.3)), 1)
    assert row["volume_ratio"][-1] == pytest.approx(1.94)
    assert (row["area_nm2"][-1] / row["area_nm2"][0]) ** 1.5 == pytest.approx(1.94**0.7)


def test_drift_moves_the_picture_as_stated() -> None:
    scene = replace(BALL, drift_px=3.0, frames=6, height_px=240, width_px=240)
    simulation = simulate_lithiation(scene)
    yy, xx = np.indices((240, 240))
    centres = []
    for k in range(6):
        dark = scene.dose_per_px - simulation.frames[k].astype(float)
        centres.append(((yy * dark).sum() / dark.sum(), (xx * dark).sum() / dark.sum()))
    moved = np.array(centres) - centres[0]
    assert np.abs(simulation.truth.drift_px).max() > 3
    assert moved == pytest.approx(simulation.truth.drift_px, abs=0.01)


def test_drift_moves_the_support_as_stated() -> None:
    scene = replace(BALL, nio=0, support="nanotubes", psf_px=1.0, jumps=((1.0, 8.0, -5.0),), frames=2)
    simulation = simulate_lithiation(scene)
    first, second = (simulation.frames[k].astype(float) for k in range(2))
    assert second[28:180, 20:160] == pytest.approx(first[20:172, 25:165], abs=2)
    # A control: not moved, the pictures differ.
    assert np.abs(second - first).max() > 200


def test_same_scene_same_bytes_in_any_order_and_another_seed_differs() -> None:
    a, b = PLAIN, simulate_lithiation(CROWD)
    last = a.frames[9]
    assert (b.frames[3] != last).any()
    assert (b.frames[9] == last).all()
    assert (simulate_lithiation(replace(CROWD, seed=6)).frames[9] != last).any()


def test_one_option_does_not_move_the_particles() -> None:
    plain = PLAIN.truth.labels(0)
    assert (
        simulate_lithiation(replace(CROWD, dose_per_px=9.0, speckle=0.0, timestamp=True)).truth.labels(0) == plain
    ).all()


def test_poisson_noise_has_its_variance() -> None:
    scene = replace(BALL, nio=0, noise=True, read_noise_counts=0.0, dose_per_px=80.0)
    frame = simulate_lithiation(scene).frames[0].astype(float)
    assert frame.mean() == pytest.approx(80, rel=0.01)
    assert frame.var() == pytest.approx(80, rel=0.05)


def test_labels_agree_with_areas_and_hold_the_cores() -> None:
    simulation = PLAIN
    for k in (0, 69):
        labels, cores = simulation.truth.labels(k), simulation.truth.cores(k)
        at = simulation.truth.tracks["frame"] == k
        areas = simulation.truth.tracks["area_px"][at]
        counted = [np.sum(labels == n) for n in simulation.truth.tracks["track_id"][at]]
        assert counted == pytest.approx(areas, rel=0.01)
        assert set(np.unique(cores)) == {0, 4, 5, 6}
        assert (labels[cores > 0] == cores[cores > 0]).all()
        diameters = simulation.truth.tracks["core_equivalent_diameter_px"][at]
        counted = [2 * np.sqrt(np.sum(cores == n) / np.pi) for n in (4, 5, 6)]
        assert counted == pytest.approx(diameters[3:], rel=0.01)


def test_centroids_are_those_of_the_labels() -> None:
    simulation = PLAIN
    labels = simulation.truth.labels(30)
    tracks = simulation.truth.tracks
    for i in np.flatnonzero(tracks["frame"] == 30):
        y, x = np.nonzero(labels == tracks["track_id"][i])
        assert (y.mean(), x.mean()) == pytest.approx((tracks["y_px"][i], tracks["x_px"][i]), abs=0.1)


def test_touching_particles_stay_in_contact_while_they_swell() -> None:
    simulation = simulate_lithiation(replace(CROWD, nio=4, core_shell=0, touching=3))
    for k in (0, 69):
        labels = simulation.truth.labels(k)
        for a, b in ((1, 2), (2, 3)):
            near = (labels[:, :-1] == a) & (labels[:, 1:] == b) | (labels[:, :-1] == b) & (labels[:, 1:] == a)
            near_down = (labels[:-1] == a) & (labels[1:] == b) | (labels[:-1] == b) & (labels[1:] == a)
            assert near.any() or near_down.any()
        assert not np.isin(labels[np.roll(labels == 4, 3, 0)], (1, 2, 3)).any()


def test_fracture_conserves_area_and_volume_and_names_its_pieces() -> None:
    scene = replace(CROWD, fracture=((2.0, 40.0, 3.0),))
    whole, broken = PLAIN, simulate_lithiation(scene)
    at = {n: rows(broken, n) for n in (2, 7, 8, 9)}
    assert at[2]["frame"][-1] == 39
    assert [int(at[n]["frame"][0]) for n in (7, 8, 9)] == [40, 40, 40]
    for column in ("area_nm2", "volume_nm3", "volume_ratio"):
        pieces = sum(float(at[n][column][0]) for n in (7, 8, 9))
        assert pieces == pytest.approx(float(rows(whole, 2)[column][40]), rel=1e-4)
    assert {int(at[n]["lineage_id"][0]) for n in at} == {2}
    events = broken.truth.events
    row = list(events["event"]).index("fracture")
    assert (events["frame"][row], events["track_id"][row], events["other_track_ids"][row]) == (40, 2, "7+8+9")
    labels = broken.truth.labels(45)
    for n in (7, 8, 9):
        assert np.sum(labels == n) == pytest.approx(at[n]["area_px"][5], rel=0.03)
    assert not (labels == 2).any()
    # The crack is seen: between the pieces the beam passes.
    assert not np.isin(labels, (7, 8, 9))[tuple(np.round([at[2]["y_px"][-1], at[2]["x_px"][-1]]).astype(int))]


def test_coalescence_conserves_volume() -> None:
    simulation = simulate_lithiation(replace(CROWD, coalescence=((1.0, 2.0, 40.0),)))
    one, two, merged = (rows(simulation, n) for n in (1, 2, 7))
    assert (one["frame"][-1], merged["frame"][0]) == (39, 40)
    assert merged["volume_nm3"][0] == pytest.approx(one["volume_nm3"][-1] + two["volume_nm3"][-1])
    assert (merged["state"] == "merged").all()
    labels = simulation.truth.labels(41)
    assert np.sum(labels == 7) == pytest.approx(merged["area_px"][1], rel=0.02)
    fates = dict(zip(simulation.truth.particles["track_id"], simulation.truth.particles["fate"], strict=True))
    assert (fates[1], fates[2], fates[7]) == ("merged", "merged", "whole")


def test_a_particle_that_lets_go_leaves() -> None:
    simulation = simulate_lithiation(replace(CROWD, leaving=((3.0, 30.0),)))
    events = simulation.truth.events
    row = list(events["event"]).index("leaves")
    gone = int(events["frame"][row])
    assert events["track_id"][row] == 3
    assert 31 < gone < 45
    assert (simulation.truth.labels(gone - 3) == 3).any()
    assert not (simulation.truth.labels(gone) == 3).any()


def test_border_particles_say_what_is_seen_of_them() -> None:
    simulation = simulate_lithiation(replace(CROWD, border=1, drift_px=0.0))
    row = rows(simulation, 6)
    seen = np.sum(simulation.truth.labels(0) == 6) / row["area_px"][0]
    assert 0.05 < seen < 0.95
    assert row["visible_fraction"][0] == pytest.approx(seen, abs=0.02)
    assert row["touches_border"][0] == 1


def test_bad_frames_are_what_they_say() -> None:
    scene = replace(CROWD, blank=(5,), duplicate=(9,), blurred=((12.0, 4.0),))
    simulation = simulate_lithiation(scene)
    frames = simulation.frames
    assert frames[5].mean() < 10
    assert (frames[9] == frames[8]).all()
    assert (frames[10] != frames[9]).any()
    fine = [
        np.abs(np.diff(simulate_lithiation(replace(scene, noise=False)).frames[k].astype(float))).max()
        for k in (11, 12)
    ]
    assert fine[1] < 0.5 * fine[0]
    assert simulation.truth.drift["usable"][[5, 9, 12, 13]].tolist() == [0, 0, 0, 1]
    assert (simulation.truth.labels(9) == simulation.truth.labels(8)).all()


def test_inert_particles_do_nothing() -> None:
    simulation = simulate_lithiation(replace(CROWD, inert=1))
    assert rows(simulation, 6)["volume_ratio"] == pytest.approx(1, abs=1e-12)
    assert simulation.truth.particles["stage_count"][5] == 0
    assert np.isnan(simulation.truth.particles["onset_s"][5])


def test_speckle_fades_with_lithiation() -> None:
    flat, speckled = (simulate_lithiation(replace(BALL, speckle=s, dose_per_px=1000.0, psf_px=0.5)) for s in (0.0, 0.4))
    contrast = [np.abs(flat.frames[k].astype(float) - speckled.frames[k]).max() for k in (0, 29)]
    assert contrast[0] > 50
    assert contrast[1] < 0.02 * contrast[0]


def test_dendrite_grows() -> None:
    scene = replace(BALL, nio=0, frames=80, dendrite_frame=10, dendrite_speed_nm_per_s=1.0)
    simulation = simulate_lithiation(scene)
    dark = [(scene.dose_per_px * 0.99 > simulation.frames[k]).sum() for k in (5, 30, 79)]
    assert dark[0] == 0
    assert 0 < dark[1] < dark[2]


def test_burned_in_bar_has_its_length() -> None:
    simulation = simulate_lithiation(replace(BALL, nio=0, scale_bar=True, height_px=400, width_px=400))
    frame = simulation.frames[0]
    white = frame == frame.max()
    longest = max(len(run) for row in white for run in "".join("1" if v else " " for v in row).split())
    assert longest * 1.3 == pytest.approx(100, abs=1.3)


def test_frames_outside_the_movie_are_an_index_error() -> None:
    frames = simulate_lithiation(replace(BALL, frames=2)).frames
    with pytest.raises(IndexError):
        frames[2]
    assert len(frames) == 2
