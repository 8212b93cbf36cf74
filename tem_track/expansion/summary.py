"""Rows of the particles, stages and events tables from a track's curve."""

from __future__ import annotations

from typing import Any

import numpy as np

from tem_track.expansion.particle import Curve
from tem_track.expansion.stages import Stage
from tem_track.expansion.volume import ratio_by_model

Row = dict[str, Any]


def particle_row(curve: Curve, track_id: int, kind: str, fate: str, model: str, scale: float, timed: bool) -> Row:
    """Return the line of the particles table.

    Parameters
    ----------
    curve : Curve
    track_id : int
    kind, fate, model : str
    scale : float
        Pixel size in nm, NaN if unknown.
    timed : bool
        False where times are frame numbers: columns in s stay empty, those in frames are filled.
    """
    rows, fit = curve.rows, curve.fit
    volume_scale = float("nan") if model == "film" else scale**3
    row: Row = {
        "track_id": track_id,
        "lineage_id": int(rows["lineage_id"][0]),
        "kind": kind,
        "first_frame": int(rows["frame"][0]),
        "last_frame": int(rows["frame"][-1]),
        "volume_model": model,
        "v0_nm3": curve.level * volume_scale,
        "v0_sd_nm3": curve.level_sd * volume_scale,
        "initial_equivalent_diameter_nm": _initial_diameter(curve) * scale,
        "v0_seen": int(curve.level_seen),
        "stage_count": len(fit.stages) if fit else 0,
        "fate": fate,
    }
    if fit and fit.stages:
        row |= _times(curve, fit.stages, timed)
    if curve.final:
        row |= _final(curve, model)
    return row


def stage_rows(curve: Curve, track_id: int, timed: bool) -> list[Row]:
    """Return the lines of the stages table, rates as d(V/V0)/dt."""
    if not curve.fit:
        return []
    found = []
    for number, stage in enumerate(curve.fit.stages, start=1):
        row: Row = {
            "track_id": track_id,
            "stage": number,
            "start_frame": frame_at(curve, stage.start_s),
            "end_frame": frame_at(curve, stage.end_s),
            "volume_ratio_end": stage.end_value / curve.level,
            "growth_law": stage.law,
            "law_delta_bic": stage.law_evidence,
        }
        if timed:
            row |= {
                "start_s": stage.start_s,
                "end_s": stage.end_s,
                "rate_per_s": stage.rate_per_s / curve.level,
                "rate_low": stage.rate_interval[0] / curve.level,
                "rate_high": stage.rate_interval[1] / curve.level,
                "start_low_s": stage.start_interval[0],
                "start_high_s": stage.start_interval[1],
                "end_low_s": stage.end_interval[0],
                "end_high_s": stage.end_interval[1],
            }
        found.append(row)
    return found


def onset_row(curve: Curve, track_id: int, timed: bool) -> Row | None:
    """Return the onset's line of the events table: the first frame at or after the onset."""
    if not curve.fit or not curve.onset_known:
        return None
    start = curve.fit.stages[0].start_s
    at = min(int(np.searchsorted(curve.rows["time_s"], start)), len(curve.rows["frame"]) - 1)
    when = start if timed else float("nan")
    return {"frame": int(curve.rows["frame"][at]), "time_s": when, "event": "onset", "track_id": track_id}


def frame_at(curve: Curve, time_s: float) -> float:
    """Return a time in frames, a fraction of a frame included."""
    return float(np.interp(time_s, curve.rows["time_s"], curve.rows["frame"]))


def _initial_diameter(curve: Curve) -> float:
    sizes = curve.rows["equivalent_diameter_px"][curve.before]
    sizes = sizes[np.isfinite(sizes)]
    return float(np.median(sizes)) if len(sizes) else float("nan")


def _times(curve: Curve, stages: tuple[Stage, ...], timed: bool) -> Row:
    """Return onset, stage change, completion and the largest rate."""
    first, last = stages[0], stages[-1]
    row: Row = {}
    if curve.onset_known and curve.fit:
        row["onset_by"] = "others" if curve.fit.onset_by_others else "curve"
        row["onset_frame"] = frame_at(curve, first.start_s)
    if len(stages) == 2:
        row["stage_change_frame"] = frame_at(curve, first.end_s)
    if not timed:
        return row
    if curve.onset_known:
        row |= {"onset_s": first.start_s}
        row["onset_low_s"], row["onset_high_s"] = first.start_interval
    elif curve.fit:
        row["onset_high_s"] = curve.fit.latest_onset_s
    if len(stages) == 2:
        row["stage_change_s"] = first.end_s
        row["stage_change_low_s"], row["stage_change_high_s"] = first.end_interval
    row["max_rate_per_s"] = max((s.rate_per_s for s in stages), key=abs) / curve.level
    if curve.fit and curve.fit.plateau:
        row["complete_s"] = last.end_s
    return row


def _final(curve: Curve, model: str) -> Row:
    final, shape = curve.final, curve.shape
    assert final is not None
    models = ratio_by_model(final.value, model, shape.aspect_start, shape.aspect_end)
    row: Row = {
        "final_volume_ratio": final.value,
        "final_volume_ratio_low": final.low,
        "final_volume_ratio_high": final.high,
        "final_sd_localisation": final.localisation,
        "final_sd_noise": final.noise,
        "final_sd_curve": final.curve,
        "final_sd_v0": final.v0,
        "final_sd_shape": final.shape,
        "shape_holds": {None: "", True: "yes", False: "no"}[shape.holds],
        "shape_change": shape.reason,
    }
    if shape.fails_row >= 0:
        row["shape_fails_frame"] = float(curve.rows["frame"][shape.fails_row])
    return row | {f"final_volume_ratio_{name}": value for name, value in models.items()}
