"""`RUN/log.txt`: what a run read, decided, warned of, how long its stages took, and where it failed.

A journal is a reporter that writes to the log what it is told, and passes it on. Nothing that fails in writing the log
ends a run: what matters is written elsewhere, and says so.
"""

from __future__ import annotations

import traceback
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from tem_track.movie import Progress
from tem_track.pipeline.reporter import Reporter
from tem_track.write.files import LOG


class Journal:
    """Passes on to a reporter, and writes down in the log of a run folder.

    Parameters
    ----------
    reporter : Reporter
    folder : Path
        The run folder; it exists. Lines are added to the log of earlier attempts.
    """

    def __init__(self, reporter: Reporter, folder: Path):
        self._reporter, self._path = reporter, folder / LOG

    def stage(self, name: str, frames: int) -> Progress:
        """Write down that a stage begins; its progress is passed on."""
        self.write("begins", f"{name}, {frames} frames")
        return self._reporter.stage(name, frames)

    def note(self, text: str) -> None:
        """Write down a decision and pass it on."""
        self.write("note", text)
        self._reporter.note(text)

    def warn(self, text: str) -> None:
        """Write down what needs attention and pass it on."""
        self.write("warning", text)
        self._reporter.warn(text)

    def stage_done(self, text: str) -> None:
        """Write down a stage and its seconds; nobody else is told."""
        self.write("stage", text)

    def failed(self, error: BaseException) -> None:
        """Write down an error with the place in the program where it happened."""
        self.write("failed", f"{type(error).__name__}: {error}")
        for line in "".join(traceback.format_exception(error)).splitlines():
            self.write("trace", line)

    def write(self, kind: str, text: str) -> None:
        """Add one line: the time, what kind of line it is, and a text without its line ends and control characters."""
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        # A movie's name may hold anything; a log line holds one line.
        plain = "".join(c if c.isprintable() else " " for c in text.encode("utf-8", "backslashreplace").decode())
        with suppress(OSError), self._path.open("a", encoding="utf-8", newline="\n") as log:
            log.write(f"{moment}  {kind:<8} {plain}\n")
