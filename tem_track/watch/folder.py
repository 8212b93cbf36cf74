"""What a batch knows about movies, at the service of a watch: where they are, what they are told, who analyses them.

A watch writes into the folder of a batch, so that `tem-track batch` afterwards finds every recording analysed and only
puts the results together.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tem_track.batch.discover import Found, find_movies
from tem_track.batch.isolate import Limits, run_isolated
from tem_track.batch.manifest import Entry
from tem_track.batch.names import run_names
from tem_track.batch.plan import RUNS, BatchRequest, Job, Plan, check_output, file_of
from tem_track.batch.run import order_of, output_held
from tem_track.batch.series import is_frame_series
from tem_track.batch.sidecars import sidecars_of
from tem_track.errors import InputError, OutputError, TemTrackError
from tem_track.read.insitu_tree import is_insitu_tree
from tem_track.settings import layered_settings, read_settings_file
from tem_track.watch.recording import Result, Target, Watched

GENTLY = (sys.executable, "-m", "tem_track.watch.gently")


@dataclass
class WatchedFolder:
    """The movies of a folder, or the one movie that a path is.

    Attributes
    ----------
    request : BatchRequest
        `folder` is what is watched; a manifest is not used.
    limits : Limits
        Of each analysis.
    """

    request: BatchRequest
    limits: Limits = field(default_factory=Limits)
    _runs: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make the folder of the results and keep other watches out of it.

        Raises
        ------
        InputError
            What is to be watched is not there.
        OutputError
            The folder holds something else, is the one that is watched, or another watch writes there.
        SettingsError
            A setting on the command line or in a settings file is wrong.
        """
        folder = self.request.folder
        if not folder.exists():
            raise InputError(f"{folder}: no such file or folder")
        if self.request.output.resolve() == folder.resolve():
            raise OutputError(f"{folder}: is what is watched; choose another folder for the results with -o")
        layered_settings(*self.request.below, *self.request.above)
        check_output(self._inside())
        with output_held(Plan(self._inside(), (), (), Found(()))):
            yield

    def find(self) -> Sequence[Target]:
        """Return every movie there is.

        Raises
        ------
        InputError
            The folder cannot be read.
        """
        names = self._names()
        for name, run in run_names(names).items():
            # A name once given stays, whatever comes beside it later.
            self._runs.setdefault(name, run)
        return [self._target(name) for name in names]

    def analyse(self, target: Target, stop: threading.Event, tell: Callable[[Mapping[str, Any]], None]) -> Result:
        """Analyse a finished recording in a process of its own, with the side-cars that stand beside it now."""
        job = self._job(target.name)
        if job.problem:
            return Result("failed", job.problem)
        order = order_of(Plan(self._inside(), (job,), (), Found((target.name,))), job)
        ending = run_isolated(order, self.limits, stop=stop, listen=tell, command=GENTLY)
        return Result(ending.status, ending.reason)

    def report_of(self, recording: Watched) -> str:
        """Return the link from the page to a recording's report."""
        return f"{RUNS}/{recording.target.run}/report.html"

    def _names(self) -> list[str]:
        folder = self.request.folder
        if _is_one_movie(folder):
            return [folder.resolve().name]
        return list(find_movies(folder, (self.request.output,)).movies)

    def _inside(self) -> BatchRequest:
        """Return the request with the folder that the names of the movies are relative to."""
        folder = self.request.folder
        if not _is_one_movie(folder):
            return self.request
        resolved = folder.resolve()
        return BatchRequest(
            resolved.parent, self.request.output, None, self.request.below, self.request.above, self.request.phases
        )

    def _target(self, name: str) -> Target:
        job, request = self._job(name), self._inside()
        files = {option: file_of(request, job.entry, option) for option in ("times", "temperature", "phases")}
        given = {option: path for option, path in files.items() if path is not None}
        return Target(name, request.folder / name, job.entry.run, job.settings, given, job.problem)

    def _job(self, name: str) -> Job:
        """Return what a movie is told, by the files that stand beside it now."""
        request = self._inside()
        entry = Entry(name, self._runs[name], sidecars_of(request.folder, name))
        own = file_of(request, entry, "settings")
        try:
            between = () if own is None else ((own.name, read_settings_file(own)),)
            return Job(entry, *layered_settings(*request.below, *between, *request.above))
        except TemTrackError as error:
            return Job(entry, problem=" ".join(str(error).split()))


def _is_one_movie(path: Path) -> bool:
    """Return whether what is watched is itself a movie: a file, a folder of numbered frames, an in-situ tree."""
    if path.is_file() or path.suffix.lower() == ".zspy":
        return True
    try:
        if is_insitu_tree(path):
            return True
        return is_frame_series([file for file in path.iterdir() if file.is_file() and not file.name.startswith(".")])
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
