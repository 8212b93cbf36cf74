"""The benchmark's own arithmetic, on cases with answers that can be counted by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from accuracy.quantities import core_figures, curve_figures, end_rows, event_figures, stage_figures
from accuracy.score import (
    Matches,
    Share,
    drift_error,
    f1,
    identity_map,
    identity_switches,
    idf1,
    match_image,
    match_movie,
    share_inside,
)
from accuracy.table import BEGIN, END, FINDING, Heading, cell, markdown, put_into, together
from accuracy.truth import TrueEvent, TrueMovie, ids_in

from tem_track.labels import LabelStack
from tem_track.movie import Labels
from tem_track.tables import EVENTS, PARTICLES, TRACKS, Table, blank_table, table_from_rows

FRAMES = 40


def image(*squares: tuple[int, int, int, int]) -> Labels:
    """Label image of (number, top, left, side)."""
    labels = np.zeros((40, 60), np.int32)
    for number, top, left, side in squares:
        labels[top : top + side, left : left + side] = number
    return labels


def matches(*rows: tuple[int, int, int], missed: int = 0, invented: int = 0) -> Matches:
    frame, true, found = (np.array([row[i] for row in rows], np.int64) for i in range(3))
    return Matches(frame, true, found, np.ones(len(rows)), missed, invented)


def test_drift_error_is_the_rms_length_without_a_constant() -> None:
    true = np.zeros((5, 2))
    measured = np.array([[7.0, 1.0]] * 4 + [[10.0, 5.0]])
    rmse, answered = drift_error(measured, true, np.ones(5, bool))
    assert rmse == pytest.approx(np.sqrt(25 / 5))
    assert answered == Share(5, 5)


def test_drift_that_is_not_known_is_counted_and_blank_frames_are_not_asked_for() -> None:
    measured = np.array([[0.0, 0.0], [np.nan, 0.0], [50.0, 0.0], [0.0, 0.0]])
    rmse, answered = drift_error(measured, np.zeros((4, 2)), np.array([True, True, False, True]))
    assert rmse == 0
    assert answered == Share(2, 3)


def test_overlap_of_shifted_squares() -> None:
    pairs, missed, invented = match_image(image((5, 10, 12, 10)), image((1, 10, 10, 10)))
    assert pairs == [(1, 5, pytest.approx(80 / 120))]
    assert (missed, invented) == (0, 0)


def test_too_little_overlap_is_a_miss_and_an_invention() -> None:
    pairs, missed, invented = match_image(image((5, 10, 16, 10)), image((1, 10, 10, 10)))
    assert (pairs, missed, invented) == ([], 1, 1)


def test_two_true_particles_under_one_found_label_count_once() -> None:
    together_as_one = image((1, 5, 5, 10))
    together_as_one[5:15, 15:19] = 1
    pairs, missed, invented = match_image(together_as_one, image((1, 5, 5, 10), (2, 5, 15, 4)))
    assert [pair[:2] for pair in pairs] == [(1, 1)]
    assert (missed, invented) == (1, 0)


def test_an_excused_particle_is_neither_asked_for_nor_an_invention() -> None:
    found = image((4, 10, 10, 10), (6, 30, 30, 5))
    pairs, missed, invented = match_image(found, image((1, 10, 10, 10), (2, 29, 29, 9)), excused={2})
    assert ([pair[:2] for pair in pairs], missed, invented) == ([(1, 4)], 0, 0)


def test_a_movie_asks_only_for_what_is_in_the_field() -> None:
    true = [image((1, 0, 0, 20), (2, 20, 40, 15))] * 2
    found = [image((3, 0, 0, 20)), image((3, 0, 0, 20), (4, 20, 40, 15))]
    seen = match_movie(found, true, [0, 1], lambda track, frame: 0.1 if (track, frame) == (2, 0) else 1.0)
    assert (len(seen.frame), seen.missed, seen.invented) == (3, 0, 0)
    asked = match_movie(found, true, [0, 1], lambda track, frame: 1.0)
    assert (len(asked.frame), asked.missed, asked.invented) == (3, 1, 0)
    assert f1(asked) == pytest.approx(6 / 7)


def test_identities() -> None:
    # Particle 1 changes its number twice, particle 2 never.
    seen = matches(*[(k, 1, 8 if k == 3 else 7) for k in range(6)], *[(k, 2, 9) for k in range(6)], missed=2)
    assert identity_switches(seen) == 2
    assert identity_map(seen) == {1: 7, 2: 9}
    assert idf1(seen) == pytest.approx(2 * 11 / (24 + 2))


def test_a_number_stands_for_one_particle_only() -> None:
    seen = matches(*[(k, 1, 7) for k in range(5)], *[(k, 2, 7) for k in range(5, 8)])
    assert identity_map(seen) == {1: 7}


def test_share_inside_counts_rows_with_an_error_and_an_interval() -> None:
    error = np.array([0.0, 1.9, 2.0, np.nan, 0.1])
    assert share_inside(error, np.array([1.0, 1.0, 1.0, 1.0, np.nan])) == Share(2, 3)
    assert Share(2, 3) + Share(1, 1) == Share(3, 4)
    assert np.isnan(Share(0, 0).value)


def one_particle() -> TrueMovie:
    """Return a movie in which track 1 swells from 1 to 2 between frames 10 and 30."""
    frames = np.arange(FRAMES)
    ratio = np.interp(frames, [10, 30], [1.0, 2.0])
    tracks: Table = {
        "track_id": np.ones(FRAMES, int),
        "frame": frames,
        "area_px": 1000 * ratio ** (2 / 3),
        "volume_ratio": ratio,
        "touches_border": np.zeros(FRAMES, int),
        "visible_fraction": np.ones(FRAMES),
        "state": np.array(["whole"] * FRAMES, object),
        "core_diameter_px": np.full(FRAMES, np.nan),
        "shell_px": np.full(FRAMES, np.nan),
    }
    particles: Table = {
        "track_id": np.array([1]),
        "kind": np.array(["solid"], object),
        "onset_s": np.array([20.0]),
        "stage_change_s": np.array([np.nan]),
        "complete_s": np.array([60.0]),
    }
    ones = np.ones(FRAMES, bool)
    return TrueMovie(
        "one", "easy", "", Path(), None, False, np.zeros((FRAMES, 2)), ones, ones, 2.0 * frames, 1.0,
        LabelStack((4, 4)), tracks, particles, (),
    )  # fmt: skip


def measured(movie: TrueMovie, error: float) -> tuple[Table, Table]:
    """Return tables of a run that finds the particle as track 5, with V/V0 off by `error` and areas 2 % too large."""
    tracks = blank_table(TRACKS, FRAMES)
    tracks["track_id"][:] = 5
    tracks["frame"] = np.arange(FRAMES)
    tracks["area_px"] = 1.02 * movie.tracks["area_px"]
    tracks["area_sd_px"] = 0.005 * tracks["area_px"]
    tracks["volume_ratio"] = movie.tracks["volume_ratio"] + error
    tracks["volume_ratio_sd"][:] = 0.01
    row = {"track_id": 5, "kind": "solid", "onset_s": 26.0, "stage_change_s": 40.0}
    final = {"final_volume_ratio": 2.0 + error, "final_volume_ratio_low": 1.98, "final_volume_ratio_high": 2.05}
    return tracks, table_from_rows(PARTICLES, [row | final])


def test_curve_figures_in_per_cent_of_v0() -> None:
    movie = one_particle()
    figures = curve_figures(movie, *measured(movie, 0.03), {1: 5})
    assert figures["area_bias"] == pytest.approx(2.0)
    assert figures["curve_error"] == pytest.approx(3.0)
    assert figures["final_error"] == pytest.approx(3.0)
    assert figures["area_inside"] == Share(0, FRAMES)
    assert figures["ratio_inside"] == Share(0, FRAMES)
    assert figures["final_inside"] == Share(1, 1)
    assert curve_figures(movie, *measured(movie, 0.01), {1: 5})["ratio_inside"] == Share(FRAMES, FRAMES)


def test_core_figures_in_per_cent_of_the_truth_and_their_intervals() -> None:
    movie = one_particle()
    movie.tracks["core_diameter_px"][:], movie.tracks["shell_px"][:] = 20.0, 4.0
    movie.particles["kind"][:] = "core-shell"
    tracks, particles = measured(movie, 0.0)
    tracks["core_equivalent_diameter_px"][:], tracks["shell_thickness_px"][:] = 20.5, 3.8
    tracks["core_equivalent_diameter_sd_px"][:] = np.where(np.arange(FRAMES) < 10, 0.2, 0.3)
    figures = core_figures(movie, tracks, particles, {1: 5})
    assert figures["core_error"] == pytest.approx(2.5)
    assert figures["shell_error"] == pytest.approx(5.0)
    assert figures["core_inside"] == Share(FRAMES - 10, FRAMES)
    assert figures["kinds"] == Share(0, 1)


def test_a_particle_that_was_not_found_is_not_measured() -> None:
    movie = one_particle()
    figures = curve_figures(movie, *measured(movie, 0.0), {})
    assert figures["measured"] == Share(0, FRAMES)
    assert np.isnan(float(figures["curve_error"]))  # type: ignore[arg-type]


def test_a_curve_that_is_still_rising_is_judged_over_its_last_rows() -> None:
    assert (end_rows(60), end_rows(100), end_rows(2)) == (3, 5, 2)


def test_stage_figures_in_frames() -> None:
    movie = one_particle()
    figures = stage_figures(movie, measured(movie, 0.0)[1], {1: 5})
    assert figures["onset_error"] == pytest.approx(3.0)
    assert (figures["stages_missed"], figures["stages_invented"]) == (0, 1)


def events(*rows: tuple[int, str, int, str]) -> Table:
    names = ("frame", "event", "track_id", "other_track_ids")
    return table_from_rows(EVENTS, [dict(zip(names, row, strict=True)) for row in rows])


FRACTURE = TrueEvent(20, "fracture", 1, frozenset({2, 3}))
STANDS_FOR = {11: 1, 12: 2, 13: 3, 14: 4}


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ((22, "fracture", 11, "12+13"), True),
        ((22, "fracture", 11, "12"), True),
        ((24, "fracture", 11, "12+13"), False),
        ((20, "coalescence", 11, "12+13"), False),
        ((20, "fracture", 14, "15+16"), False),
    ],
)
def test_an_event_is_found_by_kind_frame_and_particles(row: tuple[int, str, int, str], found: bool) -> None:
    figures = event_figures([FRACTURE], events(row, (3, "onset", 11, "")), STANDS_FOR)
    assert figures["events"] == Share(int(found), 1)
    assert figures["events_invented"] == float(not found)


def test_ids_in_a_cell() -> None:
    assert list(ids_in("3+12")) == [3, 12]
    assert list(ids_in("")) == []


def test_table_has_a_row_per_movie_and_tier() -> None:
    headings = (Heading("drift", "drift", 2), Heading("switches", "switches", 0, "sum"), Heading("kinds", "kinds"))
    movies = {
        "easy": {
            "a": {"drift": 0.1, "switches": 1.0, "kinds": Share(3, 4)},
            "b": {"drift": 0.3, "switches": 2.0, "kinds": Share(4, 4)},
            "c": {},
        }
    }
    lines = markdown(headings, movies).splitlines()  # type: ignore[arg-type]
    assert lines[2] == "| a | 0.10 | 1 | 3 of 4 |"
    assert lines[4] == "| c | failed | failed | failed |"
    assert lines[5] == "| **easy** | **0.20** | **3** | **7 of 8** |"


def test_worst_and_empty_figures() -> None:
    worst = Heading("peak_mb", "", 0, "worst")
    assert together(worst, [{"peak_mb": 3.0}, {"peak_mb": 8.0}]) == 8.0
    assert cell(float("nan"), FINDING[0]) == ""
    assert cell(Share(940, 1000), FINDING[0]) == "94.0 %"


def test_the_readme_keeps_everything_but_the_table() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert put_into(page, "new") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    assert put_into(put_into(page, "new"), "new") == put_into(page, "new")
    with pytest.raises(ValueError, match="once each"):
        put_into("no markers", "new")
