"""A heated lamella, from the movie and its log to the run folder."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from resumed import differences_when_resumed

from tem_track.cli import main
from tem_track.simulate import HeatingScene, simulate_heating
from tem_track.tables import FRONT_SCHEMAS
from tem_track.write.simulation import write_simulation

SCENE = HeatingScene(
    height_px=192,
    width_px=192,
    grain_nm=150.0,
    frames=60,
    frame_interval_s=1.6,
    start_c=470.0,
    pixel_size_nm=2.2,
    dose_per_px=200.0,
    settling_px=3.0,
    seed=31,
)
LOG = ["--log-offset", "37.4s", "--quiet", "--set", "output.overlay=false"]


def arguments(folder: Path) -> list[str]:
    return [str(folder / "movie.tif"), "--temperature", str(folder / "temperature.csv"), *LOG]


def analyzed(folder: Path, scene: HeatingScene, *options: str) -> Path:
    write_simulation(simulate_heating(scene), folder, overwrite=True)
    assert main(["analyze", *arguments(folder), "-o", str(folder / "run"), *options]) == 0
    return folder / "run"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return analyzed(tmp_path_factory.mktemp("aged"), SCENE)


def test_what_is_kept_of_a_front_gives_the_same_run(run: Path, tmp_path: Path) -> None:
    found, taken = differences_when_resumed(run, tmp_path, *arguments(run.parent))
    assert found == []
    assert taken == {"survey", "choice", "film-drift", "first-grains", "first-arrival", "grains", "arrival", "front"}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_the_folder_holds_the_front_and_no_particles(run: Path) -> None:
    for name, columns in FRONT_SCHEMAS.items():
        with (run / name).open(encoding="utf-8") as stream:
            assert next(csv.reader(stream)) == [column.name for column in columns]
    assert not (run / "tracks.csv").exists()
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert record["outcome"]["analysis"].startswith("front: ")
    assert record["input"]["temperature"]["name"] == "temperature.csv"
    assert record["front"]["onset_temperature_c"] is not None
    figures = {path.name for path in (run / "figures").iterdir()}
    assert {"front_arrival.png", "front_montage.svg", "front_fraction.png", "front_distance.png"} <= figures
    assert "°C" in (run / "report.html").read_text(encoding="utf-8")


def test_arrival_grains_and_onset_agree_with_the_truth(run: Path) -> None:
    truth = run.parent / "truth"
    found, true = (tifffile.imread(folder / "arrival_time.tif") for folder in (run / "front", truth))
    assert found.shape == true.shape
    both = np.isfinite(found) & np.isfinite(true) & (true > 0)
    assert both.mean() > 0.8
    assert np.abs(found - true)[both].mean() < 1.5 * SCENE.frame_interval_s
    # A number per grain: the commonest number found in a true grain is that of few others.
    grains, true_grains = tifffile.imread(run / "front/grains.tif"), tifffile.imread(truth / "grains.tif")
    large = [g for g in np.unique(true_grains[true_grains > 0]) if (true_grains == g).sum() > 600]
    commonest = [np.bincount(grains[(true_grains == g) & (grains > 0)]).argmax() for g in large]
    assert len(set(commonest)) >= 0.7 * len(large)
    summary = json.loads((run / "front/summary.json").read_text(encoding="utf-8"))
    wanted = json.loads((truth / "summary.json").read_text(encoding="utf-8"))
    assert summary["onset_temperature_c"] == pytest.approx(wanted["onset_temperature_c"], abs=6)


def test_the_fraction_never_falls_and_the_log_gives_the_temperature(run: Path) -> None:
    rows = rows_of(run / "front/front.csv")
    fraction = np.array([float(row["degraded_fraction"]) for row in rows])
    assert (np.diff(fraction) >= 0).all()
    assert fraction[-1] > 0.5
    assert float(rows[10]["temperature_c"]) == pytest.approx(470 + 2 * 16, abs=1)


def test_nothing_degraded_comes_out_as_nothing(tmp_path: Path) -> None:
    quiet = replace(SCENE, variant="stable", vignetting=0.15, frames=30, seed=5)
    folder = analyzed(tmp_path, quiet, "--set", "output.figures=false")
    arrival = tifffile.imread(folder / "front/arrival_time.tif")
    assert np.isfinite(arrival).mean() < 1e-3
    summary = json.loads((folder / "front/summary.json").read_text(encoding="utf-8"))
    assert summary["onset_temperature_c"] is None
    assert summary["crossing_temperature_c"] is None
    assert rows_of(folder / "front/crossings.csv") == []


def test_a_log_that_does_not_cover_the_movie_is_refused(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    movie = run.parent / "movie.tif"
    log = ["--temperature", str(run.parent / "temperature.csv"), "--log-offset", "900s"]
    assert main(["analyze", str(movie), "-o", str(run.parent / "other"), *log, "--quiet"]) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "temperature.csv" in message
    assert not (run.parent / "other").exists()
