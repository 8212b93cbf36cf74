"""From a path to a finished run folder: read, measure, write."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tem_track.errors import OutputError
from tem_track.movie import Movie
from tem_track.outcome import Outcome, attention_lines, drift_facts, movie_facts, particle_facts, theory_facts
from tem_track.pipeline.measure import measure_movie
from tem_track.pipeline.reporter import Clock, Reporter
from tem_track.pipeline.results import write_results
from tem_track.pipeline.sensitivity import sensitivity_table
from tem_track.pipeline.theory import expected_theory
from tem_track.read import hash_input, open_movie, read_labels
from tem_track.settings import InputSettings, Settings
from tem_track.theory import kind_means
from tem_track.write.files import check_run_folder, prepare_run_folder


@dataclass(frozen=True)
class Request:
    """What the user asked for.

    Attributes
    ----------
    movie, output : Path
        What to read, and the run folder to write.
    settings : Settings
    sources : {stage: {name: source}}
        Where each setting came from.
    times, labels : Path or None
        A CSV with the time of every frame; label images made elsewhere.
    overwrite : bool
        Replace an earlier run.
    command : tuple of str
        The command line, for the record.
    phases : Path or None
        TOML with phases and reactions of the user's, for ``expansion.reaction``.
    """

    movie: Path
    output: Path
    settings: Settings = field(default_factory=Settings)
    sources: dict[str, dict[str, str]] = field(default_factory=dict)
    times: Path | None = None
    labels: Path | None = None
    overwrite: bool = False
    command: tuple[str, ...] = ()
    phases: Path | None = None


def analyze(request: Request, reporter: Reporter) -> Outcome:
    """Analyse a movie and write its run folder; an earlier run is only removed once the new one is measured.

    Raises
    ------
    InputError
        The movie, its times or its labels cannot be used, or there is nothing in it to measure.
    SettingsError
        The expected reaction is not known or not balanced.
    OutputError
        The run folder cannot be written.
    """
    started, clock = datetime.now(UTC), Clock()
    _keep_inputs_apart(request)
    check_run_folder(request.output, request.overwrite)
    theory = expected_theory(request.settings.expansion.reaction, request.phases)
    with clock.stage("reading"):
        movie = open_for(request.movie, request.settings.input, request.times)
        labels = None if request.labels is None else read_labels(request.labels, movie.shape)
    for text in (*movie.notes, *(labels.notes if labels else ())):
        reporter.note(text)
    for text in movie.warnings:
        reporter.warn(text)
    measured = measure_movie(movie, request.settings, reporter, clock, labels)
    shifted = None
    if request.settings.output.sensitivity:
        with clock.stage("sensitivity"):
            shifted = sensitivity_table(movie, measured, request.settings, reporter, own_labels=labels is None)
    size, digest = hash_input(request.movie)
    folder = prepare_run_folder(request.output, request.overwrite)
    try:
        tables = write_results(
            folder,
            movie,
            measured,
            request.settings,
            reporter,
            clock,
            identity={"name": movie.name, "bytes": size, "sha256": digest, **_files_beside(request)},
            sources=request.sources,
            command=request.command,
            started=started,
            theory=theory,
            sensitivity=shifted,
        )
    except BaseException:
        folder.discard()
        raise
    facts = [*movie_facts(movie), *drift_facts(tables["drift.csv"]), *particle_facts(tables["particles.csv"])]
    facts += theory_facts(kind_means(tables["theory.csv"])) if theory else []
    facts.append(("seconds", ", ".join(f"{name} {spent:.1f}" for name, spent in clock.seconds.items())))
    attention = attention_lines(movie, tables["drift.csv"], tables["particles.csv"], measured.warnings)
    return Outcome(movie.name, request.output, tuple(facts), tuple(attention))


def _keep_inputs_apart(request: Request) -> None:
    """Refuse to write where something that is read stands: replacing an earlier run would remove it."""
    folder = request.output.resolve()
    for path in (request.movie, request.times, request.labels, request.phases):
        if path is not None and folder in (path.resolve(), *path.resolve().parents) and folder.is_dir():
            raise OutputError(
                f"{request.output}: {path.name} stands in the run folder to be written; move it out first"
            )


def _files_beside(request: Request) -> dict[str, dict[str, Any]]:
    """Return name, size and hash of the files read beside the movie."""
    found = {}
    for name, path in (("times", request.times), ("labels", request.labels), ("phases", request.phases)):
        if path is not None:
            size, digest = hash_input(path)
            found[name] = {"name": path.name, "bytes": size, "sha256": digest}
    return found


def open_for(path: Path, settings: InputSettings, times: Path | None) -> Movie:
    """Return the movie at a path, read as the settings say."""
    return open_movie(
        path,
        pixel_size_nm=settings.pixel_size_nm or None,
        frame_interval_s=settings.frame_interval_s or None,
        times=times,
        allow_truncated=settings.allow_truncated,
    )
