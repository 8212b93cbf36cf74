"""From a path to a finished run folder: read, measure, write."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tem_track.errors import OutputError
from tem_track.labels import LabelStack
from tem_track.movie import Labels, Movie
from tem_track.outcome import Outcome, attention_lines, drift_facts, movie_facts
from tem_track.pipeline.choose import Choice, choose_analysis
from tem_track.pipeline.measure import measure_movie
from tem_track.pipeline.part import Part
from tem_track.pipeline.reporter import Clock, Reporter
from tem_track.pipeline.results import write_results
from tem_track.pipeline.survey import Survey, survey_movie
from tem_track.pipeline.theory import Theory, expected_theory
from tem_track.read import hash_input, open_movie, read_labels, temperature_of_movie
from tem_track.settings import InputSettings, Settings
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
    grains : Path or None
        Label image of the grains made elsewhere, in the coordinates of frame 0.
    temperature : Path or None
        The holder's log, or a table with a time and a temperature column.
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
    grains: Path | None = None
    temperature: Path | None = None


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
        movie = open_for(request.movie, request.settings.input, request.times, request.temperature)
        labels = None if request.labels is None else read_labels(request.labels, movie.shape)
        grains = None if request.grains is None else read_labels(request.grains, (1, *movie.shape[1:]))
    for text in (*movie.notes, *(labels.notes if labels else ())):
        reporter.note(text)
    for text in movie.warnings:
        reporter.warn(text)
    survey = survey_movie(movie, request.settings, reporter, clock)
    choice = choose_analysis(movie, survey, request.settings, labels_given=labels is not None)
    reporter.note(choice.reason)
    parts = _parts(
        movie, survey, choice, request.settings, reporter, clock, labels, None if grains is None else grains[0], theory
    )
    size, digest = hash_input(request.movie)
    folder = prepare_run_folder(request.output, request.overwrite)
    try:
        tables = write_results(
            folder,
            movie,
            parts,
            request.settings,
            reporter,
            clock,
            identity={"name": movie.name, "bytes": size, "sha256": digest, **_files_beside(request)},
            sources=request.sources,
            command=request.command,
            started=started,
            analysis=choice.reason,
        )
    except BaseException:
        folder.discard()
        raise
    facts = [*movie_facts(movie), *drift_facts(tables["drift.csv"])]
    facts += [fact for part in parts for fact in part.facts(tables)]
    facts.append(("seconds", ", ".join(f"{name} {spent:.1f}" for name, spent in clock.seconds.items())))
    warnings = [text for part in parts for text in part.warnings]
    attention = attention_lines(movie, tables, list(dict.fromkeys(warnings)))
    return Outcome(movie.name, request.output, tuple(facts), tuple(attention))


def _parts(
    movie: Movie,
    survey: Survey,
    choice: Choice,
    settings: Settings,
    reporter: Reporter,
    clock: Clock,
    labels: LabelStack | None,
    grains: Labels | None,
    theory: Theory | None,
) -> list[Part]:
    """Return the analyses that were chosen, measured. The particles of a film move as the film does."""
    parts: list[Part] = []
    if choice.growth:
        from tem_track.pipeline.growth import measure_growth_movie
        from tem_track.pipeline.growth_part import GrowthPart

        return [GrowthPart(movie, measure_growth_movie(movie, survey, settings, reporter, clock))]
    drift = None
    if choice.front:
        from tem_track.pipeline.front import measure_front_movie
        from tem_track.pipeline.front_part import FrontPart

        front = measure_front_movie(movie, survey, settings, reporter, clock, grains)
        drift = front.drift
        parts.append(FrontPart(movie, front))
    if choice.particles:
        from tem_track.pipeline.particle_part import ParticlePart

        measured = measure_movie(movie, settings, reporter, clock, labels, survey, drift)
        shifted = None
        if settings.output.sensitivity:
            from tem_track.pipeline.sensitivity import sensitivity_table

            with clock.stage("sensitivity"):
                shifted = sensitivity_table(movie, measured, settings, reporter, own_labels=labels is None)
        parts.append(ParticlePart(movie, measured, theory, shifted))
    return parts


def _keep_inputs_apart(request: Request) -> None:
    """Refuse to write where something that is read stands: replacing an earlier run would remove it."""
    folder = request.output.resolve()
    beside = (request.times, request.labels, request.phases, request.grains, request.temperature)
    for path in (request.movie, *beside):
        if path is not None and folder in (path.resolve(), *path.resolve().parents) and folder.is_dir():
            raise OutputError(
                f"{request.output}: {path.name} stands in the run folder to be written; move it out first"
            )


def _files_beside(request: Request) -> dict[str, dict[str, Any]]:
    """Return name, size and hash of the files read beside the movie."""
    found = {}
    for name, path in (
        ("times", request.times),
        ("labels", request.labels),
        ("phases", request.phases),
        ("grains", request.grains),
        ("temperature", request.temperature),
    ):
        if path is not None:
            size, digest = hash_input(path)
            found[name] = {"name": path.name, "bytes": size, "sha256": digest}
    return found


def open_for(path: Path, settings: InputSettings, times: Path | None, temperature: Path | None = None) -> Movie:
    """Return the movie at a path, with times and temperatures as the settings say."""
    movie = open_movie(
        path,
        pixel_size_nm=settings.pixel_size_nm or None,
        frame_interval_s=settings.frame_interval_s or None,
        times=times,
        allow_truncated=settings.allow_truncated,
    )
    return temperature_of_movie(
        movie,
        log=temperature,
        ramp=settings.ramp,
        offset=settings.log_offset,
        columns=settings.temperature_columns,
    )
