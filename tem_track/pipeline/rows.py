"""The tables of the run folder put together from what the stages hand over."""

from __future__ import annotations

import cv2
import numpy as np

from tem_track.drift import Drift, FrameQuality
from tem_track.movie import Image, Movie
from tem_track.segment import Outlines
from tem_track.tables import DRIFT, EVENTS, TRACKS, Table, blank_table, row_count, select_rows
from tem_track.track import Tracks


def drift_rows(movie: Movie, quality: FrameQuality, drift: Drift) -> Table:
    """Return the DRIFT table: one row per frame."""
    table = blank_table(DRIFT, len(movie))
    table["frame"] = np.arange(len(movie))
    if movie.timed:
        table["time_s"] = movie.times_s
    table["dy_px"], table["dx_px"] = drift.displacement_px.T
    table["drift_sd_px"] = drift.displacement_sd_px
    table["usable"] = (quality.usable & drift.registered).astype(np.int64)
    reasons = [bad or lost for bad, lost in zip(quality.reason, drift.reason, strict=True)]
    table["reason"] = np.array(reasons, object)
    return table


def track_rows(tracks: Tracks, outlines: Outlines, drift: Drift, movie: Movie) -> Table:
    """Return the TRACKS table before any volume: places, areas, cores; no area where the frame was bridged.

    A row whose particle has an outline takes its numbers from the outline, any other its place from the label.
    """
    table = blank_table(TRACKS, row_count(tracks.rows))
    for name in ("track_id", "lineage_id", "frame", "time_s", "y_px", "x_px", "touches_border", "state"):
        table[name] = tracks.rows[name].copy()
    if movie.temperatures_c is not None:
        table["temperature_c"] = movie.temperatures_c[table["frame"]]
    rows = _rows_of(table, outlines)
    measured = rows >= 0
    source = rows[measured]
    for name in ("y_px", "x_px", "area_px", "area_sd_px", "major_axis_px", "minor_axis_px", "quality"):
        table[name][measured] = getattr(outlines, name)[source]
    table["solidity"][measured] = [_solidity(outlines.points[i]) for i in source]
    table["touches_border"][measured] = outlines.touches_border[source]
    table["core_equivalent_diameter_px"][measured] = outlines.core_diameter_px[source]
    table["core_equivalent_diameter_sd_px"][measured] = outlines.core_diameter_sd_px[source]
    table["void_equivalent_diameter_px"][measured] = outlines.void_diameter_px[source]
    table["void_equivalent_diameter_sd_px"][measured] = outlines.void_diameter_sd_px[source]
    table["state"][~measured] = "inferred"
    there = drift.displacement_px[table["frame"]]
    table["y_specimen_px"], table["x_specimen_px"] = table["y_px"] - there[:, 0], table["x_px"] - there[:, 1]
    return table


def event_rows(tracks: Tracks, onsets: Table, timed: bool) -> Table:
    """Return the EVENTS table of tracking and onsets together, in order of time."""
    joined = {name: np.concatenate([tracks.events[name], onsets[name]]) for name in (c.name for c in EVENTS)}
    if not timed:
        joined["time_s"] = np.full(row_count(joined), np.nan)
    return select_rows(joined, np.lexsort((joined["track_id"], joined["frame"])))


def without_times(table: Table, timed: bool) -> Table:
    """Return the table with its time column empty where times are frame numbers only."""
    if timed or "time_s" not in table:
        return table
    return table | {"time_s": np.full(row_count(table), np.nan)}


def _solidity(points: Image) -> float:
    """Return the area of a (P, 2) polygon over that of its convex hull, NaN for none."""
    if len(points) < 3:
        return float("nan")
    hull = cv2.contourArea(cv2.convexHull(points))
    return float(cv2.contourArea(points)) / hull if hull > 0 else float("nan")


def _rows_of(table: Table, outlines: Outlines) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return, for each row of the table, the row of its outline or -1."""
    found = {key: i for i, key in enumerate(zip(outlines.frame.tolist(), outlines.track_id.tolist(), strict=True))}
    keys = zip(table["frame"].tolist(), table["track_id"].tolist(), strict=True)
    return np.array([found.get(key, -1) for key in keys], np.int64)
