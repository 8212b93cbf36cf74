"""What a batch will do: which movies there are, where each goes, what each is told. Nothing is analysed or written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tem_track.batch.discover import BATCH_RECORD, Found, find_movies, movie_order
from tem_track.batch.manifest import Entry, read_manifest
from tem_track.batch.names import run_names
from tem_track.batch.sidecars import FILE_COLUMNS, sidecars_of
from tem_track.errors import InputError, OutputError, SettingsError, TemTrackError
from tem_track.pipeline.stages import stages_from
from tem_track.settings import Settings, layered_settings, read_settings_file
from tem_track.write.files import is_run_folder
from tem_track.write.tables import harmless

# Where the run folders of a batch stand, in the folder of its results.
RUNS = "runs"
# Condition of a movie that nobody said anything about: the folder it lies in.
FOLDER_CONDITION = "folder"

Layer = tuple[str, Mapping[str, Any]]
"""Where settings come from, and ``{stage: {name: value}}``."""


@dataclass(frozen=True)
class BatchRequest:
    """What the user asked for.

    Attributes
    ----------
    folder, output : Path
        Where the movies are, and where the results go.
    manifest : Path or None
        CSV table of the movies instead of a search of the folder.
    below, above : tuple of Layer
        Settings that give way to a movie's own (a settings file), and those that do not (the command line).
    phases : Path or None
        TOML with phases and reactions, for every movie that has none of its own.
    by : tuple of str
        Conditions by which curves are put together; empty = all of them.
    from_stage : str
        Stage to be worked out anew, with all after it, in every movie; empty = only what is missing.
    """

    folder: Path
    output: Path
    manifest: Path | None = None
    below: tuple[Layer, ...] = ()
    above: tuple[Layer, ...] = ()
    phases: Path | None = None
    by: tuple[str, ...] = ()
    from_stage: str = ""


@dataclass(frozen=True)
class Job:
    """One movie to be analysed.

    Attributes
    ----------
    entry : Entry
    settings : Settings
    sources : {stage: {name: source}}
    problem : str
        Why it cannot even be begun, in one line; empty where it can.
    """

    entry: Entry
    settings: Settings = field(default_factory=Settings)
    sources: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class Plan:
    """Every movie of a batch in the order of their names.

    Attributes
    ----------
    request : BatchRequest
    jobs : tuple of Job
    conditions : tuple of str
        Names of the conditions.
    found : Found
        What the search of the folder left out; what it found that a manifest does not list.
    """

    request: BatchRequest
    jobs: tuple[Job, ...]
    conditions: tuple[str, ...]
    found: Found

    @property
    def by(self) -> tuple[str, ...]:
        """Return the conditions by which curves are put together."""
        return self.request.by or self.conditions


def plan_batch(request: BatchRequest) -> Plan:
    """Return what a batch will do.

    Raises
    ------
    InputError
        No such folder, no movie in it, or a manifest that cannot be used.
    OutputError
        The folder of the results holds something else, or is the folder of the movies.
    SettingsError
        A setting on the command line or in a settings file is wrong; `by` names no condition, `from_stage` no stage.
    """
    check_output(request)
    # What holds for all movies is checked before anything is done.
    layered_settings(*request.below, *request.above)
    stages_from(request.from_stage)
    skip = tuple(path for path in (request.output, request.manifest) if path is not None)
    found = find_movies(request.folder, skip)
    if request.manifest is None:
        entries, conditions = _found_entries(request.folder, found)
    else:
        manifest = read_manifest(request.manifest)
        shown = {harmless(movie): movie for movie in found.movies}
        entries = [_completed(request.folder, entry, manifest.files, shown) for entry in manifest.entries]
        conditions = manifest.conditions
        listed = {entry.movie for entry in entries}
        found = replace(found, movies=tuple(movie for movie in found.movies if movie not in listed))
    if not entries:
        rest = f" ({len(found.single_images)} single images are no movies)" if found.single_images else ""
        raise InputError(f"{request.folder}: no movies in it{rest}")
    unknown = [name for name in request.by if name not in conditions]
    if unknown:
        known = ", ".join(conditions) or "none; a manifest gives some"
        raise SettingsError(f"--by {unknown[0]}: no such condition; there are: {known}")
    entries = sorted(_named(entries), key=lambda entry: movie_order(entry.movie))
    return Plan(request, tuple(_job(request, entry) for entry in entries), conditions, found)


def check_output(request: BatchRequest) -> None:
    """Refuse a folder of results that holds something else.

    Raises
    ------
    OutputError
    """
    output = request.output
    if output.resolve() == request.folder.resolve():
        raise OutputError(f"{output}: is the folder of the movies; choose another one for the results with -o")
    if not output.exists():
        return
    if not output.is_dir():
        raise OutputError(f"{output}: is a file; choose a folder with -o")
    if is_run_folder(output):
        raise OutputError(f"{output}: is the run folder of one movie; choose another one with -o")
    # A batch that was stopped in its first moment leaves only hidden files.
    if not (output / BATCH_RECORD).is_file() and any(not p.name.startswith(".") for p in output.iterdir()):
        raise OutputError(f"{output}: is not empty and no folder of a tem-track batch; choose another one with -o")


def file_of(request: BatchRequest, entry: Entry, name: str) -> Path | None:
    """Return a file that a movie is given, None for none."""
    if entry.files.get(name):
        return request.folder / entry.files[name]
    return request.phases if name == "phases" else None


def _found_entries(folder: Path, found: Found) -> tuple[list[Entry], tuple[str, ...]]:
    places = {movie: movie.rpartition("/")[0] or "." for movie in found.movies}
    differ = len(set(places.values())) > 1
    entries = [
        Entry(
            movie,
            files=sidecars_of(folder, movie),
            conditions={FOLDER_CONDITION: place} if differ else {},
            size=size_of(folder / movie),
        )
        for movie, place in places.items()
    ]
    return entries, (FOLDER_CONDITION,) if differ else ()


def _completed(folder: Path, entry: Entry, columns: tuple[str, ...], shown: Mapping[str, str]) -> Entry:
    """Return an entry of a manifest with the files beside its movie that the manifest has no column for.

    Names that a spreadsheet would run or a terminal obey stand in a manifest in a harmless form: they are the files
    that have it.
    """
    movie = _meant(folder, entry.movie, shown)
    beside = sidecars_of(folder, movie)
    by_form = {harmless(file): file for file in beside.values()}
    given = {name: _meant(folder, file, by_form) for name, file in entry.files.items()}
    beside = {name: file for name, file in beside.items() if name not in columns}
    return replace(entry, movie=movie, files={**beside, **given}, size=size_of(folder / movie))


def _meant(folder: Path, name: str, shown: Mapping[str, str]) -> str:
    return name if os.path.lexists(folder / name) else shown.get(name, name)


def _named(entries: list[Entry]) -> list[Entry]:
    taken = {entry.run.casefold() for entry in entries if entry.run}
    names = run_names([entry.movie for entry in entries if not entry.run])
    for movie, name in names.items():
        if name.casefold() in taken:
            raise InputError(f"the manifest gives the run folder {name!r} to another movie than {movie}; rename it")
    return [entry if entry.run else replace(entry, run=names[entry.movie]) for entry in entries]


def _job(request: BatchRequest, entry: Entry) -> Job:
    try:
        settings, sources = layered_settings(*_layers(request, entry))
    except TemTrackError as error:
        return Job(entry, problem=" ".join(str(error).split()))
    return Job(entry, settings, sources)


def _layers(request: BatchRequest, entry: Entry) -> list[Layer]:
    layers = list(request.below)
    own = file_of(request, entry, "settings")
    if own is not None:
        layers.append((own.name, read_settings_file(own)))
    if entry.settings and request.manifest is not None:
        layers.append((request.manifest.name, entry.settings))
    return [*layers, *request.above]


def size_of(path: Path) -> int:
    """Return the bytes of a file or of all files in a folder, 0 where they cannot be seen."""
    try:
        if not path.is_dir():
            return path.stat().st_size
        total = 0
        for place, _, names in os.walk(path, followlinks=False):
            total += sum((Path(place) / name).stat().st_size for name in names)
    except OSError:
        return 0
    return total


__all__ = ["FILE_COLUMNS", "RUNS", "BatchRequest", "Job", "Layer", "Plan", "check_output", "file_of", "plan_batch"]
