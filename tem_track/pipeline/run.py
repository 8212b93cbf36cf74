"""The stages of one run in order, and its files: what `tem_track.pipeline.analyze` does once the folder is its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tem_track.errors import InputError
from tem_track.labels import LabelStack
from tem_track.movie import Labels, Movie
from tem_track.outcome import Outcome, attention_lines, drift_facts, movie_facts, speed_words
from tem_track.pipeline.checkpoints import Checkpoints
from tem_track.pipeline.choose import Choice, choose_analysis
from tem_track.pipeline.inputs import Identity, stamp_of
from tem_track.pipeline.journal import Journal
from tem_track.pipeline.measure import measure_movie
from tem_track.pipeline.opening import open_for
from tem_track.pipeline.part import Part
from tem_track.pipeline.reporter import Clock, Reporter
from tem_track.pipeline.request import Request
from tem_track.pipeline.results import write_results
from tem_track.pipeline.survey import Survey, kept_survey
from tem_track.pipeline.theory import Theory, expected_theory
from tem_track.read import read_labels
from tem_track.tables import Table
from tem_track.write.files import RunFolder
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


def open_all(request: Request) -> Opened:
    """Return what a run reads, opened.

    Raises
    ------
    InputError
        The movie, its times or its labels cannot be used.
    SettingsError
        The expected reaction is not known or not balanced.
    """
    theory = expected_theory(request.settings.expansion.reaction, request.phases)
    movie = open_for(request.movie, request.settings.input, request.times, request.temperature)
    labels = None if request.labels is None else read_labels(request.labels, movie.shape)
    grains = None if request.grains is None else read_labels(request.grains, (1, *movie.shape[1:]))
    return Opened(movie, labels, None if grains is None else grains[0], theory)


def run_stages(
    request: Request,
    opened: Opened,
    identities: dict[str, Identity],
    key: str,
    folder: RunFolder,
    journal: Journal,
    clock: Clock,
    started: datetime,
    forced: frozenset[str],
) -> Outcome:
    """Return the outcome of a run whose folder is held: every stage worked out or taken, every file written.

    Parameters
    ----------
    request : Request
    opened : Opened
    identities : mapping of role to Identity
        Of every file read.
    key : str
        What the run is known by.
    folder : RunFolder
    journal : Journal
    clock : Clock
    started : datetime
    forced : set of str
        Stages that are worked out in any case.

    Raises
    ------
    InputError, OutputError
        As `tem_track.pipeline.analyze`.
    """
    movie, settings = opened.movie, request.settings
    kept = Checkpoints(
        settings,
        clock,
        folder=folder.path,
        inputs={role: one.sha256 for role, one in identities.items()},
        forced=forced,
        log=journal.stage_done,
        note=journal.note,
    )
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
    return _outcome(request, movie, parts, tables, journal, clock)


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


def _outcome(
    request: Request,
    movie: Movie,
    parts: Sequence[Part],
    tables: Mapping[str, Table],
    journal: Journal,
    clock: Clock,
) -> Outcome:
    """Return what the closing summary says, and write into the log what asks for attention."""
    facts = [*movie_facts(movie), *drift_facts(tables["drift.csv"])]
    facts += [fact for part in parts for fact in part.facts(tables)]
    facts.append(("seconds", ", ".join(f"{name} {spent:.1f}" for name, spent in clock.seconds.items())))
    facts.append(("speed", speed_words(len(movie), clock.seconds)))
    warnings = [text for part in parts for text in part.warnings]
    attention = attention_lines(movie, tables, list(dict.fromkeys(warnings)))
    for line in attention:
        journal.write("warning", line)
    return Outcome(movie.name, request.output, tuple(facts), tuple(attention))


def _check_unchanged(request: Request, identities: dict[str, Identity]) -> None:
    """Refuse to call a run this movie's that was changed while it was read."""
    for role, path in request.files().items():
        if path is not None and stamp_of(path) != identities[role].stamp:
            raise InputError(f"{path.name}: changed while it was analysed; run the same command again once it is whole")


def _identity(identities: dict[str, Identity]) -> dict[str, Any]:
    """Return what `run.json` says was read: the movie, and the files beside it."""
    beside = {role: one.record() for role, one in identities.items() if role != "movie"}
    return {**identities["movie"].record(), **beside}
