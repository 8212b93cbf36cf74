"""What is put together from the runs of a batch: tables, curves, means, figures, the page."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
from batch_runs import write_front_run, write_run

from tem_track.batch.conditions import condition_rows
from tem_track.batch.curves import front_curves, volume_curves
from tem_track.batch.figures import comparison_figures
from tem_track.batch.finished import FinishedRun, Group, groups_of, numeric_conditions
from tem_track.batch.join import write_joined
from tem_track.batch.means import mean_of
from tem_track.batch.page import index_html, spark_of
from tem_track.tables import Column, table_from_rows

ODD = "=cmd|' /C calc'!A0<script>.tif"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def runs(tmp_path: Path) -> list[FinishedRun]:
    return [
        write_run(tmp_path / "a", "a.tif", {"material": "NiO", "voltage": "-0.5"}, level=2.0),
        write_run(tmp_path / "b", ODD, {"material": "@CuO", "voltage": ""}, level=1.5, interval_s=7.0),
        write_run(tmp_path / "c", "c.tif", {"material": "NiO", "voltage": "1"}, level=1.8, particles=1, frames=11),
    ]


def test_tables_of_all_movies_name_the_movie_and_its_conditions(runs: list[FinishedRun], tmp_path: Path) -> None:
    assert write_joined(tmp_path, runs, ("material", "voltage")) == ["tracks.csv", "particles.csv", "expansion.csv"]
    joined = rows(tmp_path / "tracks.csv")
    assert [(row["movie"], row["track_id"]) for row in joined] == [
        (movie, track) for movie in ("a.tif", "'" + ODD, "c.tif") for track in ("1", "2")
    ]
    # Numbers stay numbers, what a spreadsheet would run does not.
    assert [row["voltage"] for row in joined[::2]] == ["-0.5", "", "1"]
    assert joined[2]["material"] == "'@CuO"
    assert joined[1]["state"] == 'a, "b"\nc'


def test_parquet_holds_the_same_rows_with_their_types(runs: list[FinishedRun], tmp_path: Path) -> None:
    write_joined(tmp_path, runs, ("material", "voltage"))
    table = pyarrow.parquet.read_table(tmp_path / "tracks.parquet")
    assert table.num_rows == 6
    assert table["movie"].to_pylist()[2] == ODD
    assert table["voltage"].to_pylist() == [-0.5, -0.5, None, None, 1.0, 1.0]
    assert table["track_id"].to_pylist() == [1, 2] * 3
    assert table["state"].to_pylist()[1] == 'a, "b"\nc'
    assert table["area_px"].to_pylist() == [None] * 6
    first = (tmp_path / "tracks.parquet").read_bytes()
    write_joined(tmp_path, runs, ("material", "voltage"))
    assert (tmp_path / "tracks.parquet").read_bytes() == first


def test_a_table_that_no_run_has_any_more_is_removed(runs: list[FinishedRun], tmp_path: Path) -> None:
    (tmp_path / "growth.csv").write_text("old")
    write_joined(tmp_path, runs, ())
    assert not (tmp_path / "growth.csv").exists()


def test_numeric_conditions_are_those_with_nothing_but_numbers() -> None:
    stated = [{"v": "1", "w": "2", "x": ""}, {"v": "-2e3", "w": "two", "x": ""}]
    assert numeric_conditions(stated, ("v", "w", "x")) == {"v"}


def test_groups_stand_in_the_order_of_numbers_and_words(tmp_path: Path) -> None:
    found = groups_of([FinishedRun("m", tmp_path, {"v": text}) for text in ("10", "9", "b", "a", "")], ("v",))
    assert [group.label for group in found] == ["9", "10", "not stated", "a", "b"]
    assert [group.label for group in groups_of([FinishedRun("m", tmp_path, {})], ())] == ["all movies"]


def test_the_mean_curve_of_one_movie_is_its_own(runs: list[FinishedRun]) -> None:
    curve = next(c for c in volume_curves([Group(("CuO",), (runs[1],))]) if c.table["kind"][0] == "all")
    assert np.allclose(curve.table["volume_ratio_mean"], 1 + 0.5 * curve.table["time_s"] / 140)
    assert np.allclose(curve.table["volume_ratio_sd"], 0.1)
    assert np.allclose(curve.table["volume_ratio_high"] - curve.table["volume_ratio_mean"], 1.96 * 0.02, rtol=1e-3)


def test_a_mean_curve_weighs_particles_and_ends_with_its_movies(runs: list[FinishedRun]) -> None:
    group = Group(("NiO",), (runs[0], runs[2]))
    curve = next(c for c in volume_curves([group]) if c.table["kind"][0] == "all").table
    at = {float(t): i for i, t in enumerate(curve["time_s"])}
    half = at[100.0]
    # Three particles at 1.5 and one at 1.8.
    assert curve["volume_ratio_mean"][half] == pytest.approx((3 * 1.5 + 1.8) / 4)
    assert (curve["movies"][half], curve["particles"][half]) == (2, 4)
    assert curve["movies"][at[110.0]] == 1
    assert curve["volume_ratio_mean"][at[200.0]] == pytest.approx(2.0)
    spread = np.sqrt((2 * 0.1**2 + 3 * (1.5 - 1.575) ** 2 + (1.8 - 1.575) ** 2) / 3)
    assert curve["volume_ratio_sd"][half] == pytest.approx(spread)


def test_the_interval_of_a_mean_holds_the_truth_where_movies_differ() -> None:
    rng = np.random.default_rng(4)
    held = alone = 0
    for _ in range(400):
        offsets = np.repeat(rng.normal(0, 0.1, 4), 6)
        values = 2.0 + offsets + rng.normal(0, 0.03, 24)
        found = mean_of(values, members=np.repeat(np.arange(4), 6).tolist())
        held += found.low <= 2.0 <= found.high
        every = mean_of(values)
        alone += every.low <= 2.0 <= every.high
    assert 0.92 < held / 400 < 0.985
    # Negative control: particles taken as independent promise too much.
    assert alone / 400 < 0.75


def test_means_of_nothing_and_of_one_value_are_not_known() -> None:
    assert np.isnan(mean_of([]).value)
    assert mean_of([1.5]).value == 1.5
    assert np.isnan(mean_of([1.5]).low)
    assert mean_of([1.5], own_sd=[0.1]).low == pytest.approx(1.304, abs=1e-3)


def test_fronts_are_put_together_on_heating(tmp_path: Path) -> None:
    cold = write_front_run(tmp_path / "a", "a.tif", {}, 550.0)
    hot = write_front_run(tmp_path / "b", "b.tif", {}, 570.0)
    (curve,) = front_curves([Group((), (cold, hot))])
    place = int(np.searchsorted(curve.table["temperature_c"], 560.0))
    assert curve.table["degraded_fraction_mean"][place] == pytest.approx(0.5, abs=0.01)
    assert curve.table["degraded_fraction_sd"][place] == pytest.approx(np.std([0.6, 0.4], ddof=1), abs=0.01)
    assert curve.table["degraded_fraction_high"].max() <= 1
    row = condition_rows([Group((), (cold, hot))], ())
    assert row["onset_temperature_c_mean"][0] == pytest.approx(510.0)
    assert row["onset_temperature_c_low"][0] < 500.1


def test_conditions_say_what_came_out_and_what_was_left_out(runs: list[FinishedRun]) -> None:
    table = condition_rows(groups_of(runs, ("material",)), ("material",))
    assert table["material"].tolist() == ["@CuO", "NiO"]
    assert table["particles"].tolist() == [3, 4]
    assert table["final_volume_ratio_mean"].tolist() == pytest.approx([1.5, (3 * 2.0 + 1.8) / 4])


def test_every_figure_is_drawn_whatever_the_conditions_are_called(runs: list[FinishedRun], tmp_path: Path) -> None:
    odd = write_front_run(tmp_path / "f", "f.tif", {"material": "$x_{$ \x1b\n"}, 550.0)
    groups = groups_of([*runs, odd], ("material",))
    names = []
    for name, figure in comparison_figures(groups, volume_curves(groups), front_curves(groups)):
        figure.canvas.draw()
        names.append(name)
    assert names == ["volume_ratio", "final_volume_ratio", "degraded_fraction", "temperatures"]


def test_the_page_is_harmless_and_whole(runs: list[FinishedRun]) -> None:
    table = [
        {"movie": ODD, "run_folder": "runs/x", "material": "<b>", "status": "done", "reason": "", "particles": 3},
        {"movie": "b.tif", "run_folder": "", "material": "", "status": "failed", "reason": "<img src=x>"},
    ]
    means = (Column("material", "text", "condition"),)
    page = index_html(
        "<week>",
        table,
        ("material",),
        {ODD: spark_of(runs[0].folder)},
        (means, table_from_rows(means, [{"material": "<i>"}])),
        [],
        [("by", "<u>")],
        ["batch.csv"],
    )
    for hostile in ("<script", "<b>", "<img", "<week", "<u>"):
        assert hostile not in page.replace("<b>1</b>", "").replace("<b>2</b>", "").replace("<b>b.tif</b>", "")
    assert 'href="runs/x/report.html"' in page
    assert "<polyline" in page
    assert "http:" not in page
    assert "https:" not in page


def test_a_run_without_particles_or_front_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "run.json").write_text(json.dumps({"program": "tem-track"}))
    groups = groups_of([FinishedRun("x.tif", tmp_path / "x", {})], ())
    assert volume_curves(groups) == []
    assert front_curves(groups) == []
    assert list(comparison_figures(groups, [], [])) == []
    assert condition_rows(groups, ())["particles"].tolist() == [0]
