from __future__ import annotations

import time

import numpy as np
import pytest
from expansion_curves import correlated, piecewise, tracks_of

from tem_track.expansion import Expansion, measure_expansion
from tem_track.settings import ExpansionSettings
from tem_track.tables import EVENTS, EXPANSION, PARTICLES, STAGES, TRACKS, Table

TIMES = np.arange(80) * 12.0
CORE_SHELL = piecewise(TIMES, [57, 336, 872], [1, 1.13, 1.76])
NIO = piecewise(TIMES, [27, 95], [1, 1.91])


def measured(tracks: Table, times: np.ndarray = TIMES, **options: object) -> Expansion:
    model = str(options.pop("volume_model", "sphere"))
    arguments = {"kinds": {}, "fates": {}, "pixel_size_nm": 1.3, "timed": True} | options
    return measure_expansion(
        tracks,
        times_s=times,
        settings=ExpansionSettings(volume_model=model),
        **arguments,  # type: ignore[arg-type]
    )


def test_a_core_shell_and_a_solid_particle() -> None:
    found = measured(tracks_of([CORE_SHELL, NIO], TIMES), kinds={1: "core-shell"}, fates={2: "fractured"})
    particles = found.particles
    assert particles["stage_count"].tolist() == [2, 1]
    assert particles["onset_s"] == pytest.approx([57, 27], abs=6)
    assert particles["stage_change_s"] == pytest.approx([336, np.nan], abs=3, nan_ok=True)
    assert particles["final_volume_ratio"] == pytest.approx([1.76, 1.91], rel=2e-3)
    assert particles["v0_nm3"] == pytest.approx(4 / 3 * np.pi * (5000 * 1.69 / np.pi) ** 1.5, rel=2e-3)
    assert particles["kind"].tolist() == ["core-shell", "solid"]
    assert particles["fate"].tolist() == ["whole", "fractured"]
    assert found.tracks["volume_ratio"] == pytest.approx(np.concatenate([CORE_SHELL, NIO]), rel=2e-3)
    assert found.stages["stage"].tolist() == [1, 2, 1]
    assert found.onset_events["track_id"].tolist() == [2, 1]
    assert found.onset_events["frame"].tolist() == [3, 5]
    assert found.population["particles"].tolist() == [2] * 80


def test_every_table_has_its_columns() -> None:
    found = measured(tracks_of([NIO], TIMES))
    for table, columns in [
        (found.tracks, TRACKS),
        (found.particles, PARTICLES),
        (found.stages, STAGES),
        (found.population, EXPANSION),
        (found.onset_events, EVENTS),
    ]:
        assert set(table) >= {column.name for column in columns}


def test_the_input_is_not_touched() -> None:
    tracks = tracks_of([NIO], TIMES)
    before = {name: values.copy() for name, values in tracks.items()}
    measured(tracks)
    for name, values in tracks.items():
        np.testing.assert_array_equal(values, before[name])


def test_pixel_size_scales_lengths_and_leaves_ratios() -> None:
    tracks = tracks_of([NIO], TIMES)
    one, two, none = (measured(tracks, pixel_size_nm=size) for size in (1.0, 2.0, None))
    assert two.tracks["volume_nm3"] == pytest.approx(8 * one.tracks["volume_nm3"])
    assert two.tracks["area_nm2"] == pytest.approx(4 * one.tracks["area_nm2"])
    assert two.tracks["volume_ratio"].tobytes() == one.tracks["volume_ratio"].tobytes()
    assert none.tracks["volume_ratio"].tobytes() == one.tracks["volume_ratio"].tobytes()
    assert np.isnan(none.tracks["volume_nm3"]).all()
    assert np.isnan(none.particles["v0_nm3"]).all()
    assert np.isfinite(none.particles["final_volume_ratio"]).all()


def test_a_film_swells_with_its_area() -> None:
    found = measured(tracks_of([NIO], TIMES), volume_model="film")
    assert found.particles["final_volume_ratio"] == pytest.approx([1.91 ** (2 / 3)], rel=3e-3)
    assert np.isnan(found.tracks["volume_nm3"]).all()


def test_bridged_rows() -> None:
    curve = CORE_SHELL.copy()
    curve[[40, 41, 42]] = np.nan
    tracks = tracks_of([curve], TIMES)
    tracks["state"][[40, 41, 42]] = "inferred"
    found = measured(tracks).tracks
    assert found["volume_ratio"][40:43] == pytest.approx(CORE_SHELL[40:43], rel=5e-3)
    assert (found["volume_ratio_sd"][40:43] > found["volume_ratio_sd"][39]).all()
    assert set(found["state"][40:43]) == {"inferred"}


def test_without_times_nothing_is_said_in_seconds() -> None:
    found = measured(tracks_of([CORE_SHELL], np.arange(80.0)), np.arange(80.0), timed=False)
    assert np.isnan(found.particles["onset_s"][0])
    assert np.isnan(found.stages["rate_per_s"]).all()
    assert found.particles["stage_change_frame"] == pytest.approx([336 / 12], abs=0.3)
    assert found.stages["start_frame"][0] == pytest.approx(57 / 12, abs=0.5)


def test_one_image_has_sizes_and_no_ratio() -> None:
    found = measured(tracks_of([np.ones(1), np.ones(1)], np.zeros(1)), np.zeros(1))
    assert np.isfinite(found.tracks["volume_nm3"]).all()
    assert np.isnan(found.tracks["volume_ratio"]).all()
    assert np.isnan(found.particles["final_volume_ratio"]).all()
    assert np.isfinite(found.particles["initial_equivalent_diameter_nm"]).all()
    assert found.population["particles"].tolist() == [0]


def test_two_images_have_a_ratio_and_no_stages() -> None:
    found = measured(tracks_of([np.array([1.0, 1.5])], np.arange(2.0)), np.arange(2.0))
    assert found.tracks["volume_ratio"] == pytest.approx([1.0, 1.5])
    assert found.particles["final_volume_ratio"] == pytest.approx([1.5])
    assert found.particles["stage_count"].tolist() == [0]


def test_a_particle_at_the_border_has_volumes_but_no_final_value() -> None:
    tracks = tracks_of([NIO, NIO], TIMES)
    tracks["touches_border"][:80] = 1
    found = measured(tracks)
    assert np.isfinite(found.tracks["volume_nm3"]).all()
    assert np.isfinite(found.particles["final_volume_ratio"]).tolist() == [False, True]
    assert set(found.population["particles"]) == {1}


def test_pieces_have_no_v0_of_their_own() -> None:
    tracks = tracks_of([NIO], TIMES)
    tracks["state"][:] = "fractured"
    found = measured(tracks)
    assert np.isnan(found.tracks["volume_ratio"]).all()
    assert np.isfinite(found.tracks["volume_nm3"]).all()
    assert set(found.population["particles"]) == {0}


def test_a_broken_particle_keeps_its_volume() -> None:
    tracks = tracks_of([NIO, NIO, NIO], TIMES)
    frames, ids = tracks["frame"], tracks["track_id"]
    tracks["area_px"][ids > 1] /= 2
    tracks["state"][ids > 1] = "fractured"
    tracks["lineage_id"][:] = 1
    there = np.where(ids == 1, frames < 50, frames >= 50)
    found = measured({name: values[there] for name, values in tracks.items()}, fates={1: "fractured"}).tracks
    assert found["lineage_volume_ratio"] == pytest.approx(NIO[found["frame"]], rel=5e-3)


def test_core_shell_and_void_ratios() -> None:
    tracks = tracks_of([NIO], TIMES)
    outer = 2 * np.sqrt(tracks["area_px"] / np.pi)
    tracks["core_equivalent_diameter_px"] = np.full(80, 0.7 * outer[0])
    tracks["core_equivalent_diameter_sd_px"] = np.full(80, 0.1)
    tracks["void_equivalent_diameter_px"] = np.full(80, 0.3 * outer[0])
    tracks["void_equivalent_diameter_sd_px"] = np.full(80, 0.1)
    found = measured(tracks).tracks
    assert found["core_volume_ratio"] == pytest.approx(1.0)
    assert found["void_volume_ratio"] == pytest.approx(1.0)
    assert found["shell_volume_ratio"][-1] == pytest.approx((1.91 - 0.343) / (1 - 0.343), rel=1e-3)
    assert found["shell_thickness_nm"] == pytest.approx((outer - 0.7 * outer[0]) / 2 * 1.3)
    assert np.isfinite(found["shell_volume_ratio_sd"]).all()


def test_a_late_start_is_said() -> None:
    late = piecewise(TIMES, [-300, 400], [1.0, 1.8])
    found = measured(tracks_of([late], TIMES))
    assert found.particles["v0_seen"].tolist() == [0]
    assert np.isnan(found.particles["onset_s"][0])
    assert len(found.onset_events["frame"]) == 0
    assert "V0 not seen" in found.warnings[0]
    assert not measured(tracks_of([NIO], TIMES)).warnings


def test_row_order_does_not_matter() -> None:
    tracks = tracks_of([CORE_SHELL, NIO], TIMES)
    order = np.random.default_rng(16).permutation(160)
    shuffled = measured({name: values[order] for name, values in tracks.items()})
    np.testing.assert_array_equal(shuffled.tracks["volume_ratio"], measured(tracks).tracks["volume_ratio"][order])


def test_an_empty_table() -> None:
    tracks = {name: values[:0] for name, values in tracks_of([NIO], TIMES).items()}
    found = measured(tracks)
    assert len(found.particles["track_id"]) == 0
    assert len(found.population["frame"]) == 80


@pytest.mark.parametrize("rho", [0.0, 0.7])
def test_the_final_interval_holds_the_truth(rho: float) -> None:
    rng = np.random.default_rng(17)
    curves = [curve * (1 + correlated(rng, 80, 0.008, rho)) for curve in [CORE_SHELL, NIO] * 25]
    particles = measured(tracks_of(curves, TIMES, relative_sd=0.008 / 1.5)).particles
    truth = np.tile([CORE_SHELL[-4:].mean(), NIO[-4:].mean()], 25)
    held = (particles["final_volume_ratio_low"] <= truth) & (truth <= particles["final_volume_ratio_high"])
    assert 0.9 <= held.mean() <= 1.0
    half = (particles["final_volume_ratio_high"] - particles["final_volume_ratio_low"]) / 2
    assert np.median(half) < 0.1


def test_thirty_long_tracks_are_quick() -> None:
    times = np.arange(500) * 2.0
    rng = np.random.default_rng(18)
    truth = piecewise(times, [57, 336, 872], [1, 1.13, 1.76])
    tracks = tracks_of([truth * (1 + 0.01 * rng.normal(size=500)) for _ in range(30)], times)
    start = time.process_time()
    measured(tracks, times)
    # Half of this on one 2020 core; the limit leaves room for a busy machine.
    assert time.process_time() - start < 4.0


def test_outlines_moved_outwards_and_v0_of_given_frames() -> None:
    late = piecewise(TIMES, [200, 400], [1, 1.91])
    tracks = tracks_of([late], TIMES)
    settings = ExpansionSettings(outline_shift_px=1.0)
    found = measure_expansion(
        tracks, kinds={}, fates={}, pixel_size_nm=1.0, times_s=TIMES, timed=True, settings=settings
    )
    radius = np.sqrt(tracks["area_px"] / np.pi)
    assert found.tracks["area_px"] == pytest.approx(np.pi * (radius + 1) ** 2, rel=1e-6)
    expected = ((radius[-1] + 1) / (radius[0] + 1)) ** 3
    assert found.particles["final_volume_ratio"] == pytest.approx([expected], rel=2e-3)
    tracks["area_px"][0] *= 1.1
    one, usual = (
        measure_expansion(
            tracks,
            kinds={},
            fates={},
            pixel_size_nm=1.0,
            times_s=TIMES,
            timed=True,
            settings=ExpansionSettings(v0_frames=frames),
        ).particles["final_volume_ratio"][0]
        for frames in (1, 0)
    )
    assert one == pytest.approx(1.91 / 1.1**1.5, rel=3e-3)
    assert usual == pytest.approx(1.91, rel=3e-3)


def test_a_particle_that_leaves_keeps_its_curve() -> None:
    tracks = tracks_of([CORE_SHELL], TIMES)
    tracks["touches_border"][40:] = 1
    particles = measured(tracks).particles
    assert particles["v0_seen"].tolist() == [1]
    assert particles["onset_s"] == pytest.approx([57], abs=6)
    assert particles["final_volume_ratio"] == pytest.approx([CORE_SHELL[37:40].mean()], rel=5e-3)


def test_rows_of_the_merger_are_not_the_end() -> None:
    curve = NIO.copy()
    curve[-2:] *= 0.7
    whole, merged = (measured(tracks_of([curve], TIMES), fates={1: fate}).particles for fate in ("whole", "merged"))
    assert merged["final_volume_ratio"] == pytest.approx([1.91], rel=3e-3)
    assert whole["final_volume_ratio"][0] < 1.905


def test_a_neighbour_that_a_piece_stays_with_is_itself_until_then() -> None:
    curve = NIO.copy()
    curve[50:] *= 1.3
    tracks = tracks_of([curve], TIMES)
    tracks["state"][50:] = "fractured"
    found = measured(tracks)
    assert found.particles["final_volume_ratio"] == pytest.approx([1.91], rel=3e-3)
    assert found.particles["stage_count"].tolist() == [1]
    assert np.isfinite(found.tracks["volume_ratio"][:50]).all()
    assert np.isnan(found.tracks["volume_ratio"][50:]).all()


def test_a_piece_whose_first_frame_is_bridged_is_still_a_piece() -> None:
    tracks = tracks_of([NIO], TIMES)
    tracks["state"][:] = "fractured"
    tracks["state"][0], tracks["area_px"][0] = "inferred", np.nan
    assert np.isnan(measured(tracks).tracks["volume_ratio"]).all()
