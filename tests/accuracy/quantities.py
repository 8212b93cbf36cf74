"""What is compared with the truth: areas, V/V0, cores, kinds, stages, events, each with its stated interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tem_track.tables import Table, row_count, select_rows

from .score import Figures, Share, mean_of, percent, share_inside
from .truth import TrueEvent, TrueMovie, ids_in, rows_of

# The end of a curve: as many last rows as `final_volume_ratio` is the mean of, so that one still rising is not held
# against it.
END_ROWS, END_SHARE = 3, 0.05
# Shorter curves have no V/V0 worth comparing.
LEAST_ROWS = 10
# How far from the true frame a fracture or coalescence may be named.
EVENT_FRAMES = 3
# A stage must go on for so many frames before the movie or the particle ends to be asked for.
STAGE_FRAMES = 5


def curve_figures(movie: TrueMovie, tracks: Table, particles: Table, number: Mapping[int, int]) -> Figures:
    """Return the errors of areas, V/V0 and final V/V0 of whole particles that no border cuts, and their intervals.

    Parameters
    ----------
    tracks, particles : Table
        As the run folder has them.
    number : mapping of true track to found track

    Notes
    -----
    V/V0 is over the first row that was measured, where the truth is 1 unless the particle was already swelling.
    Errors of V/V0 are in % of V0.
    """
    bias, curve, final = [], [], []
    inside = {name: Share(0, 0) for name in ("area_inside", "ratio_inside", "final_inside")}
    asked = answered = 0
    for track in movie.particles["track_id"]:
        true, found = paired_rows(movie, tracks, int(track), number)
        asked += len(_whole_rows(movie, int(track))["frame"])
        answered += row_count(true)
        if row_count(true) < LEAST_ROWS:
            continue
        bias.append(float(percent(found["area_px"], true["area_px"]).mean()))
        inside["area_inside"] += share_inside(found["area_px"] - true["area_px"], found["area_sd_px"])
        ratio = true["volume_ratio"] / true["volume_ratio"][0]
        error = found["volume_ratio"] - ratio
        if not np.isfinite(error).any():
            continue
        curve.append(100 * float(np.nanmean(np.abs(error))))
        inside["ratio_inside"] += share_inside(error, found["volume_ratio_sd"])
        row = select_rows(particles, particles["track_id"] == number[int(track)])
        last = float(row["final_volume_ratio"][0])
        # The run's final value is of the last rows that it calls clear of the border itself.
        clear = ratio[found["touches_border"] == 0]
        if np.isfinite(last) and len(clear):
            end = float(clear[-end_rows(len(clear)) :].mean())
            final.append(100 * abs(last - end))
            low, high = float(row["final_volume_ratio_low"][0]), float(row["final_volume_ratio_high"][0])
            inside["final_inside"] += Share(int(low <= end <= high), 1)
    return {
        "measured": Share(answered, asked),
        "area_bias": mean_of(bias),
        "area_error": mean_of(np.abs(bias)),
        "curve_error": mean_of(curve),
        "final_error": mean_of(final),
        "curve_worst": max(curve, default=float("nan")),
        "final_worst": max(final, default=float("nan")),
        **inside,
    }


def end_rows(count: int) -> int:
    """Return how many of `count` rows are the end of a curve.

    >>> end_rows(60), end_rows(200), end_rows(2)
    (3, 10, 2)
    """
    return min(count, max(END_ROWS, int(END_SHARE * count)))


def _whole_rows(movie: TrueMovie, track: int) -> Table:
    """True rows of a track that are asked for: whole, not cut by the border, in a sharp frame."""
    rows = rows_of(movie.tracks, track)
    return select_rows(rows, (rows["touches_border"] == 0) & (rows["state"] == "whole") & movie.sharp[rows["frame"]])


def paired_rows(movie: TrueMovie, tracks: Table, track: int, number: Mapping[int, int]) -> tuple[Table, Table]:
    """Return the true and the measured rows of a track, one for one."""
    true = _whole_rows(movie, track)
    found = rows_of(tracks, number.get(track, -1))
    found = select_rows(found, np.isfinite(found["area_px"]) & (found["state"] != "inferred"))
    _, i, j = np.intersect1d(true["frame"], found["frame"], return_indices=True)
    return select_rows(true, i), select_rows(found, j)


def core_figures(movie: TrueMovie, tracks: Table, particles: Table, number: Mapping[int, int]) -> Figures:
    """Return the errors of core diameter and shell thickness, % of the truth, and how many kinds are right.

    `core_inside` is how often the stated 95 % interval of the core's diameter holds the truth.
    """
    core, shell, seen, inside = [], [], Share(0, 0), Share(0, 0)
    kinds = dict(zip(particles["track_id"].astype(int).tolist(), particles["kind"].tolist(), strict=True))
    right = Share(0, 0)
    for track, kind in zip(movie.particles["track_id"], movie.particles["kind"], strict=True):
        true, found = paired_rows(movie, tracks, int(track), number)
        if row_count(true) < LEAST_ROWS:
            continue
        right += Share(int(kinds.get(number[int(track)]) == kind), 1)
        if not np.isfinite(true["core_diameter_px"]).any():
            continue
        measured = np.isfinite(found["core_equivalent_diameter_px"])
        seen += Share(int(measured.sum()), len(measured))
        if not measured.any():
            continue
        diameter, sd = found["core_equivalent_diameter_px"], found["core_equivalent_diameter_sd_px"]
        inside += share_inside(diameter - true["core_diameter_px"], sd)
        core.append(_typical(diameter, true["core_diameter_px"]))
        shell.append(_typical(found["shell_thickness_px"], true["shell_px"]))
    errors = {"core_error": mean_of(core), "shell_error": mean_of(shell)}
    return {**errors, "core_rows": seen, "core_inside": inside, "kinds": right}


def _typical(
    measured: np.ndarray[tuple[int], np.dtype[np.float64]], true: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> float:
    return float(np.nanmean(np.abs(percent(measured, true))))


def stage_figures(movie: TrueMovie, particles: Table, number: Mapping[int, int]) -> Figures:
    """Return the errors of onset and stage change in frames, and how many were missed and invented.

    Asked of particles that stand whole in the field from the first frame on.
    """
    frame_s = float(np.median(np.diff(movie.times_s)))
    errors: dict[str, list[float]] = {"onset_s": [], "stage_change_s": []}
    missed = dict.fromkeys(errors, 0)
    invented = dict.fromkeys(errors, 0)
    for i, track in enumerate(movie.particles["track_id"]):
        rows = _whole_rows(movie, int(track))
        if row_count(rows) < LEAST_ROWS or rows["frame"][0] > 1 or int(track) not in number:
            continue
        end_s = float(movie.times_s[rows["frame"][-1]])
        found = select_rows(particles, particles["track_id"] == number[int(track)])
        for name in errors:
            true, measured = float(movie.particles[name][i]), float(found[name][0])
            if np.isfinite(true) and true > end_s - STAGE_FRAMES * frame_s:
                continue
            if np.isfinite(true) and np.isfinite(measured):
                errors[name].append(abs(measured - true) / frame_s)
            missed[name] += int(np.isfinite(true) and not np.isfinite(measured))
            invented[name] += int(np.isfinite(measured) and not np.isfinite(true))
    return {
        "onset_error": mean_of(errors["onset_s"]),
        "stage_error": mean_of(errors["stage_change_s"]),
        "stage_worst": max(errors["stage_change_s"], default=float("nan")),
        "stages_missed": float(missed["onset_s"] + missed["stage_change_s"]),
        "stages_invented": float(invented["onset_s"] + invented["stage_change_s"]),
    }


def event_figures(true: Sequence[TrueEvent], events: Table, stands_for: Mapping[int, int]) -> Figures:
    """Return how many fractures and coalescences were found, and how many were invented.

    Parameters
    ----------
    true : sequence of TrueEvent
    events : Table
        EVENTS.
    stands_for : mapping of found track to the true track it is on most often

    Notes
    -----
    Found: the same kind of event within `EVENT_FRAMES` frames, with at least half of the true tracks named by it (the
    parent among them for a fracture).
    """
    found = [
        (int(k), str(event), {stands_for.get(n, -n) for n in (int(track), *ids_in(others))})
        for k, event, track, others in zip(
            *(events[n] for n in ("frame", "event", "track_id", "other_track_ids")), strict=True
        )
        if event in ("fracture", "coalescence")
    ]
    used: set[int] = set()
    for wanted in true:
        names = wanted.others | {wanted.track}
        for i, (k, event, tracks) in enumerate(found):
            near = abs(k - wanted.frame) <= EVENT_FRAMES and event == wanted.event
            if i not in used and near and 2 * len(tracks & names) >= len(names):
                used.add(i)
                break
    return {"events": Share(len(used), len(true)), "events_invented": float(len(found) - len(used))}
