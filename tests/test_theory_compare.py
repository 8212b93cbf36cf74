"""Measured minus expected V/V0: which particles count, what their intervals hold."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np
import pytest

from tem_track.tables import PARTICLES, STAGES, TRACKS, Table, blank_table, row_count, table_from_rows
from tem_track.theory import Level, compare, kind_means

COMPLETE = [Level(1, "complete", 1.95, float("nan"), {}, {})]
STAGED = [Level(1, "stage 1", 1.3, float("nan"), {}, {}), Level(2, "complete", 1.9, float("nan"), {}, {})]
FRAMES = 40


def particle(track_id: int = 1, final: float = 1.9, **changes: Any) -> dict[str, Any]:
    return {
        "track_id": track_id,
        "kind": "solid",
        "last_frame": FRAMES - 1,
        "volume_model": "sphere",
        "v0_seen": 1,
        "onset_frame": 5.0,
        "complete_s": 30.0,
        "stage_count": 1,
        "final_volume_ratio": final,
        "final_volume_ratio_low": final - 0.0196,
        "final_volume_ratio_high": final + 0.0196,
        "final_sd_noise": 0.006,
        "final_sd_curve": 0.0,
        "final_sd_v0": 0.0,
        "final_sd_localisation": 0.008,
        "final_sd_shape": 0.0,
        **changes,
    }


def tables(
    *particles: dict[str, Any], ends: tuple[float, ...] = (30.0,), timed: bool = True
) -> tuple[Table, Table, Table]:
    tracks = blank_table(TRACKS, FRAMES * len(particles))
    tracks["track_id"][:] = np.repeat([p["track_id"] for p in particles], FRAMES)
    tracks["frame"][:] = np.tile(np.arange(FRAMES), len(particles))
    tracks["volume_ratio"][:] = np.tile(np.interp(np.arange(FRAMES), [5, 20, 30], [1, 1.2, 1.9]), len(particles))
    tracks["volume_ratio_sd"][:] = 0.01
    tracks["equivalent_diameter_px"][:] = 50 * np.cbrt(tracks["volume_ratio"])
    rows = [
        {"track_id": p["track_id"], "stage": k, "end_frame": end, "end_s": end if timed else np.nan}
        for p in particles
        for k, end in enumerate(ends, start=1)
    ]
    return table_from_rows(PARTICLES, particles), table_from_rows(STAGES, rows), tracks


def solid(levels: list[Level]) -> dict[str, list[Level]]:
    return {"solid": levels}


def test_the_difference_and_its_interval() -> None:
    table = compare(*tables(particle()), solid(COMPLETE))
    assert row_count(table) == 1
    row = {name: values[0] for name, values in table.items()}
    assert (row["level"], row["body"], row["counted"], row["remark"]) == ("complete", "envelope", 1, "")
    assert row["difference"] == pytest.approx(-0.05)
    assert row["difference_low"] == pytest.approx(-0.05 - 0.0196)
    assert row["difference_high"] == pytest.approx(-0.05 + 0.0196)
    assert (row["sd_own"], row["sd_shared"]) == pytest.approx((0.006, 0.008))


def test_the_uncertainty_of_the_cells_widens_the_interval() -> None:
    level = [Level(1, "complete", 1.95, 0.01, {}, {})]
    table = compare(*tables(particle()), solid(level))
    assert table["difference_high"][0] - table["difference"][0] == pytest.approx(np.hypot(0.0196, 0.01959964))
    (mean,) = kind_means(table)
    assert mean["difference_high"] - mean["difference"] == pytest.approx(1.96 * np.sqrt(2) * 0.01, rel=1e-3)


def test_each_stage_is_compared_where_the_curve_has_as_many() -> None:
    table = compare(*tables(particle(), ends=(20.0, 30.0)), solid(STAGED))
    assert table["level"].tolist() == ["stage 1", "complete"]
    np.testing.assert_allclose(table["difference"], [1.2 - 1.3, 0.0], atol=1e-12)
    assert table["frame"].tolist() == [20.0, 39.0]


def test_a_curve_with_other_stages_is_compared_at_its_end_only() -> None:
    assert compare(*tables(particle()), solid(STAGED))["level"].tolist() == ["complete"]
    assert compare(*tables(particle(), ends=(20.0, 30.0)), solid(COMPLETE))["level"].tolist() == ["complete"]


@pytest.mark.parametrize(
    ("changes", "remark"),
    [
        ({"complete_s": np.nan}, "still changing at the end"),
        ({"v0_seen": 0}, "V0 not seen"),
        ({"volume_model": "film"}, "film: its thickness is not measured"),
    ],
)
def test_what_is_not_comparable_is_listed_and_not_counted(changes: dict[str, Any], remark: str) -> None:
    table = compare(*tables(particle(), particle(2, 1.5, **changes)), solid(COMPLETE))
    assert table["remark"].tolist() == ["", remark]
    (mean,) = kind_means(table)
    assert (mean["particles"], mean["volume_ratio"]) == (1, 1.9)


def test_a_particle_that_did_not_react_is_not_minus_95_percent() -> None:
    table = compare(*tables(particle(final=1.0, complete_s=np.nan), ends=()), solid(COMPLETE))
    assert table["remark"].tolist() == ["no change of volume"]
    assert kind_means(table) == []


def test_a_particle_that_the_border_cuts_is_not_counted() -> None:
    particles, stages, tracks = tables(particle())
    tracks["touches_border"][:] = 1
    assert compare(particles, stages, tracks, solid(COMPLETE))["remark"].tolist() == ["cut by the border"]


def test_without_times_the_frames_after_the_last_stage_tell() -> None:
    untimed = particle(complete_s=np.nan)
    assert compare(*tables(untimed, ends=(30.0,), timed=False), solid(COMPLETE))["counted"].tolist() == [1]
    assert compare(*tables(untimed, ends=(39.0,), timed=False), solid(COMPLETE))["counted"].tolist() == [0]


def test_a_piece_without_a_ratio_of_its_own_has_no_row() -> None:
    assert row_count(compare(*tables(particle(final=np.nan)), solid(COMPLETE))) == 0


def test_each_kind_has_its_own_reaction_or_none() -> None:
    tabs = tables(particle(), particle(2, kind="core-shell"), particle(3, kind="hollow"))
    table = compare(*tabs, {"solid": COMPLETE, "core-shell": STAGED})
    assert table["track_id"].tolist() == [1, 2]
    assert table["expected_volume_ratio"].tolist() == [1.95, 1.9]
    assert [mean["kind"] for mean in kind_means(table)] == ["solid", "core-shell"]


def test_a_hollow_particle_is_compared_without_its_void_too() -> None:
    particles, stages, tracks = tables(particle(final=15 / 8))
    tracks["void_equivalent_diameter_px"][:] = 25.0
    tracks["void_equivalent_diameter_sd_px"][:] = 0.1
    table = compare(particles, stages, tracks, solid([Level(1, "complete", 2.0, float("nan"), {}, {})]))
    assert table["body"].tolist() == ["envelope", "without void"]
    np.testing.assert_allclose(table["difference"], [-0.125, 0.0], atol=1e-12)
    widths = table["difference_high"] - table["difference_low"]
    assert widths[1] > widths[0] * 8 / 7


def test_what_particles_share_does_not_average_out() -> None:
    many = [particle(i, 1.9 + 0.01 * (-1) ** i) for i in range(1, 101)]
    (mean,) = kind_means(compare(*tables(*many), solid(COMPLETE)))
    half = mean["difference_high"] - mean["difference"]
    # Student's factor for 100 is 1.984, the scatter 0.01005; 0.008 is shared by all.
    assert half == pytest.approx(np.hypot(1.984 * 0.001005, 1.96 * 0.008), rel=1e-3)


def test_the_interval_of_a_mean_holds_the_truth() -> None:
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(200):
        shared = rng.normal(0, 0.008)
        many = [particle(i, 1.9 + shared + rng.normal(0, 0.006)) for i in range(1, 6)]
        (mean,) = kind_means(compare(*tables(*many), solid(COMPLETE)))
        held += mean["difference_low"] <= 1.9 - 1.95 <= mean["difference_high"]
    assert 180 <= held <= 199


def test_thousands_of_particles_take_little_time() -> None:
    many = tables(*[particle(i) for i in range(1, 3001)])
    start = perf_counter()
    compare(*many, solid(COMPLETE))
    assert perf_counter() - start < 10
