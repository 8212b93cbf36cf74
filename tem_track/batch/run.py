"""A batch from its plan to its results: what is missing is analysed, then everything is put together."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import tem_track
from tem_track.batch.discover import BATCH_RECORD
from tem_track.batch.finished import FinishedRun
from tem_track.batch.isolate import Limits
from tem_track.batch.local import Told, run_local
from tem_track.batch.manifest import write_manifest
from tem_track.batch.order import Ending, Order
from tem_track.batch.plan import RUNS, Job, Plan, file_of
from tem_track.batch.request import request_of
from tem_track.batch.results import write_results, write_rows
from tem_track.batch.rows import run_figures
from tem_track.batch.sidecars import FILE_COLUMNS
from tem_track.errors import TemTrackError
from tem_track.pipeline import up_to_date_at_once
from tem_track.settings import settings_dict
from tem_track.write.files import PROGRAM, output_error
from tem_track.write.lock import locked
from tem_track.write.run import write_json

MANIFEST, LOG = "manifest.csv", "log.txt"
# Version of the layout of the folder of results.
LAYOUT = 1
# While movies are analysed, batch.csv is brought up to date at most this often, s.
_EVERY_S = 10.0

Engine = Callable[[Sequence[tuple[str, Order]], Limits, Told], Iterator[tuple[str, Ending]]]
"""Carries out orders, each named by its run folder, and yields how they ended."""


class BatchReporter(Protocol):
    """Someone who is told how a batch goes; called from several threads."""

    def begin(self, movies: int) -> None:
        """Take note of how many movies there are."""

    def event(self, movie: str, event: Mapping[str, Any]) -> None:
        """Take note of what a process told about its movie."""

    def ended(self, movie: str, ending: Ending) -> None:
        """Take note of a movie that is done, unchanged or failed."""

    def note(self, text: str) -> None:
        """Take note of something about the whole batch."""


@dataclass(frozen=True)
class BatchOutcome:
    """How a batch ended.

    Attributes
    ----------
    folder : Path
        Of the results.
    done, unchanged : int
        Movies analysed now, and those whose run was up to date.
    failed : tuple of (movie, reason)
        In the order of the names.
    """

    folder: Path
    done: int
    unchanged: int
    failed: tuple[tuple[str, str], ...]


@dataclass
class _State:
    """What is known so far."""

    plan: Plan
    endings: dict[str, Ending] = field(default_factory=dict)
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)
    written_at: float = 0.0

    @cached_property
    def names(self) -> dict[str, str]:
        """Return the movie of each run folder."""
        return {job.entry.run: job.entry.movie for job in self.plan.jobs}

    @cached_property
    def output(self) -> Path:
        return self.plan.request.output

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of `batch.csv`; a run that was up to date is as good as one that was done."""
        rows = []
        for job in self.plan.jobs:
            entry, ending = job.entry, self.endings.get(job.entry.run)
            status = "waiting" if ending is None else "failed" if ending.status == "failed" else "done"
            rows.append(
                {
                    "movie": entry.movie,
                    "run_folder": f"{RUNS}/{entry.run}" if status == "done" else "",
                    **entry.conditions,
                    "status": status,
                    "reason": ending.reason if ending else "",
                    **self.figures.get(entry.run, {}),
                }
            )
        return rows

    def finished(self) -> list[FinishedRun]:
        """Return the runs that are complete, in the order of the movies."""
        entries = [job.entry for job in self.plan.jobs if job.entry.run in self.figures]
        return [FinishedRun(entry.movie, self.output / RUNS / entry.run, entry.conditions) for entry in entries]


def on_this_machine(jobs: int = 0) -> Engine:
    """Return what carries out orders here, so many at a time; 0 = one per core."""
    return lambda orders, limits, tell: run_local(orders, limits, tell, jobs)


def on_cluster(address: str, output: Path) -> Engine:
    """Return what carries out orders on the cluster whose scheduler is at an address."""
    from tem_track.batch.cluster import run_on_cluster

    return lambda orders, limits, tell: run_on_cluster(address, output, orders, limits, tell)


def run_batch(
    plan: Plan, reporter: BatchReporter, limits: Limits | None = None, engine: Engine | None = None
) -> BatchOutcome:
    """Analyse every movie of a plan whose run folder is not up to date, and write the results of all.

    Parameters
    ----------
    plan : Plan
    reporter : BatchReporter
    limits : Limits, optional
        Of each movie.
    engine : callable, optional
        What carries out the orders; by default this machine, a movie per core.

    Raises
    ------
    OutputError
        The folder of the results cannot be written.
    """
    with output_held(plan):
        write_manifest(plan.request.output / MANIFEST, [job.entry for job in plan.jobs], plan.conditions)
        return _run(plan, reporter, limits or Limits(), engine or on_this_machine())


def _run(plan: Plan, reporter: BatchReporter, limits: Limits, engine: Engine) -> BatchOutcome:
    """Carry out a plan in a folder that belongs to this process."""
    state = _State(plan)
    log = _Log(plan.request.output / LOG)
    log.line(f"tem-track {tem_track.__version__}: {len(plan.jobs)} movies in {plan.request.folder}")
    reporter.begin(len(plan.jobs))
    for job in plan.jobs:
        if job.problem:
            _take(state, job.entry.run, Ending("failed", job.problem), reporter, log)
    # Told without a process of their own: a batch of thousands that has little to do starts at once.
    ready = []
    for job in plan.jobs:
        if not job.problem:
            order = order_of(plan, job)
            if _is_standing(order):
                _take(state, job.entry.run, Ending("unchanged"), reporter, log)
            else:
                ready.append((job.entry.size, job.entry.run, order))
    # The largest first: a long movie that is begun last keeps one core busy while the others rest.
    orders = [(run, order) for _, run, order in sorted(ready, key=lambda one: -one[0])]
    running = engine(orders, limits, lambda run, event: reporter.event(state.names[run], event))
    try:
        for run, ending in running:
            _take(state, run, ending, reporter, log)
            if time.monotonic() - state.written_at > _EVERY_S:
                _write_rows(state)
    except BaseException:
        log.line("stopped")
        raise
    finally:
        close = getattr(running, "close", None)
        if close is not None:
            close()
    write_results(plan, state.rows(), state.finished())
    failed = [
        (job.entry.movie, e.reason) for job in plan.jobs if (e := state.endings[job.entry.run]).status == "failed"
    ]
    statuses = [ending.status for ending in state.endings.values()]
    outcome = BatchOutcome(plan.request.output, statuses.count("done"), statuses.count("unchanged"), tuple(failed))
    log.line(f"{outcome.done} done, {outcome.unchanged} unchanged, {len(failed)} failed")
    return outcome


@contextmanager
def output_held(plan: Plan) -> Iterator[None]:
    """Make the folder of the results, mark it as one, and keep others from writing there.

    Raises
    ------
    OutputError
        The file system refuses, or another process writes there.
    """
    output = plan.request.output
    _make_folder(output)
    with locked(output):
        # A watch knows no movies when it begins; what a batch said before stays true.
        if plan.jobs or not (output / BATCH_RECORD).is_file():
            write_json(output / BATCH_RECORD, _record(plan))
        # After the record: a folder without it is taken for somebody else's.
        _make_folder(output / RUNS)
        yield


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(folder, error) from error


def _record(plan: Plan) -> dict[str, Any]:
    return {
        "program": PROGRAM,
        "kind": "batch",
        "layout": LAYOUT,
        "version": tem_track.__version__,
        "movies": len(plan.jobs),
        "conditions": list(plan.conditions),
        "by": list(plan.by),
    }


def order_of(plan: Plan, job: Job) -> Order:
    """Return the order of one movie."""
    request, entry = plan.request, job.entry
    files = {name: file_of(request, entry, name) for name in FILE_COLUMNS if name != "settings"}
    given = {name: path for name, path in files.items() if path is not None}
    return Order(
        movie=str((request.folder / entry.movie).absolute()),
        output=str((request.output / RUNS / entry.run).absolute()),
        settings=settings_dict(job.settings),
        sources=job.sources,
        from_stage=request.from_stage,
        files={name: str(path.absolute()) for name, path in given.items()},
        command=_command(job, entry.movie, {name: entry.files.get(name, path.name) for name, path in given.items()}),
    )


def _command(job: Job, movie: str, files: Mapping[str, str]) -> tuple[str, ...]:
    """Return the command line that does for this movie alone what the batch does, run in the folder of the movies."""
    words = ["tem-track", "analyze", movie]
    for name, path in files.items():
        words += [f"--{name}", path]
    for stage, names in job.sources.items():
        for name, source in names.items():
            if source != "default":
                value = settings_dict(job.settings)[stage][name]
                words += ["--set", f"{stage}.{name}={json.dumps(value, ensure_ascii=False)}"]
    return tuple(words)


def _is_standing(order: Order) -> bool:
    try:
        return not order.from_stage and up_to_date_at_once(request_of(order))
    except (TemTrackError, OSError):
        return False


def _take(state: _State, run: str, ending: Ending, reporter: BatchReporter, log: _Log) -> None:
    """Take note of how a movie ended."""
    movie = state.names[run]
    if ending.status == "stopped":  # though the batch goes on
        ending = replace(ending, status="failed", reason="stopped from outside; run the same command again")
    # The movie stands before its reason already.
    name = " ".join(Path(movie).name.split())
    ending = replace(ending, reason=ending.reason.removeprefix(f"{name}: "))
    if ending.status in ("done", "unchanged"):
        try:
            state.figures[run] = run_figures(state.output / RUNS / run)
        except TemTrackError as error:
            ending = Ending("failed", str(error), ending.seconds, ending.peak_bytes)
    state.endings[run] = ending
    words = f"{ending.status}, {ending.seconds:.1f} s, {ending.peak_bytes / 2**20:.0f} MiB"
    log.line(f"{movie}: {words}{': ' + ending.reason if ending.reason else ''}", ending.log)
    reporter.ended(movie, ending)


def _write_rows(state: _State) -> None:
    write_rows(state.plan, state.rows())
    state.written_at = time.monotonic()


class _Log:
    """`log.txt`: what happened when; the only file of a batch besides `timings.csv` with clock readings."""

    def __init__(self, path: Path):
        self._path = path

    def line(self, text: str, further: str = "") -> None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        lines = [f"{now} {' '.join(text.split())}", *(f"    {line}" for line in further.splitlines())]
        try:
            with self._path.open("a", encoding="utf-8", errors="backslashreplace") as stream:
                stream.write("\n".join(lines) + "\n")
        except OSError as error:
            raise output_error(self._path, error) from error
