"""The files beside a movie that belong to it: its settings, its temperature log, the times of its frames.

They bear the movie's name: ``movie.toml``, and ``movie.csv``, ``movie.txt`` or ``movie.log``. What a table is, its
content tells, by the readers that will read it.
"""

from __future__ import annotations

from pathlib import Path

from tem_track.errors import TemTrackError
from tem_track.read.heating.log import read_temperature_log

# Files that a movie can be given, by the name of the option of `tem-track analyze`.
FILE_COLUMNS = ("settings", "temperature", "times", "labels", "grains", "phases")
_TABLE_SUFFIXES = (".csv", ".txt", ".log")
# A day of readings at 10 Hz with ten columns; a larger one is given in a manifest. Reading takes ten times its bytes.
_LARGEST_BYTES = 64 * 2**20
_HEADER_BYTES = 4096


def sidecars_of(folder: Path, movie: str) -> dict[str, str]:
    """Return the files that belong to a movie by their name, as ``{option: path relative to the folder}``.

    Parameters
    ----------
    folder : Path
    movie : str
        Relative path with ``/``.
    """
    found: dict[str, str] = {}
    for stem in _stems(movie):
        settings = f"{stem}.toml"
        if "settings" not in found and (folder / settings).is_file():
            found["settings"] = settings
        for suffix in _TABLE_SUFFIXES:
            table = f"{stem}{suffix}"
            meaning = table_meaning(folder / table)
            if meaning and meaning not in found:
                found[meaning] = table
    return found


def table_meaning(path: Path) -> str:
    """Return what a table is by its content: ``temperature``, ``times``, or "" for neither."""
    try:
        # Anything but an ordinary file could keep its reader waiting.
        if not path.is_file() or path.stat().st_size > _LARGEST_BYTES:
            return ""
        read_temperature_log(path)
    except (TemTrackError, OSError):
        return "times" if _has_frame_times(path) else ""
    return "temperature"


def _has_frame_times(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            header = stream.read(_HEADER_BYTES).decode("utf-8-sig", "replace").partition("\n")[0]
    except OSError:
        return False
    return {"frame", "time_s"} <= {cell.strip().strip('"').lower() for cell in header.split(",")}


def _stems(movie: str) -> list[str]:
    """Return a movie's path without its suffix; a folder of frames may have a dot in its name."""
    folder, slash, name = movie.rpartition("/")
    stems = [name.rpartition(".")[0] or name, name]
    if stems[0].lower().endswith(".ome"):
        stems.insert(0, stems[0][:-4])
    return [f"{folder}{slash}{stem}" for stem in dict.fromkeys(stems)]
