"""From a path to a finished run folder: whether there is anything to do, and who may do it.

Nothing heavy is imported here: a run that is up to date says so at once. The work itself is `tem_track.pipeline.run`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import tem_track
from tem_track.errors import OutputError, TemTrackError
from tem_track.outcome import Outcome
from tem_track.pipeline.earlier import check_same_movie, holds_run
from tem_track.pipeline.inputs import Identity, identify, identify_at_once, remember
from tem_track.pipeline.journal import Journal
from tem_track.pipeline.reporter import Clock, Reporter
from tem_track.pipeline.request import Request, check_analyses
from tem_track.pipeline.stages import run_key, stages_from
from tem_track.write.files import RunFolder, check_place, is_finished, open_run_folder
from tem_track.write.lock import check_not_locked, locked


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
    check_analyses(request.settings, request.labels is not None)
    _keep_inputs_apart(request)
    anew = request.overwrite or bool(request.from_stage)
    if not anew and up_to_date_at_once(request):
        return Outcome(request.movie.name, request.output, unchanged=True)
    check_place(request.output)
    check_not_locked(request.output)
    from tem_track.pipeline.run import open_all, run_stages

    with clock.stage("reading"):
        opened = open_all(request)
        identities = identify(request.files(), request.output, reporter.note)
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
            return run_stages(request, opened, identities, key, folder, journal, clock, started, forced)


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


def _key(request: Request, identities: dict[str, Identity]) -> str:
    inputs = {role: one.sha256 for role, one in identities.items()}
    return run_key(request.settings, inputs, request.movie.name)


def _keep_inputs_apart(request: Request) -> None:
    """Refuse to write where something that is read stands: replacing an earlier run would remove it."""
    folder = request.output.resolve()
    beside = (request.times, request.labels, request.phases, request.grains, request.temperature)
    for path in (request.movie, *beside):
        if path is not None and folder in (path.resolve(), *path.resolve().parents) and folder.is_dir():
            raise OutputError(
                f"{request.output}: {path.name} stands in the run folder to be written; move it out first"
            )
