"""From a movie to its run folder: the whole chain on a small simulated movie, and what it leaves when it fails."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from tem_track.errors import InputError, OutputError
from tem_track.pipeline import Request, analyze
from tem_track.pipeline.reporter import Silence
from tem_track.settings import OutputSettings, Settings, files_of_run, layered_settings, read_settings_file
from tem_track.simulate import LithiationScene, simulate_lithiation
from tem_track.tables import SCHEMAS
from tem_track.write.files import MARKER, STAGES_FOLDER, is_finished
from tem_track.write.simulation import write_simulation

SCENE = LithiationScene(
    nio=1,
    core_shell=1,
    height_px=160,
    width_px=224,
    frames=24,
    frame_interval_s=40.0,
    onset_low_s=80.0,
    onset_high_s=120.0,
    pixel_size_nm=2.0,
    drift_px=0.4,
    blank=(7,),
    seed=5,
)
QUICK = Settings(output=OutputSettings(overlay=False, figures=False))


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    write_simulation(simulate_lithiation(SCENE), folder, overwrite=True)
    return folder / "movie.tif"


@pytest.fixture(scope="module")
def run(movie: Path) -> Path:
    folder = movie.parent / "run"
    analyze(Request(movie, folder, command=("tem-track", "analyze", "movie.tif")), Silence())
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_run_folder_holds_everything(run: Path) -> None:
    names = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
    assert names >= {*SCHEMAS, "labels.tif", "cores.tif", "run.json", "report.html"}
    assert any(name.startswith("overlay.") for name in names)
    assert {"figures/volume_ratio.png", "figures/drift.svg", "figures/outlines.png"} <= names
    for name, schema in SCHEMAS.items():
        with (run / name).open(encoding="utf-8") as file:
            assert file.readline().strip().split(",") == [column.name for column in schema]
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert record["settings"]["track"]["max_gap_frames"]["value"] == 10


def test_what_comes_out_is_what_was_simulated(run: Path, movie: Path) -> None:
    particles = rows(run / "particles.csv")
    assert sorted(row["kind"] for row in particles) == ["core-shell", "solid"]
    truth = rows(movie.parent / "truth" / "tracks.csv")
    last = {row["track_id"]: float(row["volume_ratio"]) for row in truth}
    expected = np.array(sorted(last.values()))
    found = np.array(sorted(float(row["final_volume_ratio"]) for row in particles))
    assert np.abs(found / expected - 1).max() < 0.06
    drift = rows(run / "drift.csv")
    assert [int(row["frame"]) for row in drift if row["usable"] == "0"] == [7]
    labels = tifffile.imread(run / "labels.tif")
    assert labels.shape == (24, 160, 224)
    assert set(np.unique(labels)) == {0, 1, 2}


def test_a_run_is_repeated_bit_for_bit_from_its_record(run: Path, movie: Path, tmp_path: Path) -> None:
    settings, sources = layered_settings(("run.json", read_settings_file(run / "run.json")))
    again = tmp_path / "again"
    analyze(Request(movie, again, settings=settings, sources=sources), Silence())
    for name in (*SCHEMAS, "labels.tif", "cores.tif"):
        assert (run / name).read_bytes() == (again / name).read_bytes(), name


def test_label_images_made_elsewhere_take_the_place_of_detection(movie: Path, tmp_path: Path) -> None:
    labels = tifffile.imread(movie.parent / "truth" / "labels.tif")
    path = tmp_path / "labels.tif"
    tifffile.imwrite(path, labels)
    folder = tmp_path / "run"
    analyze(Request(movie, folder, settings=QUICK, labels=path), Silence())
    assert len(rows(folder / "particles.csv")) == 2
    tifffile.imwrite(path, np.zeros_like(labels))
    with pytest.raises(InputError, match="empty"):
        analyze(Request(movie, tmp_path / "other", settings=QUICK, labels=path), Silence())


def test_a_single_image_has_particles_and_no_curves(movie: Path, tmp_path: Path) -> None:
    path = tmp_path / "one.tif"
    tifffile.imwrite(path, tifffile.imread(movie, key=0))
    outcome = analyze(Request(path, tmp_path / "run"), Silence())
    assert any("no curves" in value for _, value in outcome.facts)
    particles = rows(tmp_path / "run" / "particles.csv")
    assert len(particles) == 2
    assert all(row["final_volume_ratio"] == "" for row in particles)
    assert all(row["particles"] == "0" for row in rows(tmp_path / "run" / "expansion.csv"))
    assert not (tmp_path / "run" / "figures" / "volume_ratio.png").exists()


@pytest.mark.parametrize("content", ["blank", "noise"])
def test_a_movie_without_particles_leaves_nothing_but_what_a_second_try_needs(content: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    frames = np.full((6, 96, 96), 90, np.uint16)
    if content == "noise":
        frames = rng.poisson(frames).astype(np.uint16)
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, frames, photometric="minisblack")
    with pytest.raises(InputError, match=r"movie\.tif"):
        analyze(Request(path, tmp_path / "run"), Silence())
    left = {path.name for path in (tmp_path / "run").iterdir()}
    assert left == {"log.txt", MARKER, STAGES_FOLDER}
    assert not is_finished(tmp_path / "run")
    assert "no particles" in (tmp_path / "run" / "log.txt").read_text(encoding="utf-8")


def test_a_movie_that_cannot_be_read_leaves_no_folder(tmp_path: Path) -> None:
    (tmp_path / "movie.tif").write_bytes(b"II*\0 and nothing more")
    with pytest.raises(InputError, match=r"movie\.tif"):
        analyze(Request(tmp_path / "movie.tif", tmp_path / "run"), Silence())
    assert not (tmp_path / "run").exists()


def test_an_earlier_run_stays_until_the_new_one_is_measured(run: Path, movie: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    analyze(Request(movie, folder, settings=QUICK), Silence())
    before = (folder / "tracks.csv").read_bytes()
    other = tmp_path / "other.tif"
    other.write_bytes(movie.read_bytes() + b"longer")
    with pytest.raises(OutputError, match="another movie; use --overwrite"):
        analyze(Request(other, folder, settings=QUICK), Silence())
    bad = replace(QUICK, segment=replace(QUICK.segment, min_diameter_nm=1e5, max_diameter_nm=2e5))
    with pytest.raises(InputError, match="no particles"):
        analyze(Request(movie, folder, settings=bad, overwrite=True), Silence())
    assert (folder / "tracks.csv").read_bytes() == before


def test_a_foreign_folder_is_never_touched(movie: Path, tmp_path: Path) -> None:
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter.txt").write_text("mine")
    with pytest.raises(OutputError):
        analyze(Request(movie, folder, settings=QUICK, overwrite=True), Silence())
    assert (folder / "chapter.txt").read_text() == "mine"


@pytest.mark.parametrize("change", ["normalised", "lifted down"])
def test_grey_values_below_zero_do_not_change_the_answer(change: str, movie: Path, run: Path, tmp_path: Path) -> None:
    frames = tifffile.imread(movie).astype(np.float32)
    frames = (frames - frames.mean()) / frames.std() if change == "normalised" else frames - 300
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, frames, photometric="minisblack")
    outcome = analyze(Request(path, tmp_path / "run", settings=QUICK), Silence())
    assert any("below zero" in line for line in outcome.attention)
    found, expected = (rows(folder / "particles.csv") for folder in (tmp_path / "run", run))
    for mine, other in zip(found, expected, strict=True):
        assert float(mine["final_volume_ratio"]) == pytest.approx(float(other["final_volume_ratio"]), rel=0.03)


def test_what_is_read_is_never_removed(run: Path, tmp_path: Path, movie: Path) -> None:
    folder = tmp_path / "run"
    analyze(Request(movie, folder, settings=QUICK), Silence())
    for request in (
        Request(folder / "labels.tif", folder, settings=QUICK, overwrite=True),
        Request(movie, folder, settings=QUICK, labels=folder / "labels.tif", overwrite=True),
    ):
        with pytest.raises(OutputError, match="move it out"):
            analyze(request, Silence())
    assert (folder / "labels.tif").is_file()


def test_the_record_names_the_files_given_beside_the_movie(movie: Path, tmp_path: Path) -> None:
    times = tmp_path / "times.csv"
    times.write_text("frame,time_s\n" + "".join(f"{k},{k * 2.5}\n" for k in range(24)))
    analyze(Request(movie, tmp_path / "run", settings=QUICK, times=times), Silence())
    assert files_of_run(tmp_path / "run" / "run.json") == {"times": "times.csv"}
    assert files_of_run(times) == {}
