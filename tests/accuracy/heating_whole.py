"""A heating movie through the whole tool, as a user would start it, and the run folder against the truth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile

from tem_track.movie import FloatArray
from tem_track.tables import DRIFT, FRONT_SCHEMAS, TRACKS, Column, Table, blank_table

from .heating_score import (
    arrival_figures,
    crossing_figures,
    crystal_figures,
    grain_figures,
    mask_figures,
    matched_grains,
    nucleus_figures,
    number_figures,
    ratio_figures,
)
from .heating_truth import TrueFront, TrueHeating
from .score import Figures, Share, drift_error
from .truth import read_table
from .whole import RunFailedError, Spent, analyse


def run_heating(movie: TrueHeating, folder: Path) -> Spent:
    """Run `tem-track analyze` on a heating movie and its log, with the defaults.

    Raises
    ------
    RunFailedError
        It did not end with a finished run.
    """
    options = ["--temperature", str(movie.log), "--log-offset", f"{movie.log_offset_s}s"]
    options += ["--times", str(movie.times)] if movie.times else []
    options += ["--objects", "bright"] if movie.crystal_nm2 is not None else []
    return analyse(movie.movie, folder, options)


def heating_figures(movie: TrueHeating, folder: Path) -> Figures:
    """Return every figure of a run folder.

    Raises
    ------
    RunFailedError
        The run did not look for what the movie shows.
    """
    drift = _table(folder / "drift.csv", DRIFT)
    measured = np.stack([drift["dy_px"], drift["dx_px"]], axis=1)
    rmse, registered = drift_error(measured, movie.drift_px, movie.shown)
    judged = movie.sharp | ~movie.shown
    usable = drift["usable"] == 1
    figures: Figures = {
        "drift": rmse,
        "registered": registered,
        "bad_frames": Share(int((usable == movie.sharp)[judged].sum()), int(judged.sum())),
    }
    if movie.crystal_nm2 is not None:
        if not (folder / "tracks.csv").exists():
            raise RunFailedError("the run has no tracks: the movie was taken for something else")
        areas = _largest_area(_table(folder / "tracks.csv", TRACKS), len(movie.times_s))
        return figures | crystal_figures(areas, movie.crystal_nm2, movie.temperatures_c, movie.pixel_size_nm**2)
    assert movie.front is not None, "a heating movie has a front or a crystal"
    return figures | front_figures(movie, movie.front, measured, folder / "front")


def front_figures(movie: TrueHeating, true: TrueFront, drift_px: FloatArray, folder: Path) -> Figures:
    """Return the figures of the folder ``front``.

    Raises
    ------
    RunFailedError
        The run has none: the movie was taken for something else.
    """
    if not (folder / "arrival_time.tif").exists():
        raise RunFailedError("the run has no front: the movie was taken for something else")
    arrival = tifffile.imread(folder / "arrival_time.tif")
    summary = json.loads((folder / "summary.json").read_text())
    drift = np.where(np.isfinite(drift_px), drift_px, 0.0)
    figures = (
        arrival_figures(arrival, true.arrival_s, movie.times_s)
        | mask_figures(arrival, true.arrival_s, movie.times_s, drift, movie.shown)
        | number_figures("onset", summary, "onset_temperature_c", true.onset_c, asked=True)
        | number_figures("crossing", summary, "crossing_temperature_c", true.crossing_c, asked=true.asks_crossing)
        | number_figures("energy", summary, "activation_energy_ev", true.energy_ev, asked=True)
        | ratio_figures(summary.get("boundary_interior_ratio"), true.ratios)
    )
    grains = folder / "grains.tif"
    if not grains.exists():
        return figures
    found = tifffile.imread(grains).astype(np.int32)
    rows, crossings, nuclei = (
        _table(folder / f"{name}.csv", FRONT_SCHEMAS[f"front/{name}.csv"]) for name in ("grains", "crossings", "nuclei")
    )
    frame_s = float(np.median(np.diff(movie.times_s)))
    return (
        figures
        | grain_figures(found, rows, true.grains, true.half_c)
        | crossing_figures(crossings, true.crossings, matched_grains(found, true.grains))
        | nucleus_figures(nuclei, true.nuclei, frame_s)
    )


def _largest_area(tracks: Table, frames: int) -> FloatArray:
    """Return the area (T,) in nm2 of the track that grows largest, 0 where it is not seen."""
    areas = np.zeros(frames)
    if not np.isfinite(tracks["area_nm2"]).any():
        return areas
    largest = tracks["track_id"][np.nanargmax(tracks["area_nm2"])]
    rows = (tracks["track_id"] == largest) & np.isfinite(tracks["area_nm2"])
    areas[tracks["frame"][rows].astype(int)] = tracks["area_nm2"][rows]
    return areas


def _table(path: Path, columns: Sequence[Column]) -> Table:
    """Read a table of the run folder with every column it declares."""
    table = read_table(path)
    return blank_table(columns, len(next(iter(table.values())))) | table
