"""`--json`: how a run goes, one JSON object per line on stdout and nothing else there, for other programs.

Every line has ``event`` and ``time`` (UTC, ISO 8601). By event there is also:

========== =========================================================================================================
started    ``movie``, ``folder`` (the run folder), ``version``, ``process``
stage      ``stage`` (in words), ``frames``: a pass over so many frames begins
progress   ``stage``, ``done``, ``total``: frames; at most twice a second, and at the end of the stage
note       ``text``: what was decided
warning    ``text``: what needs attention
finished   ``status`` (``done``; ``unchanged``: the run folder held this very run), ``folder``, ``facts`` (words by
           name), ``attention`` (list of words); the last line, exit code 0
failed     ``reason`` (one line), ``code`` (exit code: 1 an error, 130 Ctrl-C, 143 SIGTERM); the last line
========== =========================================================================================================

A process that is killed writes neither ``finished`` nor ``failed``. Names that are no text have their bytes spelt out.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from tem_track import __version__, movie
from tem_track.errors import one_line
from tem_track.outcome import Outcome
from tem_track.stopping import Stopped

FIELDS = {
    "started": ("movie", "folder", "version", "process"),
    "stage": ("stage", "frames"),
    "progress": ("stage", "done", "total"),
    "note": ("text",),
    "warning": ("text",),
    "finished": ("status", "folder", "facts", "attention"),
    "failed": ("reason", "code"),
}
"""What the line of each event has beside ``event`` and ``time``."""

# s between two lines on the progress of a stage.
_INTERVAL_S = 0.5


class StatusLines:
    """A reporter that writes every event as a line of JSON.

    Parameters
    ----------
    movie_path, folder : Path
        What is analysed, and its run folder.
    stream : text stream, optional
        stdout if None.
    """

    def __init__(self, movie_path: Path, folder: Path, stream: TextIO | None = None):
        self._movie, self._folder = movie_path, folder
        self._stream = stream or sys.stdout

    def __enter__(self) -> StatusLines:
        self._line(
            "started", movie=str(self._movie), folder=str(self._folder), version=__version__, process=os.getpid()
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Stopped):
            self._line("failed", reason="stopped", code=error.exit_code)
        elif error is not None:
            self._line("failed", reason=one_line(error), code=1)

    def stage(self, name: str, frames: int) -> movie.Progress:
        """Write that a stage begins, and return what it calls with (frames done, frames in all)."""
        self._line("stage", stage=name, frames=frames)
        last = time.monotonic()

        def report(done: int, total: int) -> None:
            nonlocal last
            now = time.monotonic()
            if done >= total or now - last >= _INTERVAL_S:
                last = now
                self._line("progress", stage=name, done=int(done), total=int(total))

        return report

    def note(self, text: str) -> None:
        """Write a decision."""
        self._line("note", text=text)

    def warn(self, text: str) -> None:
        """Write what needs attention."""
        self._line("warning", text=text)

    def summary(self, outcome: Outcome) -> None:
        """Write that the run is finished, and what was found."""
        self._line(
            "finished",
            status="unchanged" if outcome.unchanged else "done",
            folder=str(outcome.folder),
            facts=dict(outcome.facts),
            attention=list(outcome.attention),
        )

    def _line(self, event: str, **content: Any) -> None:
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        # ASCII only: whatever the encoding of stdout, the line is whole.
        self._stream.write(json.dumps({"event": event, "time": moment, **content}) + "\n")
        self._stream.flush()
