"""A heated film whose contrast changes both ways, through the whole program: what is measured instead of a front."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from tem_track.cli import main

SHAPE, FRAMES = (192, 192), 16


def movie() -> np.ndarray:
    """Return a foil with dark defects that fade, the more of them the later, while others come up."""
    rng = np.random.default_rng(21)
    old, new = (ndimage.gaussian_filter(rng.standard_normal(SHAPE), 4) for _ in range(2))
    texture = 1 + 0.05 * ndimage.gaussian_filter(rng.standard_normal(SHAPE), 2) / 0.14
    spots = [np.clip(field / field.std() - 0.5, 0, 1) for field in (old, new)]
    share = np.linspace(0, 1, FRAMES)
    frames = [texture * (1 - 0.5 * (1 - s) * spots[0] - 0.4 * s * spots[1] * (spots[0] == 0)) for s in share]
    return rng.poisson(400 * np.array(frames)).astype(np.uint16)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dark")
    tifffile.imwrite(folder / "movie.tif", movie())
    heat = ["--frame-interval", "5s", "--ramp", "200C+2C/s", "--pixel-size", "1nm"]
    assert main(["analyze", str(folder / "movie.tif"), "-o", str(folder / "run"), *heat, "--quiet"]) == 0
    return folder / "run"


def test_the_dark_share_is_measured_and_no_front_is_claimed(run: Path) -> None:
    with (run / "front/dark.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == FRAMES
    assert float(rows[0]["dark_fraction"]) > 0.05
    summary = json.loads((run / "front/summary.json").read_text(encoding="utf-8"))
    assert summary["dark_places_first"] > 5
    # Neither grains nor their absence, nor that nothing degraded, are findings here.
    assert summary["grains"] is None
    assert summary["degraded_fraction_final"] is None
    assert not any("nothing degraded" in warning for warning in summary["warnings"])
    assert not np.isfinite(tifffile.imread(run / "front/arrival_time.tif")).any()


def test_the_page_shows_what_is_dark_and_no_empty_map(run: Path) -> None:
    figures = {path.stem for path in (run / "figures").glob("*.png")}
    assert {"front_dark", "front_dark_places"} <= figures
    assert not figures & {"front_arrival", "front_fraction", "front_montage"}
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "distinct dark places" in page
    assert "<span>dark share</span>" in page
    assert "<span>grains</span>" not in page


def test_a_later_run_without_them_leaves_no_dark_files(run: Path) -> None:
    heat = ["--frame-interval", "5s", "--ramp", "200C+2C/s", "--pixel-size", "1nm", "--overwrite", "--quiet"]
    only = ["--analysis", "front", "--set", "output.figures=false"]
    assert (run / "front/dark.csv").exists()
    assert main(["analyze", str(run.parent / "movie.tif"), "-o", str(run), *heat, *only]) == 0
    assert not (run / "figures/front_dark.png").exists()
