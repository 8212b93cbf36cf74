"""The manifest of a batch: a CSV table of its movies, their run folders, files, settings and conditions.

``--dry-run`` writes one, ``--manifest`` reads one. A row is a movie. Columns are `movie`, `run_folder`, the files a
movie is given (`settings temperature times labels grains phases`), settings (named ``STAGE.NAME``); any further column
is a condition of the experiment. Every path is relative to the folder of the movies and stays in it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, get_type_hints

from tem_track.batch.names import is_safe_name
from tem_track.batch.sidecars import FILE_COLUMNS
from tem_track.errors import InputError
from tem_track.settings import Settings
from tem_track.tables import OPTIONAL_SCHEMAS, SCHEMAS
from tem_track.write.files import whole_file
from tem_track.write.tables import harmless

# A manifest of a hundred thousand movies is a tenth of this.
_LARGEST_BYTES = 256 * 2**20
_SETTING = re.compile(r"[a-z][a-z_]*\.[a-z][a-z_0-9]*")
# Said by a dry run for the reader; not read back.
_TOLD = ("bytes",)
# Columns that the tables of a batch put beside the conditions.
_OWN = ("movie", "run_folder", "status", "reason", "group", "movies", "particles", "frames", "warnings")
_TRUTH_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class Entry:
    """One movie of a batch.

    Attributes
    ----------
    movie : str
        Path relative to the folder of the movies, with ``/``.
    run : str
        Name of its run folder.
    files : mapping of str to str
        Files it is given by option, relative to the same folder.
    settings : {stage: {name: value}}
        What the manifest says.
    conditions : mapping of str to str
    size : int
        Bytes; 0 where not known.
    """

    movie: str
    run: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    conditions: Mapping[str, str] = field(default_factory=dict)
    size: int = 0


@dataclass(frozen=True)
class Manifest:
    """What a manifest says.

    Attributes
    ----------
    entries : tuple of Entry
        In the order of the file.
    conditions : tuple of str
        Names of the condition columns.
    files : tuple of str
        File columns that the manifest has: an empty cell there means "none".
    """

    entries: tuple[Entry, ...]
    conditions: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


def read_manifest(path: Path) -> Manifest:
    """Return what a manifest says.

    Raises
    ------
    InputError
        With one line: not a CSV table, no column `movie`, a path that leaves the folder, a movie or run folder that
        appears twice, a column that means two things.
    """
    rows = _rows(path)
    header = [cell.strip() for cell in rows[0]] if rows else []
    _check_header(path.name, header)
    entries = []
    for line, row in enumerate(rows[1:], start=2):
        if any(cell.strip() for cell in row[len(header) :]):
            raise InputError(f"{path.name}: line {line} has more cells than the header")
        cells = {name: _restored(cell.strip()) for name, cell in zip(header, row, strict=False)}
        if any(cells.values()):
            entries.append(_entry(f"{path.name}: line {line}", header, cells))
    _check_unique(path.name, entries)
    if not entries:
        raise InputError(f"{path.name}: lists no movie")
    return Manifest(
        tuple(entries), tuple(filter(_is_condition, header)), tuple(name for name in header if name in FILE_COLUMNS)
    )


def write_manifest(path: Path, entries: Sequence[Entry], conditions: Sequence[str]) -> None:
    """Write a manifest that `read_manifest` reads back, whole or not at all.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    with whole_file(path) as aside:
        aside.write_text(manifest_text(entries, conditions), encoding="utf-8", errors="surrogateescape", newline="\n")


def manifest_text(entries: Sequence[Entry], conditions: Sequence[str]) -> str:
    """Return a manifest as `read_manifest` reads it."""
    files = [name for name in FILE_COLUMNS if any(entry.files.get(name) for entry in entries)]
    stated = sorted({f"{stage}.{name}" for e in entries for stage, group in e.settings.items() for name in group})
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(map(harmless, ["movie", "run_folder", *_TOLD, *files, *stated, *conditions]))
    for entry in entries:
        cells = [entry.movie, entry.run, str(entry.size), *(entry.files.get(name, "") for name in files)]
        cells += [_cell(entry.settings, name) for name in stated]
        cells += [entry.conditions.get(name, "") for name in conditions]
        table.writerow(map(harmless, cells))
    return text.getvalue()


def check_inside(where: str, text: str) -> str:
    """Return a relative path with ``/`` that stays in the folder it is relative to.

    Raises
    ------
    InputError
        It is absolute, leads out of the folder or holds a zero byte.
    """
    windows = PureWindowsPath(text)
    parts = [*PurePosixPath(text).parts, *windows.parts]
    if PurePosixPath(text).is_absolute() or windows.is_absolute() or windows.drive or ".." in parts or "\0" in text:
        raise InputError(f"{where}: {text!r} leads out of the folder of the movies; write it relative to that folder")
    return str(PurePosixPath(text))


def _rows(path: Path) -> list[list[str]]:
    try:
        if not path.is_file():
            raise InputError(f"{path}: no such file" if not path.exists() else f"{path}: is not an ordinary file")
        if path.stat().st_size > _LARGEST_BYTES:
            raise InputError(f"{path.name}: too large for a manifest")
        text = path.read_bytes().decode("utf-8-sig", "surrogateescape")
        lines = text.splitlines(keepends=True)
        header = lines[0] if lines else ""
        # Spreadsheets of many countries part cells by semicolons.
        delimiter = max(",;\t", key=header.count)
        return list(csv.reader(lines, delimiter=delimiter, strict=True))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}") from error
    except csv.Error as error:
        raise InputError(f"{path.name}: is not a CSV table: {error}") from error


def _check_header(name: str, header: Sequence[str]) -> None:
    if "movie" not in header:
        raise InputError(f"{name}: a manifest needs a column 'movie': paths relative to the folder")
    titles = [title for title in header if title]
    twice = next((title for title in titles if titles.count(title) > 1), None)
    if twice is not None:
        raise InputError(f"{name}: column {twice!r} appears twice")
    taken = {column.name for columns in (*SCHEMAS.values(), *OPTIONAL_SCHEMAS.values()) for column in columns}
    for title in filter(_is_condition, titles):
        if title in taken or title in _OWN:
            raise InputError(
                f"{name}: column {title!r} has the name of a column of the results; rename the condition, such as "
                f"sample_{title}"
            )


def _is_condition(title: str) -> bool:
    known = ("movie", "run_folder", *_TOLD, *FILE_COLUMNS)
    return bool(title) and title not in known and not _SETTING.fullmatch(title)


def _entry(where: str, header: Sequence[str], cells: Mapping[str, str]) -> Entry:
    if not cells.get("movie"):
        raise InputError(f"{where}: no movie")
    run = cells.get("run_folder", "")
    if run and not is_safe_name(run):
        raise InputError(f"{where}: {run!r} cannot be the name of a run folder; use letters, digits, - and _")
    settings: dict[str, dict[str, Any]] = {}
    for title in filter(_SETTING.fullmatch, header):
        if cells.get(title):
            stage, _, name = title.partition(".")
            settings.setdefault(stage, {})[name] = _value(stage, name, cells[title])
    return Entry(
        check_inside(where, cells["movie"]),
        run,
        {name: check_inside(where, cells[name]) for name in FILE_COLUMNS if cells.get(name)},
        settings,
        {title: cells.get(title, "") for title in header if _is_condition(title)},
    )


def _value(stage: str, name: str, text: str) -> Any:
    """Return a cell in the type of its setting; what does not fit is left for the settings' own check to name."""
    group = next((f.default_factory for f in fields(Settings) if f.name == stage), None)
    wanted: Any = get_type_hints(group).get(name, str) if isinstance(group, type) else str
    if wanted is bool:
        return _TRUTH_WORDS.get(text.lower(), text)
    try:
        return text if wanted is str else wanted(text)
    except ValueError:
        return text


def _cell(settings: Mapping[str, Mapping[str, Any]], title: str) -> str:
    stage, _, name = title.partition(".")
    value = settings.get(stage, {}).get(name, "")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _restored(text: str) -> str:
    """Return a cell without the apostrophe that keeps a spreadsheet from running it."""
    return text[1:] if text.startswith("'") and harmless(text[1:]) == text else text


def _check_unique(name: str, entries: Sequence[Entry]) -> None:
    seen: set[str] = set()
    for what in (*(entry.movie for entry in entries), *(f"run folder {e.run.casefold()}" for e in entries if e.run)):
        if what in seen:
            raise InputError(f"{name}: {what!r} appears twice")
        seen.add(what)
