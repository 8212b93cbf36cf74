"""`run.json`: everything needed to know how a run came about and to repeat it bit for bit.

The layout of the file is defined here and nowhere else.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

import tem_track
from tem_track.movie import Movie
from tem_track.settings import Settings
from tem_track.write.files import PROGRAM, write_text

# Version of the layout below: raised when a script that reads run.json would have to change.
LAYOUT = 1
_DISTRIBUTION = "tem-track"
_REQUIREMENT_NAME = re.compile(r"[A-Za-z0-9._-]+")


def run_record(
    movie: Movie,
    settings: Settings,
    *,
    identity: Mapping[str, Any],
    command: Sequence[str] = (),
    sources: Mapping[str, Mapping[str, str]] | None = None,
    seconds: Mapping[str, float] | None = None,
    warnings: Sequence[str] = (),
    outcome: Mapping[str, Any] | None = None,
    started: datetime | None = None,
    blocks: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the content of `run.json`.

    Parameters
    ----------
    movie : Movie
    settings : Settings
        In force.
    identity : mapping
        What was read: ``name``, ``bytes``, ``sha256``.
    command : sequence of str
        The words of the command line.
    sources : {stage: {name: source}}, optional
        Where a setting came from; ``"default"`` where nothing is said.
    seconds : mapping of str to float, optional
        Wall time of each stage, in the order they ran.
    warnings : sequence of str
    outcome : mapping, optional
        Counts and findings that sum up the run: ``{"particles": 4, "frames_unusable": 1}``.
    started : datetime, optional
        When the run began.
    blocks : mapping, optional
        Further blocks by name. ``theory``: the expected reaction, its levels and phases with their sources, and
        measured minus expected per kind. ``uncertainty``: what the interval of the final V/V0 is made of, and what is
        not in it. ``sensitivity``: by how much each shifted setting moves the final V/V0. ``front``: the numbers of a
        degradation front.
    """
    return {
        "program": PROGRAM,
        "layout": LAYOUT,
        "version": tem_track.__version__,
        "command": list(command),
        "started": started.astimezone(UTC).isoformat(timespec="seconds") if started else None,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "input": {**identity, "format": movie.format, "notes": list(movie.notes)},
        "movie": _movie_record(movie),
        "calibration": {"pixel_size_nm": movie.calibration.pixel_size_nm, "source": movie.calibration.source},
        "settings": _settings_record(settings, sources or {}),
        "outcome": dict(outcome or {}),
        **(blocks or {}),
        "warnings": list(warnings),
        "seconds": rounded(seconds or {}),
        "frames_per_s": frames_per_s(len(movie), seconds or {}),
        "libraries": library_versions(),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


def rounded(seconds: Mapping[str, float]) -> dict[str, float]:
    """Return the seconds of stages to the millisecond."""
    return {stage: round(spent, 3) for stage, spent in seconds.items()}


def frames_per_s(frames: int, seconds: Mapping[str, float]) -> dict[str, float]:
    """Return how many of a movie's frames each stage got through in a second; stages of less than 1 ms left out."""
    return {stage: float(f"{frames / spent:.3g}") for stage, spent in seconds.items() if spent >= 1e-3}


def write_run_json(path: Path, record: Mapping[str, Any]) -> None:
    """Write a record as UTF-8 JSON, whole or not at all; numbers that are not finite become null.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    write_json(path, record)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a mapping as UTF-8 JSON, whole or not at all; numbers that are not finite become null.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    write_text(path, json.dumps(_plain(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def library_versions() -> dict[str, str]:
    """Return the version of every library that tem-track asks for and that is installed, by name."""
    try:
        required = importlib.metadata.requires(_DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        required = []
    names = {match[0] for line in required if "extra ==" not in line and (match := _REQUIREMENT_NAME.match(line))}
    found = {}
    for name in sorted(names, key=str.lower):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _movie_record(movie: Movie) -> dict[str, Any]:
    return {
        "shape": list(movie.shape),
        "dtype": str(movie.dtype),
        "timed": movie.timed,
        "time_source": movie.time_source,
        "duration_s": float(movie.times_s[-1]) if movie.timed and len(movie.times_s) else None,
        "temperature_source": movie.temperature_source or None,
    }


def _settings_record(settings: Settings, sources: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, Any]]:
    record: dict[str, dict[str, Any]] = {}
    for stage, name, value, _ in settings.items():
        record.setdefault(stage, {})[name] = {"value": value, "source": sources.get(stage, {}).get(name, "default")}
    return record


def _plain(value: Any) -> Any:
    """Return a value in the types JSON knows."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, np.generic | np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(v) for v in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)
