"""A simulation on disk: complete, calibrated, the same bytes each time, safe."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from tem_track.errors import InputError, OutputError
from tem_track.simulate import (
    PRESETS,
    HeatingScene,
    LithiationScene,
    PrecipitateScene,
    scene_changed,
    scene_dict,
    scene_from,
    simulate_lithiation,
    simulation_of,
)
from tem_track.write.simulation import read_scene, write_simulation

SCENE = LithiationScene(nio=1, core_shell=1, height_px=256, width_px=280, frames=6, dropped=((3.0, 2.0),), seed=4)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_folder_holds_movie_truth_and_scene(tmp_path: Path) -> None:
    simulation = simulate_lithiation(SCENE)
    write_simulation(simulation, tmp_path / "a")
    assert set(contents(tmp_path / "a")) == {
        "movie.tif",
        "frame_times.csv",
        "scene.json",
        *(f"truth/{name}.csv" for name in ("drift", "frames", "tracks", "particles", "events")),
        "truth/labels.tif",
        "truth/cores.tif",
    }
    assert (tifffile.imread(tmp_path / "a/movie.tif") == np.stack([simulation.frames[k] for k in range(6)])).all()
    assert (tifffile.imread(tmp_path / "a/truth/labels.tif")[5] == simulation.truth.labels(5)).all()
    assert (tmp_path / "a/frame_times.csv").read_text().splitlines()[:5] == [
        "frame,time_s",
        "0,0",
        "1,12",
        "2,24",
        "3,60",
    ]
    specimen, values = read_scene(tmp_path / "a")
    assert (specimen, scene_from(values)) == ("lithiation", SCENE)


def test_same_scene_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write_simulation(simulate_lithiation(SCENE), tmp_path / name)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


HEATED = HeatingScene(height_px=96, width_px=112, frames=8, grain_nm=70.0, frame_interval_s=14.0, seed=6)


def test_a_heating_folder_holds_log_maps_tables_and_summary(tmp_path: Path) -> None:
    simulation = simulation_of(HEATED)
    write_simulation(simulation, tmp_path / "a")
    assert set(contents(tmp_path / "a")) == {
        "movie.tif",
        "temperature.csv",
        "scene.json",
        *(f"truth/{name}.csv" for name in ("drift", "frames", "front", "grains", "crossings", "nuclei")),
        "truth/arrival_time.tif",
        "truth/grains.tif",
        "truth/summary.json",
    }
    arrival, grains = (tifffile.imread(tmp_path / f"a/truth/{name}.tif") for name in ("arrival_time", "grains"))
    assert (arrival.dtype, grains.dtype, arrival.shape) == (np.float32, np.uint16, (96, 112))
    np.testing.assert_array_equal(arrival, simulation.maps["arrival_time"])
    log = (tmp_path / "a/temperature.csv").read_text().splitlines()
    assert log[0] == "time_s,temperature_c"
    summary = json.loads((tmp_path / "a/truth/summary.json").read_text())
    assert summary["log_time_of_frame0_s"] == HEATED.log_offset_s
    specimen, values = read_scene(tmp_path / "a")
    assert (specimen, scene_changed(HeatingScene(), values)) == ("heating", HEATED)


def test_a_precipitate_folder_holds_log_labels_and_areas(tmp_path: Path) -> None:
    scene = PrecipitateScene(height_px=96, width_px=96, void_nm=12.0, crystal_nm=6.0, frames=8, frame_interval_s=9.0)
    write_simulation(simulation_of(scene), tmp_path / "a")
    names = set(contents(tmp_path / "a"))
    assert {"temperature.csv", "truth/labels.tif", "truth/tracks.csv", "truth/summary.json"} <= names
    assert tifffile.imread(tmp_path / "a/truth/labels.tif")[-1].max() == 1


def test_another_kind_of_movie_leaves_nothing_of_the_one_before(tmp_path: Path) -> None:
    write_simulation(simulate_lithiation(replace(SCENE, frames=4)), tmp_path / "a")
    write_simulation(simulation_of(HEATED), tmp_path / "a", overwrite=True)
    write_simulation(simulation_of(HEATED), tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_the_movie_carries_its_calibration(tmp_path: Path) -> None:
    write_simulation(simulate_lithiation(replace(SCENE, dropped=())), tmp_path / "a")
    assert not (tmp_path / "a/frame_times.csv").exists()
    with tifffile.TiffFile(tmp_path / "a/movie.tif") as tiff:
        pixels = tifffile.xml2dict(tiff.ome_metadata)["OME"]["Image"]["Pixels"]
        assert tiff.series[0].axes == "TYX"
    assert (pixels["PhysicalSizeX"], pixels["PhysicalSizeXUnit"], pixels["TimeIncrement"]) == (1.3, "nm", 12)


def test_dropped_frames_have_their_times_in_the_movie(tmp_path: Path) -> None:
    write_simulation(simulate_lithiation(SCENE), tmp_path / "a")
    with tifffile.TiffFile(tmp_path / "a/movie.tif") as tiff:
        pixels = tifffile.xml2dict(tiff.ome_metadata)["OME"]["Image"]["Pixels"]
    assert "TimeIncrement" not in pixels
    assert [plane["DeltaT"] for plane in pixels["Plane"]] == [0, 12, 24, 60, 72, 84]


def test_nothing_is_overwritten_without_being_asked(tmp_path: Path) -> None:
    simulation = simulate_lithiation(replace(SCENE, frames=4))
    write_simulation(simulation, tmp_path / "a")
    with pytest.raises(OutputError, match="overwrite"):
        write_simulation(simulation, tmp_path / "a")
    write_simulation(simulate_lithiation(replace(SCENE, dropped=(), frames=4)), tmp_path / "a", overwrite=True)
    assert not (tmp_path / "a/frame_times.csv").exists()


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("dear")
    with pytest.raises(OutputError, match="not a simulation"):
        write_simulation(simulate_lithiation(replace(SCENE, frames=4)), tmp_path, overwrite=True)
    assert contents(tmp_path) == {"thesis.txt": b"dear"}


def test_an_interrupted_rewrite_does_not_look_whole(tmp_path: Path) -> None:
    simulation = simulate_lithiation(replace(SCENE, frames=4))
    write_simulation(simulation, tmp_path / "a")

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_simulation(simulation, tmp_path / "a", overwrite=True, progress=interrupt)
    assert contents(tmp_path / "a") == {}


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"scene": 3}', "{"])
def test_a_file_that_is_no_scene_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "scene.json").write_text(text)
    with pytest.raises(InputError, match=r"scene\.json"):
        read_scene(tmp_path)


@pytest.mark.parametrize(
    ("folder", "preset"), [("lithiation", "sample"), ("haadf", "sample-haadf"), ("heating", "sample-heating")]
)
def test_sample_data_is_what_the_preset_makes(folder: str, preset: str) -> None:
    there = Path(__file__).resolve().parents[1] / "sample_data" / folder
    if not there.exists():
        pytest.skip("sample_data is not part of an installed package")
    assert json.loads((there / "scene.json").read_text())["scene"] == json.loads(
        json.dumps(scene_dict(PRESETS[preset]))
    )
    simulation = simulation_of(PRESETS[preset])
    movie = tifffile.imread(there / "movie.tif", key=20)
    assert (movie == simulation.frames[20]).all()
