"""What a perfect run on a heating movie would find, in one form for our own movies and the independent generator's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from tem_track.movie import FloatArray, Image, Labels, Mask
from tem_track.simulate import simulation_of
from tem_track.tables import Table, select_rows
from tem_track.write.simulation import write_simulation

from .heating_scenes import HeatingBenchmark
from .heating_score import speed_ratio_of_map
from .truth import read_table


@dataclass(frozen=True)
class TrueFront:
    """The truth of a lamella.

    Attributes
    ----------
    arrival_s : (Y, X) float32
        Specimen frame; NaN = never, 0 = before the movie (not asked for).
    grains : (Y, X) int32
        0 = outside.
    half_c : mapping of grain to degC
        Where a grain's half was reached.
    crossings, nuclei : Table
        Columns from_grain, to_grain, y_px, x_px, crossing_s, gained_px; y_px, x_px, time_s, area_px. Empty where the
        truth does not say.
    onset_c, crossing_c : float or None
    ratios : tuple of float
        Boundary over interior speed: of the model, and as read off the arrival map; any value between is right.
    asks_crossing : bool
        Boundaries were barred: no crossing found is right only where the truth has none.
    energy_ev : float or None
        Activation energy that the front's speeds were made with; None where no front runs.
    """

    arrival_s: Image
    grains: Labels
    half_c: dict[int, float]
    crossings: Table
    nuclei: Table
    onset_c: float | None
    crossing_c: float | None
    ratios: tuple[float, ...]
    asks_crossing: bool
    energy_ev: float | None = None


@dataclass(frozen=True)
class TrueHeating:
    """A heating movie on disk and its truth.

    Attributes
    ----------
    name, tier, what : str
    movie, log : Path
    log_offset_s : float
    times : Path or None
    drift_px : (T, 2) float64
    shown, sharp : (T,) bool
        False for blank frames; for blurred and repeated ones as well.
    times_s, temperatures_c : (T,) float64
    pixel_size_nm : float
    front : TrueFront or None
    crystal_nm2 : (T,) float64 or None
        Area of a growing precipitate; 0 before it starts.
    """

    name: str
    tier: str
    what: str
    movie: Path
    log: Path
    log_offset_s: float
    times: Path | None
    drift_px: FloatArray
    shown: Mask
    sharp: Mask
    times_s: FloatArray
    temperatures_c: FloatArray
    pixel_size_nm: float
    front: TrueFront | None
    crystal_nm2: FloatArray | None


def simulated_heating(benchmark: HeatingBenchmark, folder: Path) -> TrueHeating:
    """Write the movie of a scene into a folder, as `tem-track simulate` would, and return it with its truth."""
    scene = benchmark.scene
    simulation = simulation_of(scene)
    write_simulation(simulation, folder)
    return written_heating(folder, benchmark.name, benchmark.tier, benchmark.what)


def written_heating(folder: Path, name: str, tier: str, what: str) -> TrueHeating:
    """Return the movie and truth of a folder that `tem-track simulate` wrote."""
    scene = json.loads((folder / "scene.json").read_text())["scene"]
    frames, drift = (read_table(folder / f"truth/{table}.csv") for table in ("frames", "drift"))
    times = folder / "frame_times.csv"
    summary = json.loads((folder / "truth/summary.json").read_text())
    lamella = (folder / "truth/arrival_time.tif").exists()
    return TrueHeating(
        name=name,
        tier=tier,
        what=what,
        movie=folder / "movie.tif",
        log=folder / "temperature.csv",
        log_offset_s=float(scene["log_offset_s"]),
        times=times if times.exists() else None,
        drift_px=np.stack([drift["dy_px"], drift["dx_px"]], axis=1),
        shown=np.asarray(frames["state"] != "blank"),
        sharp=np.asarray(frames["state"] == "ok"),
        times_s=frames["time_s"],
        temperatures_c=frames["temperature_c"],
        pixel_size_nm=float(scene["pixel_size_nm"]),
        front=_front(folder, summary, float(scene["pixel_size_nm"])) if lamella else None,
        crystal_nm2=None if lamella else _areas(read_table(folder / "truth/tracks.csv"), len(frames["frame"])),
    )


def _front(folder: Path, summary: dict[str, Any], pixel_size_nm: float) -> TrueFront:
    arrival = tifffile.imread(folder / "truth/arrival_time.tif")
    grains = tifffile.imread(folder / "truth/grains.tif").astype(np.int32)
    rows, crossings, nuclei = (read_table(folder / f"truth/{t}.csv") for t in ("grains", "crossings", "nuclei"))
    read_off = speed_ratio_of_map(arrival, grains, summary["boundary_zone_nm"] / pixel_size_nm)
    ratios = [r for r in (summary["boundary_interior_ratio"], read_off) if r is not None and np.isfinite(r)]
    half = zip(rows["grain_id"].astype(int).tolist(), rows["half_c"].tolist(), strict=True)
    return TrueFront(
        arrival_s=arrival,
        grains=grains,
        half_c={grain: value for grain, value in half if np.isfinite(value)},
        crossings=crossings,
        nuclei=nuclei,
        onset_c=summary["onset_temperature_c"],
        crossing_c=summary["crossing_temperature_c"],
        ratios=tuple(ratios),
        asks_crossing=summary["variant"] != "pristine",
        energy_ev=summary["activation_energy_ev"] if summary["onset_temperature_c"] is not None else None,
    )


def _areas(tracks: Table, frames: int) -> FloatArray:
    areas = np.zeros(frames)
    areas[tracks["frame"].astype(int)] = tracks["area_nm2"]
    return areas


def public_heating_cases(folder: Path, chosen: Callable[[str], bool]) -> Iterator[TrueHeating]:
    """Yield the heating and precipitate cases of the independent generator below a folder whose name is chosen."""
    for case in sorted(folder.iterdir()):
        family = json.loads((case / "truth/spec.json").read_text())["family"]
        if family in ("heating", "growth") and chosen(case.name):
            yield _public_case(case, family)


def _public_case(case: Path, family: str) -> TrueHeating:
    spec = json.loads((case / "truth/spec.json").read_text())
    frames, drift = (read_table(case / f"truth/truth_{name}.csv") for name in ("frames", "drift"))
    times = case / "inputs/frame_times.csv"
    crystal = None
    if family == "growth":
        tracks = read_table(case / "truth/truth_tracks.csv")
        crystal = _areas(select_rows(tracks, tracks["kind"] == "precipitate"), len(frames["frame"]))
    return TrueHeating(
        name=case.name,
        tier=str(spec["tier"]),
        what=str(spec["what"]),
        movie=case / "inputs/movie.tif",
        log=case / "inputs/temperature.csv",
        log_offset_s=float(json.loads((case / "inputs/movie.json").read_text())["log_time_of_frame0_s"]),
        times=times if times.exists() else None,
        drift_px=np.stack([drift["dy_px"], drift["dx_px"]], axis=1),
        shown=frames["valid"] == 1,
        sharp=np.asarray(frames["state"] == "ok"),
        times_s=frames["time_s"],
        temperatures_c=frames["temperature_C"],
        pixel_size_nm=float(spec["px_nm"]),
        front=_public_front(case, float(spec["Ea"])) if family == "heating" else None,
        crystal_nm2=crystal,
    )


def _public_front(case: Path, energy_ev: float) -> TrueFront:
    front = json.loads((case / "truth/truth_front.json").read_text())
    arrival = tifffile.imread(case / "truth/truth_arrival.tif").astype(np.float32)
    arrival[tifffile.imread(case / "truth/truth_preexisting.tif") > 0] = 0
    crossings = {
        name: np.array([c[key] for c in front["crossings"]], np.float64)
        for name, key in (("from_grain", "from_grain"), ("to_grain", "to_grain"), ("crossing_s", "time_s"))
    }
    crossings["gained_px"] = np.array([np.inf if c["primary"] else 0.0 for c in front["crossings"]])
    ratios = (front.get("speed_ratio"), front.get("speed_ratio_map"))
    return TrueFront(
        arrival_s=arrival,
        grains=tifffile.imread(case / "truth/truth_grains.tif").astype(np.int32),
        half_c={g["grain_id"]: g["half_C"] for g in front["grains"] if g["half_C"] is not None},
        crossings=crossings,
        nuclei={},
        onset_c=front["onset_temperature_C"],
        crossing_c=front["first_crossing_temperature_C"] if front["variant"] == "aged" else None,
        ratios=tuple(r for r in ratios if r),
        asks_crossing=front["variant"] == "aged",
        energy_ev=energy_ev if front["onset_temperature_C"] is not None else None,
    )
