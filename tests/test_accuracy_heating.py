"""The heating benchmark's own arithmetic: a perfect run has no errors, a wrong one the errors that were put into it."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from accuracy.heating_scenes import HEATING_SCENES, HeatingBenchmark
from accuracy.heating_score import (
    arrival_figures,
    crystal_figures,
    grain_figures,
    mask_figures,
    number_figures,
    ratio_figures,
    speed_ratio_of_map,
)
from accuracy.heating_truth import TrueHeating, public_heating_cases, simulated_heating
from accuracy.heating_whole import heating_figures
from accuracy.score import Share

from tem_track.simulate import HeatingScene, PrecipitateScene
from tem_track.tables import Table

CASES = Path(__file__).resolve().parents[2] / "shared" / "exam" / "cases"
SCENE = HeatingScene(
    height_px=128, width_px=144, frames=24, grain_nm=90.0, frame_interval_s=4.5, damage_nm=4.0, seed=31
)


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> TrueHeating:
    return simulated_heating(HeatingBenchmark("trial", "easy", "", SCENE), tmp_path_factory.mktemp("heating"))


def write(path: Path, table: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(table)
        rows.writerows(zip(*table.values(), strict=True))


def write_run(movie: TrueHeating, folder: Path, late_s: float = 0.0) -> None:
    """Write what a perfect run would, with every arrival late by some time."""
    front = movie.front
    assert front is not None
    write_drift(movie, folder)
    truth = movie.movie.parent / "truth"
    arrival = np.where(front.arrival_s > 0, front.arrival_s + np.float32(late_s), front.arrival_s)
    (folder / "front").mkdir(exist_ok=True)
    tifffile.imwrite(folder / "front/arrival_time.tif", arrival)
    tifffile.imwrite(folder / "front/grains.tif", front.grains)
    for name in ("grains", "crossings", "nuclei"):
        (folder / f"front/{name}.csv").write_bytes((truth / f"{name}.csv").read_bytes())
    summary = json.loads((truth / "summary.json").read_text())
    (folder / "front/summary.json").write_text(json.dumps(summary))


def write_drift(movie: TrueHeating, folder: Path) -> None:
    dy, dx = movie.drift_px.T
    write(folder / "drift.csv", {"frame": range(len(dy)), "dy_px": dy, "dx_px": dx, "usable": movie.sharp.astype(int)})


def test_a_perfect_run_has_no_errors(movie: TrueHeating, tmp_path: Path) -> None:
    write_run(movie, tmp_path)
    figures = heating_figures(movie, tmp_path)
    errors = ("drift", "arrival_error", "false_area", "onset_error", "crossing_error", "ratio_error")
    for name in errors:
        assert figures[name] == pytest.approx(0, abs=1e-4), name
    assert figures["half_error"] == pytest.approx(0, abs=1e-3)
    assert (figures["mask_iou"], figures["reached_iou"]) == (1, 1)
    for name in ("grains", "grains_right", "crossings", "crossings_right", "nuclei", "nuclei_right", "bad_frames"):
        share = figures[name]
        assert isinstance(share, Share)
        assert share.hits == share.total > 0, name


def test_a_late_run_is_as_late_as_it_was_made(movie: TrueHeating, tmp_path: Path) -> None:
    write_run(movie, tmp_path, late_s=2.25)
    figures = heating_figures(movie, tmp_path)
    # Half a frame; those late beyond the last frame count to there.
    assert figures["arrival_error"] == pytest.approx(0.5, abs=0.03)
    assert figures["arrival_bias"] == pytest.approx(0.5, abs=0.03)
    assert 0.5 < float(figures["mask_iou"]) < 0.97  # type: ignore[arg-type]


TIMES = np.arange(10) * 2.0


def test_arrival_asks_only_for_what_degrades_in_the_movie() -> None:
    true = np.array([[0.0, 4.0, 8.0, np.nan, np.nan]], np.float32)
    found = np.array([[9.0, 6.0, np.nan, 2.0, np.nan]], np.float32)
    figures = arrival_figures(found, true, TIMES)
    assert figures["arrival_error"] == 1.0
    assert figures["reached_iou"] == pytest.approx(1 / 3)
    assert figures["false_reached"] == pytest.approx(50)


def test_masks_are_compared_where_the_frame_shows_them() -> None:
    true = np.full((10, 10), 3.0, np.float32)
    found = true.copy()
    # Wrong in the five rows that frames 2 and later do not show.
    found[:5] = np.nan
    drift = np.zeros((10, 2))
    drift[2:, 0] = -5
    assert mask_figures(found, true, TIMES, drift, np.ones(10, bool))["mask_iou"] == 1
    assert mask_figures(found, true, TIMES, 0 * drift, np.ones(10, bool))["mask_iou"] == 0.5
    found[0] = 0.0
    false = mask_figures(found, true, TIMES, drift, np.ones(10, bool))["false_area"]
    assert false == pytest.approx(10)


@pytest.mark.parametrize(
    ("found", "true", "wanted"),
    [
        ({"a_c": 501.0, "a_c_low": 499.0, "a_c_high": 502.0}, 500.0, (0, 0, 1.0, Share(1, 1))),
        ({"a_c": 501.0, "a_c_low": 500.5, "a_c_high": 502.0}, 500.0, (0, 0, 1.0, Share(0, 1))),
        ({"a_c": None}, 500.0, (1, 0, None, None)),
        ({}, None, (0, 0, None, None)),
        ({"a_c": 480.0}, None, (0, 1, None, None)),
    ],
)
def test_numbers_that_are_missing_are_not_errors_of_zero(
    found: dict[str, float | None], true: float | None, wanted: tuple[Any, ...]
) -> None:
    figures = number_figures("a", found, "a_c", true, asked=True)
    assert tuple(figures.get(f"a_{n}") for n in ("missed", "invented", "error", "inside")) == wanted
    assert number_figures("a", found, "a_c", true, asked=False) == {}


def test_a_ratio_is_right_between_model_and_map() -> None:
    assert ratio_figures(1.9, (1.8, 2.0))["ratio_error"] == 0
    assert ratio_figures(2.19, (1.8, 2.0))["ratio_error"] == pytest.approx(10)
    assert ratio_figures(None, (1.8,)) == {"ratio_missed": 1.0}
    assert ratio_figures(1.0, ()) == {"ratio_invented": 1.0}


def test_grains_are_found_where_they_overlap() -> None:
    true = np.zeros((60, 60), np.int32)
    true[:30], true[30:, :30], true[30:, 30:] = 1, 2, 3
    found = np.where(true == 1, 5, 7).astype(np.int32)
    rows: Table = {"grain_id": np.array([5.0, 7.0]), "half_c": np.array([503.0, np.nan])}
    figures = grain_figures(found, rows, true, {1: 500.0, 2: 550.0})
    assert figures == {"grains": Share(1, 3), "grains_right": Share(1, 2), "half_error": 3.0}


def test_a_precipitate_is_asked_for_once_it_is_large_enough() -> None:
    true = np.array([0, 0, 1, 50, 100, 200, 400, 400.0])
    temperatures = 450 + 2 * np.arange(8.0)
    same = crystal_figures(true, true, temperatures, 0.04)
    assert same == {"crystal_missed": 0, "crystal_onset": 0, "crystal_area": 0, "crystal_final": 0}
    late = np.where(np.arange(8) < 5, 0, 1.1 * true)
    figures = crystal_figures(late, true, temperatures, 0.04)
    assert figures["crystal_onset"] == 4
    assert figures["crystal_area"] == pytest.approx((100 + 100 + 10 + 10 + 10) / 5)
    assert crystal_figures(0 * true, true, temperatures, 0.04)["crystal_missed"] == 1


def test_the_ratio_of_a_map_is_read_off_its_slopes() -> None:
    y, x = np.mgrid[:60, :120].astype(np.float32)
    grains = np.where(y < 30, 1, 2).astype(np.int32)
    away = np.abs(y - 29.5)
    # Along x: 4 px/s near the boundary, 2 px/s elsewhere.
    arrival = np.where(away <= 10, x / 4, x / 2) + 1
    assert speed_ratio_of_map(arrival, grains, 10.0) == pytest.approx(2.0, rel=1e-3)
    assert np.isnan(speed_ratio_of_map(np.full_like(arrival, np.nan), grains, 10.0))


def test_the_public_cases_are_read_in_the_same_form() -> None:
    if not CASES.is_dir():
        pytest.skip("the movies of the independent generator are not here")
    movies = {m.name: m for m in public_heating_cases(CASES, lambda name: True)}
    assert movies
    fronts = [m.front for m in movies.values() if m.front is not None]
    assert fronts
    for front in fronts:
        assert front.arrival_s.shape == front.grains.shape
        assert front.onset_c is None or 400 < front.onset_c < 700
    crystals = [m.crystal_nm2 for m in movies.values() if m.crystal_nm2 is not None]
    assert all((areas >= 0).all() and areas[-1] > areas[0] for areas in crystals)


def test_the_benchmark_has_its_controls_and_no_name_twice() -> None:
    names = [b.name for b in HEATING_SCENES]
    assert len(set(names)) == len(names)
    for tier in ("easy", "medium", "hard"):
        scenes = [b.scene for b in HEATING_SCENES if b.tier == tier]
        variants = {s.variant for s in scenes if isinstance(s, HeatingScene)}
        assert variants == {"aged", "pristine", "stable"}
        assert any(isinstance(s, PrecipitateScene) for s in scenes)
