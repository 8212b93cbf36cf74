"""run.json: everything needed to repeat a run, and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from tem_track.movie import Calibration, Movie
from tem_track.settings import Settings, read_settings_file, settings_dict, settings_from
from tem_track.write.run import run_record, write_run_json


def movie() -> Movie:
    frames = np.zeros((3, 4, 5), np.uint16)
    return Movie(
        frames,
        frames.shape,
        frames.dtype,
        np.array([0.0, 0.4, 0.8]),
        "OME TimeIncrement",
        timed=True,
        calibration=Calibration(1.3, "--pixel-size"),
        format="OME-TIFF",
        notes=("slices taken as time",),
    )


def record(**changes: Any) -> dict[str, Any]:
    settings = settings_from({"track": {"max_gap_frames": 4}})
    return run_record(
        movie(),
        settings,
        identity={"name": "movie.tif", "bytes": 120, "sha256": "ab" * 32},
        sources={"track": {"max_gap_frames": "command line"}},
        started=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        **changes,
    )


def test_the_record_names_what_went_in() -> None:
    made = record(command=["tem-track", "analyze"], warnings=["w"], seconds={"drift": 1.23456})
    assert made["input"]["sha256"] == "ab" * 32
    assert made["calibration"] == {"pixel_size_nm": 1.3, "source": "--pixel-size"}
    assert made["movie"]["shape"] == [3, 4, 5]
    assert made["movie"]["duration_s"] == 0.8
    assert made["started"] == "2026-01-02T03:04:05+00:00"
    assert made["seconds"] == {"drift": 1.235}
    assert {"numpy", "scipy", "tifffile"} <= set(made["libraries"])
    assert "pytest" not in made["libraries"]


def test_settings_come_back_as_they_were(tmp_path: Path) -> None:
    made = record()
    assert made["settings"]["track"]["max_gap_frames"] == {"value": 4, "source": "command line"}
    assert made["settings"]["drift"]["enabled"]["source"] == "default"
    write_run_json(tmp_path / "run.json", made)
    values = read_settings_file(tmp_path / "run.json")
    assert settings_from(values) == settings_from({"track": {"max_gap_frames": 4}})
    assert values != settings_dict(Settings())


def test_numbers_become_plain_json(tmp_path: Path) -> None:
    outcome = {"count": np.int64(3), "ratio": np.float32(0.5), "lost": float("nan"), "set": {2, 1}, "path": Path("a")}
    write_run_json(tmp_path / "run.json", record(outcome=outcome))
    found = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["outcome"]
    assert found == {"count": 3, "ratio": 0.5, "lost": None, "set": [1, 2], "path": "a"}
