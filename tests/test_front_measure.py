"""The whole measurement of a front: tables and summary."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tem_track.front.grains.network import grains_from_labels
from tem_track.front.measure import Front, measure_front
from tem_track.front.rows import when_share
from tem_track.front.scale import Scale
from tem_track.settings import FrontSettings
from tem_track.tables import FRONT_SCHEMAS
from tests.fronts import OPENS, SPEED, START, film, held_front, known, two_grains
from tests.pictures import disc

FRAMES = 120
TIMES = 0.5 * np.arange(FRAMES)
DEGREES = 450 + 2 * TIMES


def measured(arrival: np.ndarray, **changes: object) -> Front:
    given: dict[str, object] = {
        "times_s": TIMES,
        "timed": True,
        "temperatures_c": DEGREES,
        "pixel_size_nm": 2.0,
        "settings": FrontSettings(boundary_zone_nm=12.0),
    }
    return measure_front(known(arrival), grains_from_labels(two_grains()), **(given | changes))  # type: ignore[arg-type]


def test_the_held_front_is_told_as_it_was() -> None:
    front = measured(held_front(noise=0.3))
    summary = front.summary
    assert summary["onset_temperature_c"] == pytest.approx(450 + START, abs=1.0)
    assert summary["crossing_temperature_c"] == pytest.approx(450 + OPENS, abs=1.0)
    assert summary["crossing_temperature_c_low"] < 450 + OPENS < summary["crossing_temperature_c_high"]
    # 2 px a frame of 2 nm in 0.5 s.
    assert summary["interior_speed_nm_per_s"] == pytest.approx(8.0, rel=0.03)
    assert summary["boundary_interior_ratio"] == pytest.approx(1.0, abs=0.05)
    assert summary["boundary_zone_px"] == 6.0
    assert summary["crossings"] == 1
    assert summary["degraded_fraction_final"] == 1.0
    assert "never" not in summary["method"]


def test_arrivals_cut_short_by_the_end_count_for_no_speed() -> None:
    # The last twenty frames of the front all at once, as of places that had begun to fall.
    hurried = np.where(held_front() > 80, 80 + (held_front() - 80) / 8, held_front())
    hurried += 0.1 * np.random.default_rng(5).standard_normal(hurried.shape)
    slow = measured(hurried, settled_until=80.0).summary
    assert slow["interior_speed_nm_per_s"] == pytest.approx(8.0, rel=0.03)
    assert measured(hurried).summary["interior_speed_nm_per_s"] > 9
    # They have degraded all the same.
    assert slow["degraded_fraction_final"] == 1.0


def test_where_no_front_can_be_told_nothing_is_a_finding() -> None:
    never = np.full((80, 120), np.nan)
    untold, nothing = measured(never, told=False), measured(never)
    assert untold.summary["grains"] is None
    assert untold.warnings == ()
    assert nothing.summary["grains"] == 2
    assert any("nothing degraded" in words for words in nothing.warnings)


def test_tables_have_their_columns_and_units() -> None:
    front = measured(held_front())
    assert set(front.tables) == set(FRONT_SCHEMAS)
    for name, table in front.tables.items():
        assert list(table) == [column.name for column in FRONT_SCHEMAS[name]]
    grains = front.tables["front/grains.csv"]
    assert grains["grain_id"].tolist() == [1, 2]
    assert grains["area_nm2"].tolist() == [80 * 60 * 4.0, 80 * 60 * 4.0]
    assert grains["half_frame"] == pytest.approx([START + 29.5 / SPEED, OPENS + 29.5 / SPEED], abs=0.6)
    assert grains["half_c"] == pytest.approx(450 + grains["half_frame"], abs=1e-6)
    assert grains["entered_from"].tolist() == ["", "1"]
    crossing = front.tables["front/crossings.csv"]
    assert crossing["delay_s"] == pytest.approx([(OPENS - START - 59.5 / SPEED) / 2], abs=0.5)
    per_frame = front.tables["front/front.csv"]
    assert per_frame["degraded_fraction"][[0, 69, -1]] == pytest.approx([0, 0.5, 1.0], abs=0.01)
    # A straight front across 80 px of film.
    assert per_frame["front_length_px"][20] == pytest.approx(80, rel=0.05)
    assert per_frame["front_speed_nm_per_s"][20] == pytest.approx(8.0, rel=0.03)
    assert np.isnan(per_frame["front_speed_nm_per_s"][55])


def test_a_front_that_passes_starts_at_the_edge_only() -> None:
    x = np.arange(120) + np.zeros((80, 1))
    rng = np.random.default_rng(3)
    nuclei = measured(10 + x / SPEED + 0.3 * rng.standard_normal(x.shape)).tables["front/nuclei.csv"]
    assert len(nuclei["site"]) > 0
    assert set(nuclei["site"].tolist()) == {"edge"}
    assert (nuclei["grain_id"] == 1).all()


def test_damage_before_the_movie_is_apart() -> None:
    arrival = held_front()
    arrival[:20, :30] = 0.0
    front = measured(arrival)
    assert (front.arrival_s[:20, :30] == 0).all()
    assert front.summary["degraded_fraction_initial"] == pytest.approx(600 / 9600)
    assert front.summary["onset_temperature_c"] == pytest.approx(450 + START, abs=1.0)
    assert front.tables["front/grains.csv"]["initial_fraction"] == pytest.approx([600 / 4800, 0])


def test_nothing_degraded_comes_out_as_nothing() -> None:
    front = measured(np.full((80, 120), np.nan))
    numbers = ("onset_temperature_c", "crossing_temperature_c", "boundary_interior_ratio", "activation_energy_ev")
    assert all(front.summary[name] is None for name in numbers)
    assert front.summary["degraded_fraction_final"] == 0
    assert front.tables["front/front.csv"]["degraded_fraction"].max() == 0
    assert len(front.tables["front/nuclei.csv"]["site"]) == 0
    assert "nothing degraded in this movie" in front.warnings
    assert np.isnan(front.tables["front/grains.csv"]["half_s"]).all()


def test_without_boundaries_the_front_is_still_measured() -> None:
    x = np.arange(120) + np.zeros((80, 1))
    front = measure_front(
        known(10 + x / SPEED),
        grains_from_labels(np.ones((80, 120), np.int32)),
        times_s=TIMES,
        timed=True,
        temperatures_c=DEGREES,
        pixel_size_nm=2.0,
    )
    assert front.summary["interior_speed_nm_per_s"] == pytest.approx(8.0, rel=0.02)
    assert front.summary["boundary_speed_nm_per_s"] is None
    assert front.summary["crossing_temperature_c"] is None
    assert any("no grain boundary" in w for w in front.warnings)
    assert len(front.tables["front/distance.csv"]["distance_px"]) == 0


def test_unknown_units_leave_their_columns_empty() -> None:
    front = measured(held_front(), timed=False, times_s=np.arange(FRAMES, dtype=float), pixel_size_nm=None)
    grains = front.tables["front/grains.csv"]
    assert np.isnan(grains["half_s"]).all()
    assert np.isnan(grains["area_nm2"]).all()
    assert grains["half_frame"] == pytest.approx([START + 29.5 / SPEED, OPENS + 29.5 / SPEED], abs=0.6)
    assert front.summary["interior_speed_nm_per_s"] is None
    assert front.summary["interior_speed_px_per_frame"] == pytest.approx(SPEED, rel=0.02)
    assert front.summary["boundary_interior_ratio"] == pytest.approx(1.0, abs=0.05)
    bare = measured(held_front(), temperatures_c=None)
    assert bare.summary["onset_temperature_c"] is None
    assert bare.summary["onset_s"] == pytest.approx(START / 2, abs=0.5)
    assert any("--temperature" in w for w in bare.warnings)


def test_uneven_times_are_used_as_they_are() -> None:
    times = np.concatenate((np.arange(40) * 0.5, 20 + 2.0 * np.arange(80)))
    front = measured(held_front(), times_s=times)
    half = front.tables["front/grains.csv"]["half_s"]
    assert half[0] == pytest.approx(np.interp(START + 29.5 / SPEED, np.arange(FRAMES), times), abs=0.5)
    per_frame = front.tables["front/front.csv"]
    assert per_frame["front_speed_nm_per_s"][20] == pytest.approx(8.0, rel=0.05)
    assert per_frame["front_speed_nm_per_s"][85] == pytest.approx(2.0, rel=0.05)


def test_voids_are_counted_where_images_are_given() -> None:
    before = film(two_grains(), np.array([0, 100.0, 110.0]), 1.0)
    after = 0.8 * film(two_grains(), np.array([0, 100.0, 110.0]), 1.0, seed=9)
    places = [(y, x) for y in (15, 40, 65) for x in (15, 40, 80, 105)]
    for y, x in places:
        after = after * (1 - 0.3 * disc((80, 120), y, x, 3.0))
    front = measured(held_front(), before=before, after=after.astype(np.float32))
    table = front.tables["front/voids.csv"]
    assert abs(len(table["y_px"]) - len(places)) <= 1
    assert front.summary["voids_per_um2"] == pytest.approx(len(places) / (80 * 108 * 4e-6), rel=0.15)
    assert front.summary["void_diameter_nm"] == pytest.approx(12, abs=3)
    assert front.summary["voids_dispersed"] is True
    assert sorted(set(table["grain_id"].tolist())) == [1, 2]
    assert measured(held_front()).summary["voids"] is None


def test_the_summary_is_plain_json_and_the_same_every_time() -> None:
    first, second = (measured(held_front(noise=0.3)) for _ in range(2))
    assert json.dumps(first.summary, allow_nan=False) == json.dumps(second.summary, allow_nan=False)


def test_scale_passes_nothing_it_does_not_know() -> None:
    scale = Scale(TIMES, False, None, None)
    assert np.isnan(scale.seconds(3.0))
    assert np.isnan(scale.degrees(np.array([1.0, 2.0]))).all()
    assert np.isnan(scale.nm(2.0))
    assert scale.frame(scale.clock(7.25)) == pytest.approx(7.25)
    assert np.isnan(scale.frame(np.nan))


def test_a_share_that_is_never_reached_has_no_time() -> None:
    frames = np.array([5, np.nan, np.nan, 3], np.float32)
    assert when_share(frames, 0.5) == 5
    assert np.isnan(when_share(frames, 0.6))
    assert np.isnan(when_share(frames[:0], 0.5))
