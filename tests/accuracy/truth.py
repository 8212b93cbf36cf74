"""What a perfect run would find, in one form for movies of `tem_track.simulate` and of the independent generator."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from tem_track.labels import LabelStack
from tem_track.movie import FloatArray, Mask
from tem_track.simulate import simulate_lithiation
from tem_track.tables import SCHEMAS, Table, row_count, select_rows
from tem_track.write.simulation import write_simulation

from .scenes import BenchmarkScene

TEXT = {"state", "kind", "fate", "event", "other_track_ids", "reason", "material", "parent_ids", "growth_law"}
TEXT |= {"volume_model", "type", "ids", "new_ids", "site", "entered_from"}
TEXT |= {column.name for table in SCHEMAS.values() for column in table if column.kind == "text"}


@dataclass(frozen=True)
class TrueEvent:
    """A fracture (track = parent) or a coalescence (track = product)."""

    frame: int
    event: str
    track: int
    others: frozenset[int]


@dataclass(frozen=True)
class TrueMovie:
    """A movie on disk and its truth.

    Attributes
    ----------
    name, tier, what : str
    movie : Path
    times : Path or None
        Times of the frames where the movie cannot hold them.
    bright : bool
        Particles brighter than their surroundings.
    drift_px : (T, 2) float64
    shown : (T,) bool
        False for blank frames: nothing is asked of them.
    sharp : (T,) bool
        False for blank, blurred and duplicate frames as well.
    times_s : (T,) float64
    labels : LabelStack
    tracks : Table
        One row per track and frame: track_id, frame, y_px, x_px, area_px, volume_ratio, touches_border,
        visible_fraction, state (whole, fractured, merged), core_diameter_px, shell_px (NaN = has none).
    particles : Table
        One row per whole track: track_id, kind, onset_s, stage_change_s, complete_s (NaN = does not happen).
    events : tuple of TrueEvent
    """

    name: str
    tier: str
    what: str
    movie: Path
    times: Path | None
    bright: bool
    drift_px: FloatArray
    shown: Mask
    sharp: Mask
    times_s: FloatArray
    pixel_size_nm: float
    labels: LabelStack
    tracks: Table
    particles: Table
    events: tuple[TrueEvent, ...]


def read_table(path: Path) -> Table:
    """Return the columns of a CSV file: numbers as float64 (empty = NaN), words as text."""
    with path.open(newline="", encoding="utf-8") as file:
        header, *lines = list(csv.reader(file))
    table: Table = {}
    for name, *cells in zip(header, *lines, strict=True) if lines else ((n,) for n in header):
        words = np.array(cells, object)
        table[name] = words if name in TEXT else np.array([float(cell) if cell else np.nan for cell in cells])
    return table


def simulated(benchmark: BenchmarkScene, folder: Path) -> TrueMovie:
    """Write the movie of a scene into a folder, as `tem-track simulate` would, and return it with its truth."""
    simulation = simulate_lithiation(benchmark.scene)
    write_simulation(simulation, folder)
    truth = simulation.truth
    state = truth.frames["state"]
    tracks = {name: truth.tracks[name] for name in _PLAIN} | {
        "core_diameter_px": truth.tracks["core_equivalent_diameter_px"],
        "shell_px": truth.tracks["shell_thickness_nm"] / benchmark.scene.pixel_size_nm,
    }
    whole = np.isin(truth.particles["track_id"], tracks["track_id"][tracks["state"] == "whole"])
    events = [
        TrueEvent(int(k), str(event), int(track), frozenset(ids_in(others)))
        for k, event, track, others in zip(
            *(truth.events[n] for n in ("frame", "event", "track_id", "other_track_ids")), strict=True
        )
        if event in ("fracture", "coalescence")
    ]
    times = folder / "frame_times.csv"
    return TrueMovie(
        name=benchmark.name,
        tier=benchmark.tier,
        what=benchmark.what,
        movie=folder / "movie.tif",
        times=times if times.exists() else None,
        bright=benchmark.scene.mode == "haadf",
        drift_px=truth.drift_px,
        shown=np.asarray(state != "blank"),
        sharp=np.asarray(state == "ok"),
        times_s=simulation.times_s,
        pixel_size_nm=benchmark.scene.pixel_size_nm,
        labels=read_labels(folder / "truth" / "labels.tif"),
        tracks=tracks,
        particles=select_rows({name: truth.particles[name] for name in _PARTICLE}, whole),
        events=tuple(events),
    )


_PLAIN = ("track_id", "frame", "y_px", "x_px", "area_px", "volume_ratio", "touches_border", "visible_fraction", "state")
_PARTICLE = ("track_id", "kind", "onset_s", "stage_change_s", "complete_s")


def public_cases(folder: Path, chosen: Callable[[str], bool]) -> Iterator[TrueMovie]:
    """Yield the lithiation cases of the independent generator below a folder whose name is chosen."""
    for case in sorted(folder.iterdir()):
        lithiation = json.loads((case / "truth/spec.json").read_text())["family"] == "lithiation"
        if lithiation and chosen(case.name):
            yield _public_case(case)


def _public_case(case: Path) -> TrueMovie:
    spec = json.loads((case / "truth/spec.json").read_text())
    frames, drift, rows, events = (
        read_table(case / f"truth/truth_{name}.csv") for name in ("frames", "drift", "tracks", "events")
    )
    particles = read_table(case / "truth/truth_particles.csv")
    times = case / "inputs/frame_times.csv"
    return TrueMovie(
        name=case.name,
        tier=str(spec["tier"]),
        what=str(spec["what"]),
        movie=case / "inputs/movie.tif",
        times=times if times.exists() else None,
        bright=spec["mode"] == "HAADF",
        drift_px=np.stack([drift["dy_px"], drift["dx_px"]], axis=1),
        shown=frames["valid"] == 1,
        sharp=np.asarray(frames["state"] == "ok"),
        times_s=frames["time_s"],
        pixel_size_nm=float(spec["px_nm"]),
        labels=read_labels(case / "truth/truth_labels.tif"),
        tracks=_public_tracks(rows, float(spec["px_nm"])),
        particles=_public_particles(particles, rows),
        events=tuple(
            TrueEvent(int(k), str(event), int(json.loads(ids)[0]), frozenset(json.loads(born)))
            for event, k, ids, born in zip(*(events[n] for n in ("type", "frame", "ids", "new_ids")), strict=True)
            if event == "fracture"
        ),
    )


def _public_tracks(rows: Table, px_nm: float) -> Table:
    kept = select_rows(rows, (rows["state"] != "blank") & (rows["visible_px"] > 0))
    state = np.where(kept["state"] == "fragment", "fractured", "whole").astype(object)
    # Where growth is not the same in all directions a projection answers for the projected part only.
    ratio = kept.get("volume_rel_proj", kept["volume_rel"])
    return {
        "track_id": kept["particle_id"].astype(int),
        "frame": kept["frame"].astype(int),
        "y_px": kept["y_px"],
        "x_px": kept["x_px"],
        "area_px": kept["area_nm2"] / px_nm**2,
        "volume_ratio": ratio,
        "touches_border": kept["touching_border"].astype(int),
        "visible_fraction": kept["visible_fraction"],
        "state": state,
        "core_diameter_px": kept["core_eq_diameter_nm"] / px_nm,
        "shell_px": kept["shell_thickness_nm"] / px_nm,
    }


def _public_particles(particles: Table, rows: Table) -> Table:
    """Onsets and stage changes that the particle lived to see; NiO with a void is hollow."""
    born = {int(i): rows["time_s"][rows["particle_id"] == i].max(initial=-1.0) for i in particles["particle_id"]}
    last = np.array([born[int(i)] for i in particles["particle_id"]])
    kinds = [
        "core-shell" if material == "NiO@CuO" else "hollow" if void > 0 else "solid"
        for material, void in zip(particles["kind"], particles["hollow"], strict=True)
    ]
    lived = {
        name: np.where(particles[name] <= last, particles[name], np.nan) for name in ("onset_s", "stage_s", "end_s")
    }
    return {
        "track_id": particles["particle_id"].astype(int),
        "kind": np.array(kinds, object),
        "onset_s": lived["onset_s"],
        "stage_change_s": lived["stage_s"],
        "complete_s": lived["end_s"],
    }


def read_labels(path: Path) -> LabelStack:
    """Return a TIFF stack of label images."""
    images = tifffile.imread(path)
    images = images if images.ndim == 3 else images[None]
    stack = LabelStack((int(images.shape[1]), int(images.shape[2])))
    for image in images:
        stack.append(image.astype(np.int32))
    return stack


def ids_in(text: object) -> Sequence[int]:
    """Return the track numbers of an ``other_track_ids`` cell.

    >>> ids_in("3+12"), ids_in("")
    ([3, 12], [])
    """
    return [int(float(part)) for part in str(text).split("+") if part not in ("", "nan")]


def rows_of(table: Table, track: int) -> Table:
    """Return the rows of one track, in order of frame."""
    found = select_rows(table, table["track_id"] == track)
    return select_rows(found, np.argsort(found["frame"], kind="stable")) if row_count(found) else found
