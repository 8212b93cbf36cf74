"""Objects that grow, from the command line to the run folder."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from growing_movie import SHAPE, growing_frames, radius
from resumed import differences_when_resumed

from tem_track.cli import main

TRUTH_NM2 = np.array([np.pi * radius(k) ** 2 for k in range(40)]) * 0.25


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("growth")
    frames = np.clip(growing_frames(noise=6.0), 0, None).astype(np.uint16)
    tifffile.imwrite(folder / "movie.tif", frames)
    log = "".join(f"{k / 2:.1f},{400 + k:.0f}\n" for k in range(120))
    (folder / "log.csv").write_text("time_s,temp_C\n" + log)
    assert main(["analyze", *arguments(folder), "-o", str(folder / "run")]) == 0
    return folder / "run"


def arguments(folder: Path) -> list[str]:
    options = ["--objects", "bright", "--pixel-size", "0.5nm", "--frame-interval", "1s", "--quiet"]
    options += ["--temperature", str(folder / "log.csv"), "--log-offset", "5s", "--set", "output.overlay=false"]
    return [str(folder / "movie.tif"), *options]


def test_what_is_kept_of_growth_gives_the_same_run(run: Path, tmp_path: Path) -> None:
    found, taken = differences_when_resumed(run, tmp_path, *arguments(run.parent))
    assert found == []
    assert taken == {"survey", "choice", "still-part", "growth-drift", "growth", "objects"}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_areas_and_temperatures_of_the_object(run: Path) -> None:
    rows = rows_of(run / "tracks.csv")
    assert {row["track_id"] for row in rows} == {"1"}
    found = {int(row["frame"]): float(row["area_nm2"]) for row in rows}
    large = [k for k in range(40) if TRUTH_NM2[k] > 15]
    assert np.mean([abs(found[k] / TRUTH_NM2[k] - 1) for k in large]) < 0.03
    assert all(float(row["temperature_c"]) == 410 + 2 * int(row["frame"]) for row in rows)


def test_onset_and_rates(run: Path) -> None:
    [growth] = rows_of(run / "growth.csv")
    # The disc begins in frame 8, at 410 + 2 x 8 degC.
    assert float(growth["onset_low_c"]) <= 426 <= float(growth["onset_high_c"])
    assert float(growth["onset_c"]) == pytest.approx(426, abs=4)
    rates = {int(row["frame"]): float(row["rate_nm2_per_s"]) for row in rows_of(run / "growth_rates.csv")}
    # dA/dt = 2 pi r dr/dt with 0.4 px per s and 0.25 nm2 per px.
    assert rates[28] == pytest.approx(2 * np.pi * radius(28) * 0.4 * 0.25, rel=0.15)


def test_label_images_follow_the_object(run: Path) -> None:
    labels = tifffile.imread(run / "labels.tif")
    assert labels.shape == (40, *SHAPE)
    assert not labels[:8].any()
    assert labels[39][34, 40] == 1


def test_the_record_names_the_log_and_the_run_repeats(run: Path, tmp_path: Path) -> None:
    record = json.loads((run / "run.json").read_text())
    assert record["input"]["temperature"]["name"] == "log.csv"
    assert "log.csv" in record["movie"]["temperature_source"]
    assert record["settings"]["analysis"]["objects"] == {"value": "bright", "source": "command line"}
    again = tmp_path / "again"
    command = ["analyze", str(run.parent / "movie.tif"), "--settings", str(run / "run.json"), "-q", "-o", str(again)]
    assert main(command) == 1
    assert main([*command, "--temperature", str(run.parent / "log.csv")]) == 0
    for name in ("tracks.csv", "growth.csv", "labels.tif"):
        assert (again / name).read_bytes() == (run / name).read_bytes()


def test_figures_and_report(run: Path) -> None:
    for name in ("growth_area", "growth_rate", "growth_map", "outlines"):
        assert (run / "figures" / f"{name}.png").stat().st_size > 5000
    assert "growth.csv" in (run / "report.html").read_text(encoding="utf-8")


def test_two_analyses_at_once_are_refused(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["analyze", str(run.parent / "movie.tif"), "--objects", "bright", "-q", "-o", str(tmp_path / "run")]
    assert main([*command, "--analysis", "front"]) == 1
    assert main([*command, "--labels", str(run / "labels.tif")]) == 1
    assert "leave out --labels" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_nothing_grows_is_an_answer(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "movie.tif", np.clip(growing_frames(12, onset=1e9), 0, None).astype(np.uint16))
    command = ["analyze", str(tmp_path / "movie.tif"), "--objects", "bright", "-q", "-o", str(tmp_path / "run")]
    assert main([*command, "--set", "output.overlay=false", "--set", "output.figures=false"]) == 0
    assert rows_of(tmp_path / "run" / "growth.csv") == []
    assert not tifffile.imread(tmp_path / "run" / "labels.tif").any()
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert any("nothing became brighter" in text for text in record["warnings"])
