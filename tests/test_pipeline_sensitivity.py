"""A run repeated under shifted settings: what moves, by how much, and which particle it was."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tem_track.pipeline.measure import Measurement, measure_movie
from tem_track.pipeline.reporter import Clock, Silence
from tem_track.pipeline.sensitivity import AS_SET, sensitivity_record, sensitivity_table, shifted_labels
from tem_track.pipeline.uncertainty import uncertainty_budget
from tem_track.read import open_movie
from tem_track.settings import Settings
from tem_track.simulate import LithiationScene, simulate_lithiation
from tem_track.tables import PARTICLES, SENSITIVITY, Table, blank_table
from tem_track.write.report_budget import budget_html, sensitivity_html
from tem_track.write.sensitivity_figure import sensitivity_figure
from tem_track.write.simulation import write_simulation

SCENE = LithiationScene(
    nio=2,
    core_shell=0,
    height_px=112,
    width_px=160,
    frames=14,
    frame_interval_s=12.0,
    onset_low_s=40.0,
    onset_high_s=60.0,
    pixel_size_nm=2.0,
    drift_px=0.2,
    dose_per_px=300.0,
    seed=8,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Measurement, Table]:
    folder: Path = tmp_path_factory.mktemp("sensitivity")
    write_simulation(simulate_lithiation(SCENE), folder)
    movie, settings = open_movie(folder / "movie.tif"), Settings()
    measured = measure_movie(movie, settings, Silence(), Clock())
    return measured, sensitivity_table(movie, measured, settings, Silence())


def change_of(table: Table, setting: str, value: str) -> np.ndarray:
    return table["change"][(table["setting"] == setting) & (table["value"] == value)]


def test_every_shift_has_a_row_for_every_particle(run: tuple[Measurement, Table]) -> None:
    measured, table = run
    assert set(table) == {column.name for column in SENSITIVITY}
    final = measured.expansion.particles["final_volume_ratio"]
    own = table["setting"] == AS_SET
    assert table["final_volume_ratio"][own] == pytest.approx(final[np.isfinite(final)])
    assert (table["change"][own] == 0).all()
    pairs = set(zip(table["setting"], table["value"], strict=True))
    assert len(table["setting"]) == len(pairs) * own.sum()
    assert {"grey value of no electrons", "labels that outlines start from", "smallest diameter"} < {
        s for s, _ in pairs
    }


def test_shifts_do_what_geometry_says(run: tuple[Measurement, Table]) -> None:
    measured, table = run
    particles = measured.expansion.particles
    final = particles["final_volume_ratio"]
    assert change_of(table, "expansion.volume_model", "film") == pytest.approx(final ** (2 / 3) - final, abs=0.03)
    radius = particles["initial_equivalent_diameter_nm"] / 2 / SCENE.pixel_size_nm
    grown = final ** (1 / 3)
    for shift in (-0.25, 0.25):
        expected = ((radius * grown + shift) / (radius + shift)) ** 3 - final
        assert change_of(table, "expansion.outline_shift_px", f"{shift:+g}") == pytest.approx(expected, rel=0.15)
    assert change_of(table, "expansion.shared_edge_error", "0") == pytest.approx(0)
    assert np.abs(change_of(table, "labels that outlines start from", "+1 px")).max() < 0.05
    assert np.abs(table["change"][table["setting"] == "smallest diameter"]).max() < 0.05


def test_the_record_counts_what_leaves_its_interval(run: tuple[Measurement, Table]) -> None:
    _, table = run
    record = {(shift["setting"], shift["value"]): shift for shift in sensitivity_record(table)}
    film = record["expansion.volume_model", "film"]
    assert film["particles"] == 2
    assert film["beyond_interval"] >= 1
    assert record["expansion.shared_edge_error", "0"]["beyond_interval"] == 0
    wide = record["expansion.shared_edge_error", "0"]["median_half_interval"]
    assert wide >= record["expansion.shared_edge_error", "1"]["median_half_interval"]
    page = sensitivity_html(list(record.values()))
    assert len(re.findall("<tr>", page)) == 1 + len(record)
    assert sensitivity_html(None) == ""
    figure = sensitivity_figure(table)
    assert figure is not None
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert "expansion.volume_model film" in names
    assert not any("shared_edge_error" in name for name in names)
    assert sensitivity_figure(None) is None


def test_the_budget_of_the_run(run: tuple[Measurement, Table]) -> None:
    measured, _ = run
    budget = uncertainty_budget(measured.expansion.particles)
    assert budget is not None
    items = {item["item"]: item for item in budget["items"]}
    assert [name for name, item in items.items() if not item["in_interval"]] == ["volume model", "calibration"]
    assert 0 < items["localisation"]["median"] < 0.1
    assert items["volume model"]["median"] > 0.05
    assert budget_html(budget).count("<tr>") == 1 + len(items)
    assert uncertainty_budget(blank_table(PARTICLES, 0)) is None
    assert budget_html(None) == ""


def test_labels_grow_into_the_background_only_and_shrink_from_their_neighbours() -> None:
    labels = np.zeros((9, 12), np.int32)
    labels[3:6, 2:5], labels[3:6, 5:9] = 1, 2
    wide, narrow = shifted_labels(labels, 1), shifted_labels(labels, -1)
    assert (wide[labels > 0] == labels[labels > 0]).all()
    assert (wide > 0).sum() > (labels > 0).sum()
    assert narrow[4].tolist() == [0, 0, 0, 1, 0, 0, 2, 2, 0, 0, 0, 0]
    assert (narrow[[3, 5]] == 0).all()
