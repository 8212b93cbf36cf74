"""From a path to a finished run folder: read, measure, write, or go on where an earlier run was stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import tem_track
from tem_track.errors import InputError, OutputError, TemTrackError
from tem_track.labels import LabelStack
from tem_track.movie import Labels, Movie
from tem_track.outcome import Outcome, attention_lines, drift_facts, movie_facts, speed_words
from tem_track.pipeline.checkpoints import Checkpoints
from tem_track.pipeline.choose import Choice, check_choice, choose_analysis
from tem_track.pipeline.earlier import check_same_movie, holds_run
from tem_track.pipeline.inputs import Identity, identify, identify_at_once, remember, stamp_of
from tem_track.pipeline.journal import Journal
from tem_track.pipeline.measure import measure_movie
from tem_track.pipeline.part import Part
from tem_track.pipeline.reporter import Clock, Reporter
from tem_track.pipeline.request import Request
from tem_track.pipeline.results import write_results
from tem_track.pipeline.stages import run_key, stages_from
from tem_track.pipeline.survey import Survey, kept_survey
from tem_track.pipeline.theory import Theory, expected_theory
from tem_track.read import open_movie, read_labels, temperature_of_movie
from tem_track.settings import InputSettings
from tem_track.write.files import RunFolder, check_place, is_finished, open_run_folder
from tem_track.write.lock import check_not_locked, locked
from tem_track.write.run_files import OVERLAY_NAMES


@dataclass(frozen=True)
class Opened:
    """What a run reads, opened.

    Attributes
    ----------
    movie : Movie
    labels : LabelStack or None
        (T, Y, X)
    grains : (Y, X) int32 or None
    theory : Theory or None
    """

    movie: Movie
    labels: LabelStack | None
    grains: Labels | None
    theory: Theory | None


def up_to_date(request: Request) -> bool:
    """Return whether the run folder holds the finished run of a request, whole, by the same program.

    Cheap as long as the files read bear the stamps of that run; else they are hashed.

    Raises
    ------
    InputError
        A file to be read cannot be.
    """
    if not is_finished(request.output):
        return False
    return holds_run(request.output, _key(request, identify(request.files(), request.output)))


def up_to_date_at_once(request: Request) -> bool:
    """Return whether that is known without reading any of the files: they bear the stamps of that run."""
    known = identify_at_once(request.files(), request.output)
    return bool(known) and is_finished(request.output) and holds_run(request.output, _key(request, known or {}))


def analyze(request: Request, reporter: Reporter) -> Outcome:
    """Analyse a movie and write its run folder, going on from what an earlier run of the same movie left there.

    A finished run that is up to date is left alone. An earlier run's files are only removed once the new one is
    measured.

    Raises
    ------
    InputError
        The movie, its times or its labels cannot be used, or there is nothing in it to measure.
    SettingsError
        The expected reaction is not known or not balanced; there is no stage of the name to begin from.
    OutputError
        The run folder cannot be written, belongs to another movie, or another process writes it.
    """
    started, clock = datetime.now(UTC), Clock()
    forced = stages_from(request.from_stage)
    check_choice(request.settings, request.labels is not None)
    _keep_inputs_apart(request)
    anew = request.overwrite or bool(request.from_stage)
    if not anew and up_to_date_at_once(request):
        return Outcome(request.movie.name, request.output, unchanged=True)
    check_place(request.output)
    check_not_locked(request.output)
    with clock.stage("reading"):
        opened = _opened(request)
        identities = identify(request.files(), request.output)
    folder = open_run_folder(request.output)
    with locked(folder.path):
        if not request.overwrite:
            check_same_movie(folder.path, identities["movie"])
        key = _key(request, identities)
        if not anew and is_finished(folder.path) and holds_run(folder.path, key):
            with suppress(OutputError):  # it only saves hashing next time
                remember(identities, folder.path)
            return Outcome(request.movie.name, request.output, unchanged=True)
        _begin(folder, request, identities)
        journal = Journal(reporter, folder.path)
        with _told(journal, folder):
            journal.write("run", f"{' '.join(request.command) or 'analyze'} (tem-track {tem_track.__version__})")
            kept = Checkpoints(
                request.settings,
                clock,
                folder=folder.path,
                inputs={role: one.sha256 for role, one in identities.items()},
                forced=forced,
                log=journal.stage_done,
                note=journal.note,
            )
            return _run(request, opened, identities, key, folder, kept, journal, clock, started)


def _begin(folder: RunFolder, request: Request, identities: dict[str, Identity]) -> None:
    """Prepare the run folder for work: an earlier run stays, what it kept of another movie does not."""
    if request.overwrite:
        folder.forget_stages()
        folder.forget_log()
    if not is_finished(folder.path):
        folder.mark()
    remember(identities, folder.path)


@contextmanager
def _told(journal: Journal, folder: RunFolder) -> Iterator[None]:
    """Write an error to the log, and leave no folder behind where not a single stage was worked out."""
    try:
        yield
    except BaseException as error:
        journal.failed(error)
        if isinstance(error, TemTrackError) and not folder.has_stages() and not is_finished(folder.path):
            folder.discard()
        raise
    journal.write("finished", "")


def _run(
    request: Request,
    opened: Opened,
    identities: dict[str, Identity],
    key: str,
    folder: RunFolder,
    kept: Checkpoints,
    journal: Journal,
    clock: Clock,
    started: datetime,
) -> Outcome:
    movie, settings = opened.movie, request.settings
    _tell_reading(opened, identities, journal)
    survey = kept_survey(movie, journal, clock, kept)
    choice = kept.result(
        "choice", lambda seen: choose_analysis(movie, survey, seen, labels_given=opened.labels is not None)
    )
    journal.note(choice.reason)
    parts = _parts(opened, survey, choice, request, kept, journal, clock)
    _check_unchanged(request, identities)
    overlay = OVERLAY_NAMES[0]
    folder.clear(keep=[overlay] if settings.output.overlay and kept.stands("overlay", folder.path / overlay) else [])
    tables = write_results(
        folder,
        movie,
        parts,
        settings,
        journal,
        clock,
        identity=_identity(identities),
        sources=request.sources,
        command=request.command,
        started=started,
        analysis=choice.reason,
        key=key,
        kept=kept,
    )
    folder.finish()
    facts = [*movie_facts(movie), *drift_facts(tables["drift.csv"])]
    facts += [fact for part in parts for fact in part.facts(tables)]
    facts.append(("seconds", ", ".join(f"{name} {spent:.1f}" for name, spent in clock.seconds.items())))
    facts.append(("speed", speed_words(len(movie), clock.seconds)))
    warnings = [text for part in parts for text in part.warnings]
    attention = attention_lines(movie, tables, list(dict.fromkeys(warnings)))
    for line in attention:
        journal.write("warning", line)
    return Outcome(movie.name, request.output, tuple(facts), tuple(attention))


def _opened(request: Request) -> Opened:
    theory = expected_theory(request.settings.expansion.reaction, request.phases)
    movie = open_for(request.movie, request.settings.input, request.times, request.temperature)
    labels = None if request.labels is None else read_labels(request.labels, movie.shape)
    grains = None if request.grains is None else read_labels(request.grains, (1, *movie.shape[1:]))
    return Opened(movie, labels, None if grains is None else grains[0], theory)


def _tell_reading(opened: Opened, identities: dict[str, Identity], journal: Journal) -> None:
    for role, one in identities.items():
        journal.write("read", f"{role}: {one.name}, {one.size} bytes, sha256 {one.sha256}")
    movie = opened.movie
    for name, value in movie_facts(movie):
        journal.write("read", f"{name}: {value}")
    for text in (*movie.notes, *(opened.labels.notes if opened.labels else ())):
        journal.note(text)
    for text in movie.warnings:
        journal.warn(text)


def _parts(
    opened: Opened,
    survey: Survey,
    choice: Choice,
    request: Request,
    kept: Checkpoints,
    reporter: Reporter,
    clock: Clock,
) -> list[Part]:
    """Return the analyses that were chosen, measured. The particles of a film move as the film does."""
    movie, settings = opened.movie, request.settings
    parts: list[Part] = []
    if choice.growth:
        from tem_track.pipeline.growth import measure_growth_movie
        from tem_track.pipeline.growth_part import GrowthPart

        return [GrowthPart(movie, measure_growth_movie(movie, survey, settings, reporter, clock, kept))]
    drift = None
    if choice.front:
        from tem_track.pipeline.front import measure_front_movie
        from tem_track.pipeline.front_part import FrontPart

        front = measure_front_movie(movie, survey, settings, reporter, clock, opened.grains, kept)
        drift = front.drift
        parts.append(FrontPart(movie, front))
    if choice.particles:
        from tem_track.pipeline.particle_part import ParticlePart

        labels = opened.labels
        measured = measure_movie(movie, settings, reporter, clock, labels, survey, drift, kept)
        shifted = None
        if settings.output.sensitivity:
            from tem_track.pipeline.sensitivity import sensitivity_table

            shifted = kept.result(
                "sensitivity",
                lambda seen: sensitivity_table(movie, measured, seen, reporter, own_labels=labels is None),
            )
        parts.append(ParticlePart(movie, measured, opened.theory, shifted))
    return parts


def _check_unchanged(request: Request, identities: dict[str, Identity]) -> None:
    """Refuse to call a run this movie's that was changed while it was read."""
    for role, path in request.files().items():
        if path is not None and stamp_of(path) != identities[role].stamp:
            raise InputError(f"{path.name}: changed while it was analysed; run the same command again once it is whole")


def _key(request: Request, identities: dict[str, Identity]) -> str:
    inputs = {role: one.sha256 for role, one in identities.items()}
    return run_key(request.settings, inputs, request.movie.name)


def _identity(identities: dict[str, Identity]) -> dict[str, Any]:
    """Return what `run.json` says was read: the movie, and the files beside it."""
    beside = {role: one.record() for role, one in identities.items() if role != "movie"}
    return {**identities["movie"].record(), **beside}


def _keep_inputs_apart(request: Request) -> None:
    """Refuse to write where something that is read stands: replacing an earlier run would remove it."""
    folder = request.output.resolve()
    beside = (request.times, request.labels, request.phases, request.grains, request.temperature)
    for path in (request.movie, *beside):
        if path is not None and folder in (path.resolve(), *path.resolve().parents) and folder.is_dir():
            raise OutputError(
                f"{request.output}: {path.name} stands in the run folder to be written; move it out first"
            )


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
