"""A movie through the whole tool, as a user would start it, and the run folder against the truth."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tem_track.tables import SCHEMAS, Table, blank_table

from .quantities import core_figures, curve_figures, event_figures, stage_figures
from .score import (
    Figures,
    Matches,
    Share,
    drift_error,
    f1,
    identity_map,
    identity_switches,
    idf1,
    match_movie,
    mean_of,
)
from .truth import TrueMovie, read_labels, read_table

# ru_maxrss counts KiB on Linux and bytes on macOS.
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Spent:
    """What a run cost."""

    seconds: float
    peak_bytes: int


class RunFailedError(Exception):
    """The tool ended with an error; its words."""


def run_tool(movie: TrueMovie, folder: Path) -> Spent:
    """Run `tem-track analyze` on a movie in a process of its own, with the defaults.

    Raises
    ------
    RunFailedError
        It did not end with a finished run.
    """
    return analyse(movie.movie, folder, ["--times", str(movie.times)] if movie.times else [])


def analyse(movie: Path, folder: Path, options: list[str]) -> Spent:
    """Run `tem-track analyze` on a file with some options in a process of its own.

    Raises
    ------
    RunFailedError
        It did not end with a finished run.
    """
    command = [sys.executable, "-m", "tem_track", "analyze", str(movie), "-o", str(folder), "--overwrite", *options]
    words = folder.with_suffix(".log")
    start = time.perf_counter()
    with words.open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if process.returncode:
        raise RunFailedError(words.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1])
    return Spent(seconds, used.ru_maxrss * _RSS_UNIT)


def whole_figures(movie: TrueMovie, folder: Path) -> Figures:
    """Return every figure of a run folder.

    Raises
    ------
    RunFailedError
        The movie was taken for something else than particles.
    """
    if not (folder / "tracks.csv").exists():
        raise RunFailedError("no particles were analysed")
    tables = {name: _table(folder / name) for name in ("drift.csv", "tracks.csv", "particles.csv", "events.csv")}
    drift = np.stack([tables["drift.csv"]["dy_px"], tables["drift.csv"]["dx_px"]], axis=1)
    rmse, registered = drift_error(drift, movie.drift_px, movie.shown)
    labels = read_labels(folder / "labels.tif")
    matches = match_movie(labels, movie.labels, np.flatnonzero(movie.shown).tolist(), visible_in(movie))
    number = identity_map(matches)
    tracks, particles = tables["tracks.csv"], tables["particles.csv"]
    return {
        "drift": rmse,
        "registered": registered,
        **finding_figures(matches),
        **curve_figures(movie, tracks, particles, number),
        **core_figures(movie, tracks, particles, number),
        **stage_figures(movie, particles, number),
        **event_figures(movie.events, tables["events.csv"], majority(matches)),
        "bad_frames": _bad_frames(movie, tables["drift.csv"]),
    }


def finding_figures(matches: Matches) -> Figures:
    """Return detection and identity of a set of matches."""
    return {
        "f1": f1(matches),
        "iou": mean_of(matches.iou),
        "switches": float(identity_switches(matches)),
        "idf1": idf1(matches),
    }


def majority(matches: Matches) -> dict[int, int]:
    """Return found track -> the true track it is on most often; several may be on the same."""
    counts: dict[int, Counter[int]] = {}
    for true, found in zip(matches.true.tolist(), matches.found.tolist(), strict=True):
        counts.setdefault(found, Counter())[true] += 1
    return {found: of.most_common(1)[0][0] for found, of in counts.items()}


def visible_in(movie: TrueMovie) -> Callable[[int, int], float]:
    """Return the function of (track, frame) that says which share of a true particle lies in the field."""
    rows = zip(movie.tracks["track_id"].tolist(), movie.tracks["frame"].tolist(), strict=True)
    share = dict(zip(rows, movie.tracks["visible_fraction"].tolist(), strict=True))
    return lambda track, frame: float(share.get((track, frame), 1.0))


def _bad_frames(movie: TrueMovie, drift: Table) -> Share:
    """How many frames are rightly called usable or not (a blurred one that is still used is no mistake)."""
    usable = drift["usable"] == 1
    judged = movie.sharp | ~movie.shown
    return Share(int((usable == movie.sharp)[judged].sum()), int(judged.sum()))


def _table(path: Path) -> Table:
    """Read a table of the run folder with every column it declares; track and frame as whole numbers."""
    table = read_table(path)
    rows = len(next(iter(table.values())))
    full = blank_table(SCHEMAS[path.name], rows) | table
    return {n: v.astype(np.int64) if n in ("track_id", "frame") else v for n, v in full.items()}
