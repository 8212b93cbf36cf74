"""What an earlier run left in a run folder, and whether a new one may go on from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tem_track.errors import OutputError
from tem_track.pipeline.inputs import Identity, movie_of
from tem_track.write.files import RUN_RECORD, is_run_folder


class OtherMovieError(OutputError):
    """The run folder holds a run of another movie, or of what its file held before."""


def holds_run(folder: Path, key: str) -> bool:
    """Return whether the finished run of a folder has this key, and every file it wrote is still there."""
    record = _record(folder)
    files = record.get("files")
    if record.get("key") != key or not isinstance(files, dict):
        return False
    try:
        return all((folder / str(name)).stat().st_size == size for name, size in files.items())
    except OSError:
        return False


def check_same_movie(folder: Path, movie: Identity) -> None:
    """Refuse a folder with a run of another movie.

    Raises
    ------
    OutputError
    """
    # Stages that were begun under --overwrite stand for the run to come, the files for the one before.
    known = movie_of(folder) or _measured_movie(_record(folder))
    if is_run_folder(folder) and known not in (None, movie.sha256):
        raise OtherMovieError(
            f"{folder}: holds a run of another movie; use --overwrite to replace it or choose another with -o"
        )


def _measured_movie(record: dict[str, Any]) -> str | None:
    read = record.get("input")
    if not isinstance(read, dict):
        return None
    # A run on several images is another kind of run, even if the first is the same.
    return "" if "images" in read else str(read.get("sha256"))


def _record(folder: Path) -> dict[str, Any]:
    try:
        record = json.loads((folder / RUN_RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}
