"""Run folders as an analysis leaves them, written without one: curves with a closed form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tem_track.batch.finished import FinishedRun
from tem_track.tables import EXPANSION, FRONT, PARTICLES, TRACKS, Table, blank_table
from tem_track.write.tables import write_table


def write_run(
    folder: Path,
    movie: str,
    conditions: Mapping[str, str],
    *,
    level: float = 2.0,
    interval_s: float = 10.0,
    frames: int = 21,
    particles: int = 3,
) -> FinishedRun:
    """Write a run whose particles grow along a straight line from 1 to `level`, alike but for their ends."""
    folder.mkdir(parents=True)
    record = {"program": "tem-track", "movie": {"shape": [frames, 8, 8]}, "outcome": {}, "warnings": [], "seconds": {}}
    (folder / "run.json").write_text(json.dumps(record))
    times = np.arange(frames) * interval_s
    expansion = blank_table(EXPANSION, frames)
    for ending in ("", "_solid"):
        expansion[f"particles{ending}"][:] = particles
        expansion[f"volume_ratio_mean{ending}"] = 1 + (level - 1) * times / times[-1]
        expansion[f"volume_ratio_sd{ending}"][:] = 0.1
        expansion[f"volume_ratio_sem{ending}"][:] = 0.02
    expansion["frame"], expansion["time_s"] = np.arange(frames), times
    write_table(folder / "expansion.csv", EXPANSION, expansion)
    write_table(folder / "particles.csv", PARTICLES, _particles(level, particles))
    tracks = blank_table(TRACKS, 2)
    tracks["track_id"], tracks["state"] = np.array([1, 2]), np.array(["whole", 'a, "b"\nc'], object)
    write_table(folder / "tracks.csv", TRACKS, tracks)
    return FinishedRun(movie, folder, conditions)


def write_front_run(folder: Path, movie: str, conditions: Mapping[str, str], half_c: float) -> FinishedRun:
    """Write a run of a film that degrades from 50 degC before `half_c` to 50 degC after it, then is cooled."""
    (folder / "front").mkdir(parents=True)
    front_record = {"onset_temperature_c": half_c - 50, "onset_temperature_c_low": half_c - 52}
    front_record["onset_temperature_c_high"] = half_c - 48
    record = {"program": "tem-track", "movie": {"shape": [60, 8, 8]}, "front": front_record, "warnings": ["x"]}
    (folder / "run.json").write_text(json.dumps(record))
    temperatures = np.concatenate([np.linspace(450, 650, 51), np.linspace(640, 500, 9)])
    hottest = np.maximum.accumulate(temperatures)
    front = blank_table(FRONT, len(temperatures))
    front["frame"], front["temperature_c"] = np.arange(len(temperatures)), temperatures
    for name in ("degraded_fraction", "boundary_fraction", "interior_fraction"):
        front[name] = np.clip((hottest - half_c + 50) / 100, 0, 1)
    write_table(folder / "front" / "front.csv", FRONT, front)
    return FinishedRun(movie, folder, conditions)


def _particles(level: float, count: int) -> Table:
    table = blank_table(PARTICLES, count)
    table["track_id"], table["kind"] = np.arange(1, count + 1), np.array(["solid"] * count, object)
    table["v0_seen"][:] = 1
    table["final_volume_ratio"] = level + 0.05 * (np.arange(count) - (count - 1) / 2)
    table["final_sd_noise"][:] = 0.01
    table["onset_s"][:] = 20.0
    return table
