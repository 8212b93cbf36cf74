"""The figures: what they show is what the tables say, and the same tables give the same files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection

from tem_track.tables import DRIFT, EXPANSION, PARTICLES, SENSITIVITY, TRACKS, Table, blank_table, table_from_rows
from tem_track.write.curves import Curve, median_curve
from tem_track.write.drawing import DrawnParticle, OverlayFrame
from tem_track.write.figure_style import journal_style, save_figure
from tem_track.write.figures import (
    core_shell_figure,
    drift_figure,
    first_diameters,
    population_figure,
    run_figures,
    size_histogram_figure,
    volume_ratio_figure,
    volume_ratio_particles_figure,
)
from tem_track.write.outline_figure import first_middle_last
from tem_track.write.run_files import PARTICLE_FIGURES


def run_tables(particles: int = 3, frames: int = 20, scale: bool = True) -> dict[str, Table]:
    """Return tables of particles that swell linearly from frame 5 on; the odd ones have a core."""
    tracks = blank_table(TRACKS, particles * frames)
    tracks["track_id"][:] = np.repeat(np.arange(1, particles + 1), frames)
    tracks["frame"][:] = np.tile(np.arange(frames), particles)
    tracks["time_s"][:] = tracks["frame"] * 2.0
    tracks["volume_ratio"][:] = 1 + 0.05 * np.clip(tracks["frame"] - 5, 0, None)
    tracks["volume_ratio_sd"][:] = 0.02
    tracks["equivalent_diameter_px"][:] = 40.0 + tracks["track_id"]
    if scale:
        tracks["equivalent_diameter_nm"][:] = 2 * tracks["equivalent_diameter_px"]
        cored = tracks["track_id"] % 2 == 1
        tracks["core_equivalent_diameter_nm"][cored] = 60.0
        tracks["shell_thickness_nm"][cored] = 8.0
    rows = blank_table(PARTICLES, particles)
    rows["track_id"][:] = np.arange(1, particles + 1)
    rows["kind"][:] = ["core-shell" if i % 2 else "solid" for i in range(1, particles + 1)]
    rows["onset_s"][:], rows["onset_low_s"][:], rows["onset_high_s"][:] = 10.0, 9.0, 11.0
    expansion = blank_table(EXPANSION, frames)
    expansion["time_s"][:] = np.arange(frames) * 2.0
    for ending in ("", "_solid", "_core_shell"):
        expansion[f"volume_ratio_mean{ending}"][:] = tracks["volume_ratio"][:frames]
        expansion[f"volume_ratio_sem{ending}"][:] = 0.01
        expansion[f"particles{ending}"][:] = 2
    drift = blank_table(DRIFT, frames)
    drift["frame"][:] = np.arange(frames)
    drift["time_s"][:] = np.arange(frames) * 2.0
    drift["dy_px"][:], drift["dx_px"][:] = 0.5, -0.25
    drift["usable"][:] = np.arange(frames) != 7
    return {"tracks.csv": tracks, "particles.csv": rows, "expansion.csv": expansion, "drift.csv": drift}


def test_each_curve_its_band_and_its_onset_are_drawn() -> None:
    tables = run_tables()
    figure = volume_ratio_figure(tables["tracks.csv"], tables["particles.csv"])
    assert figure is not None
    axes = figure.axes[0]
    curves = [line for line in axes.lines if len(line.get_xdata()) == 20]
    assert len(curves) == 3
    np.testing.assert_allclose(curves[0].get_ydata(), tables["tracks.csv"]["volume_ratio"][:20])
    assert axes.get_xlabel() == "Time (s)"
    assert "V/V" in axes.get_ylabel()
    marks = [c for c in axes.collections if isinstance(c, PathCollection) and len(c.get_offsets())]
    np.testing.assert_allclose(marks[0].get_offsets()[0], [10.0, 1.0])
    assert {text.get_text() for text in axes.texts} == {"1", "2", "3"}


def test_a_change_after_the_end_of_its_curve_is_not_marked() -> None:
    tables = run_tables()
    tables["particles.csv"]["complete_s"][:] = [30.0, 500.0, np.nan]
    figure = volume_ratio_figure(tables["tracks.csv"], tables["particles.csv"])
    assert figure is not None
    offsets = [np.asarray(c.get_offsets()) for c in figure.axes[0].collections if isinstance(c, PathCollection)]
    times = np.concatenate([o[:, 0] for o in offsets if o.size])
    assert 30.0 in times
    assert 500.0 not in times


def test_many_curves_become_a_bundle_with_its_median() -> None:
    tables = run_tables(particles=300, frames=6)
    figure = volume_ratio_figure(tables["tracks.csv"], tables["particles.csv"])
    assert figure is not None
    axes = figure.axes[0]
    bundles = [c for c in axes.collections if isinstance(c, LineCollection)]
    assert len(bundles) == 2
    assert all(len(b.get_segments()) <= 120 for b in bundles)
    labels = axes.get_legend_handles_labels()[1]
    assert labels == ["median of solid (n = 150)", "median of core-shell (n = 150)"]


def test_the_median_of_curves_is_taken_time_by_time() -> None:
    def curve(time: list[float], value: list[float]) -> Curve:
        return Curve(np.array(time), np.array(value), np.zeros(len(time)), cut=False)

    times, medians = median_curve([curve([0, 1, 2], [1, 5, 9]), curve([1, 2], [7, 1]), curve([1], [6])])
    assert times.tolist() == [0, 1, 2]
    assert medians.tolist() == [1, 6, 5]


def test_a_movie_without_times_counts_frames() -> None:
    tables = run_tables()
    for table in tables.values():
        if "time_s" in table:
            table["time_s"][:] = np.nan
    tables["expansion.csv"]["frame"][:] = np.arange(20)
    frames = np.zeros((20, 32, 32), np.uint8)
    made = dict(run_figures(tables, frames, lambda k: OverlayFrame(), usable=np.ones(20, bool), timed=False))
    axes = made["volume_ratio"].axes[0]
    assert axes.get_xlabel() == "Frame"
    assert axes.lines[0].get_xdata().tolist() == list(range(20))


def test_a_run_makes_every_figure_that_its_tables_allow() -> None:
    frames = np.random.default_rng(0).poisson(40, (20, 48, 64)).astype(np.uint16)
    square = np.array([[10.0, 10.0], [10.0, 30.0], [30.0, 30.0], [30.0, 10.0]])

    def pictures(k: int) -> OverlayFrame:
        return OverlayFrame([DrawnParticle(1, square, core=0.5 * square + 10)], f"frame {k}")

    tables = run_tables()
    usual = dict(run_figures(tables, frames, pictures, usable=np.arange(20) != 7, pixel_size_nm=2.0))
    assert set(PARTICLE_FIGURES) - set(usual) == {"sensitivity"}
    rows = [
        {"setting": name, "value": value, "track_id": 1, "final_volume_ratio": final, "change": final - 1.7}
        | {"final_volume_ratio_low": 1.65, "final_volume_ratio_high": 1.75}
        for name, value, final in (("as set", "", 1.7), ("expansion.v0_frames", "1", 1.72), ("film", "", 1.4))
    ]
    tables["sensitivity.csv"] = table_from_rows(SENSITIVITY, rows)
    made = dict(run_figures(tables, frames, pictures, usable=np.arange(20) != 7, pixel_size_nm=2.0))
    assert tuple(made) == PARTICLE_FIGURES
    dots = [c.get_offsets()[:, 0] for c in made["sensitivity"].axes[0].collections if isinstance(c, PathCollection)]
    assert np.concatenate(dots)[0] == pytest.approx(0.02)
    # What leaves the axis is said in words at its edge.
    assert [text.get_text() for text in made["sensitivity"].axes[0].texts] == ["-0.30"]
    assert [axes.get_title(loc="left") for axes in made["outlines"].axes] == ["frame 0", "frame 10", "frame 19"]


def test_a_single_image_has_sizes_and_outlines_only() -> None:
    tables = run_tables(frames=1)
    tables["tracks.csv"]["volume_ratio"][:] = np.nan
    tables["expansion.csv"]["volume_ratio_mean"][:] = np.nan
    frames = np.zeros((1, 32, 32), np.uint8)
    made = dict(run_figures(tables, frames, lambda k: OverlayFrame(), usable=np.ones(1, bool)))
    assert list(made) == ["size_histogram", "outlines"]


def test_nothing_measured_makes_no_figure() -> None:
    empty = {name: blank_table(s, 0) for name, s in (("tracks", TRACKS), ("particles", PARTICLES))}
    assert volume_ratio_figure(empty["tracks"], empty["particles"]) is None
    assert volume_ratio_particles_figure(empty["tracks"], empty["particles"]) is None
    assert core_shell_figure(empty["tracks"], empty["particles"]) is None
    assert size_histogram_figure(empty["tracks"]) is None
    assert population_figure(blank_table(EXPANSION, 0)) is None
    assert drift_figure(blank_table(DRIFT, 1)) is None


def test_drift_is_drawn_with_the_frames_that_are_not_usable() -> None:
    figure = drift_figure(run_tables()["drift.csv"], pixel_size_nm=2.0)
    assert figure is not None
    labels = figure.axes[0].get_legend_handles_labels()[1]
    assert labels == ["down (y)", "right (x)", "not usable (n = 1)"]


def test_first_diameters_count_whole_particles_of_the_first_frame() -> None:
    tracks = run_tables(particles=3)["tracks.csv"]
    tracks["touches_border"][tracks["track_id"] == 2] = 1
    tracks["equivalent_diameter_nm"][(tracks["track_id"] == 3) & (tracks["frame"] < 4)] = np.nan
    values, unit = first_diameters(tracks)
    assert unit == "nm"
    assert values.tolist() == [82.0]


def test_without_a_scale_sizes_are_in_px() -> None:
    tracks = run_tables(scale=False)["tracks.csv"]
    values, unit = first_diameters(tracks)
    assert (unit, values.tolist()) == ("px", [41.0, 42.0, 43.0])
    figure = size_histogram_figure(tracks)
    assert figure is not None
    assert figure.axes[0].get_xlabel() == "Equivalent diameter (px)"
    assert core_shell_figure(tracks, run_tables()["particles.csv"]) is None


def test_the_same_figure_gives_the_same_files(tmp_path: Path) -> None:
    tables = run_tables()
    written = []
    for name in ("a", "b"):
        figure = volume_ratio_figure(tables["tracks.csv"], tables["particles.csv"])
        assert figure is not None
        written.append([p.read_bytes() for p in save_figure(figure, tmp_path / name)])
    assert written[0] == written[1]
    png = written[0][0]
    # 85 mm at 300 dpi, from the header of the PNG.
    assert int.from_bytes(png[16:20], "big") == pytest.approx(85 / 25.4 * 300, abs=1)
    assert b"<dc:date>" not in written[0][1]


def test_the_users_own_style_does_not_leak_in_or_out() -> None:
    import matplotlib

    with matplotlib.rc_context({"font.size": 31.0}):
        with journal_style():
            assert matplotlib.rcParams["font.size"] == 7.0
        assert matplotlib.rcParams["font.size"] == 31.0


def test_first_middle_last_are_usable() -> None:
    assert first_middle_last(np.array([False, True, True, True, False])) == [1, 2, 3]
    assert first_middle_last(np.array([True])) == [0]
    assert first_middle_last(np.array([False])) == [0]
