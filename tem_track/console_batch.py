"""What the person at the terminal sees of a batch: a bar and a line per movie; for programs, lines of JSON.

With ``--json`` every line on stdout is one object. Lines about one movie bear its path as ``movie``; what its process
tells (`tem_track.status`) is passed on as it is. The batch's own, by ``event``:

========== =========================================================================================================
started    ``movies``: how many there are (no ``movie``)
submitted  handed to a cluster
ended      ``status`` (``done``, ``unchanged``, ``failed``), ``reason`` (one line), ``seconds``, ``peak_bytes``
note       ``text``: something about the whole batch (no ``movie``)
finished   ``folder``, ``done``, ``unchanged`` (numbers), ``failed`` (list of ``movie`` and ``reason``); the last line
========== =========================================================================================================
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import rich.console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from tem_track.batch.isolate import in_bytes
from tem_track.batch.manifest import manifest_text
from tem_track.batch.order import Ending
from tem_track.batch.plan import Plan
from tem_track.batch.run import BatchOutcome
from tem_track.visible import visible

# Names of things that were left out are listed up to this many.
_LISTED = 5


class BatchConsole:
    """Shows how a batch goes on stderr and its outcome on stdout, the failures last.

    Parameters
    ----------
    as_json : bool
        Lines of JSON on stdout instead: `started`, what the processes of the movies tell, `ended`, `finished`.
    quiet : bool
        Failures only.
    """

    def __init__(self, as_json: bool = False, quiet: bool = False):
        self._json, self._quiet = as_json, quiet
        self._err = rich.console.Console(file=sys.stderr, highlight=False, soft_wrap=True)
        self._out = rich.console.Console(file=sys.stdout, highlight=False, soft_wrap=True)
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(compact=True),
            console=self._err,
            disable=quiet or as_json or not self._err.is_terminal,
        )
        self._all: TaskID | None = None
        self._running: dict[str, TaskID] = {}
        self._movies = self._ended = 0

    def __enter__(self) -> BatchConsole:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def begin(self, movies: int) -> None:
        """Open the bar of the whole batch."""
        self._movies = movies
        self._all = self._bars.add_task("movies", total=movies)
        self._line({"event": "started", "movies": movies})

    def event(self, movie: str, event: Mapping[str, Any]) -> None:
        """Move the bar of a movie on, or pass on what its process told."""
        self._line({**event, "movie": movie})
        if self._bars.disable:
            return
        if movie not in self._running:
            self._running[movie] = self._bars.add_task(escape(f"  {visible(movie)}"), total=None)
        if event.get("event") in ("stage", "progress"):
            words = escape(f"  {visible(movie)}: {event.get('stage')}")
            total = event.get("total") or event.get("frames") or None
            self._bars.update(self._running[movie], description=words, completed=event.get("done", 0), total=total)

    def ended(self, movie: str, ending: Ending) -> None:
        """Say how a movie ended, one line."""
        self._ended += 1
        task = self._running.pop(movie, None)
        if task is not None:
            self._bars.remove_task(task)
        if self._all is not None:
            self._bars.update(self._all, completed=self._ended)
        facts = {"status": ending.status, "reason": ending.reason, "seconds": round(ending.seconds, 3)}
        self._line({"event": "ended", "movie": movie, **facts, "peak_bytes": ending.peak_bytes})
        if self._json or self._quiet:
            return
        colour = {"failed": "red", "unchanged": "dim"}.get(ending.status, "green")
        rest = f": {ending.reason}" if ending.reason else ""
        if ending.status == "done":
            rest = f"  {ending.seconds:.0f} s, {in_bytes(ending.peak_bytes)}"
        count = f"[dim]{self._ended:>{len(str(self._movies))}}/{self._movies}[/dim]"
        self._err.print(f"{count} [{colour}]{ending.status:<9}[/{colour}] {escape(visible(movie) + visible(rest))}")

    def note(self, text: str) -> None:
        """Say something about the whole batch."""
        self._line({"event": "note", "text": text})
        if not self._json and not self._quiet:
            self._err.print(f"[dim]{escape(visible(text))}[/dim]")

    def manifest(self, plan: Plan) -> None:
        """Print the manifest of a plan on stdout, and what is not in it on stderr."""
        text = manifest_text([job.entry for job in plan.jobs], plan.conditions)
        # Names of files are bytes: those that are no UTF-8 go out as they came in.
        sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
        sys.stdout.flush()
        for job in plan.jobs:
            if job.problem:
                self._err.print(f"[yellow]{escape(visible(f'{job.entry.movie}: {job.problem}'))}[/yellow]")
        self.left_out(plan)

    def left_out(self, plan: Plan) -> None:
        """Say what of the folder is not analysed."""
        for what, names in (
            ("single images that belong to no series", plan.found.single_images),
            ("movies that the manifest does not list", plan.found.movies if plan.request.manifest else ()),
            ("folders that cannot be read", plan.found.unread),
        ):
            if names:
                more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
                self.note(f"left out, {what}: {', '.join(names[:_LISTED])}{more}")

    def summary(self, outcome: BatchOutcome) -> None:
        """Say what came out, the failures last."""
        failed = [{"movie": movie, "reason": reason} for movie, reason in outcome.failed]
        counts = {"done": outcome.done, "unchanged": outcome.unchanged}
        self._line({"event": "finished", "folder": str(outcome.folder), **counts, "failed": failed})
        if self._json:
            return
        if not self._quiet:
            total = outcome.done + outcome.unchanged + len(failed)
            words = f"{total} movies: {outcome.done} done, {outcome.unchanged} unchanged, {len(failed)} failed"
            self._out.print(f"{words}; results: {escape(str(outcome.folder))}")
        for movie, reason in outcome.failed:
            self._err.print(f"[red]failed[/red] {escape(visible(f'{movie}: {reason}'))}")

    def _line(self, facts: Mapping[str, Any]) -> None:
        if self._json:
            sys.stdout.write(json.dumps(facts) + "\n")
            sys.stdout.flush()
