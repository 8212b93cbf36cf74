"""A folder that is watched: recordings are found, shown while they grow, and analysed when they are complete.

Strategy. One loop looks at every recording in turn and does what its state asks for; nothing in it waits. Live views
and analyses are processes of their own. The recording that is being written comes first: its view is never held back
by an analysis, and of the finished ones the latest is analysed first.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tem_track.errors import OutputError, TemTrackError
from tem_track.watch.follower import FollowRequest
from tem_track.watch.growth import Growth, look_at
from tem_track.watch.live_process import FOLLOWER, LiveProcess, remove_view
from tem_track.watch.page import write_page
from tem_track.watch.recording import ANALYSING, DONE, FAILED, OPEN, QUEUED, RECORDING, WAITING, Result, Target, Watched

# How often recordings are looked at, s; the folder is searched for new ones less often, and never for more than this
# share of the time.
LOOK_S, SEARCH_S, SEARCH_SHARE = 0.5, 1.0, 0.1
# Live views at a time: more than two cameras rarely write into one folder.
MOST_VIEWS = 4
LIVE_FOLDER = "live"

Find = Callable[[], Sequence[Target]]
Analyse = Callable[[Target, threading.Event, Callable[[Mapping[str, Any]], None]], Result]
"""Analyses a finished recording until it is done or the event is set; tells how it goes."""


class WatchReporter(Protocol):
    """Someone who is told what happens in the folder."""

    def show(self, recordings: Sequence[Watched]) -> None:
        """Show where all recordings stand; called several times a second."""

    def changed(self, recording: Watched, event: str) -> None:
        """Take note of a recording that was found, is being recorded, was updated, is complete, done or failed."""

    def note(self, text: str) -> None:
        """Take note of something about the whole folder."""


@dataclass(frozen=True)
class WatchOptions:
    """How a folder is watched.

    Attributes
    ----------
    every_s : float
        Time between updates of a live view.
    settle_s : float
        Without growth for so long a recording counts as finished.
    idle_s : float
        The watch ends when nothing has happened for so long; 0 = never.
    new_only : bool
        Leave alone what is complete when the watch begins.
    jobs : int
        Analyses at a time.
    """

    every_s: float = 2.0
    settle_s: float = 5.0
    idle_s: float = 0.0
    new_only: bool = False
    jobs: int = 1


@dataclass
class Watching:
    """The watch of one folder.

    Attributes
    ----------
    title : str
        Of the page.
    output : Path
        It exists; the page stands in it.
    find : callable
        Returns every movie there is.
    analyse : callable
        Analyses one; called in a thread of its own.
    reporter : WatchReporter
    report_of : callable
        Returns the link to a finished recording's report, relative to the page.
    options : WatchOptions
    search_s : float
        How often new recordings are looked for.
    viewer : tuple of str
        What is started for a live view.
    """

    title: str
    output: Path
    find: Find
    analyse: Analyse
    reporter: WatchReporter
    report_of: Callable[[Watched], str]
    options: WatchOptions = field(default_factory=WatchOptions)
    search_s: float = SEARCH_S
    viewer: tuple[str, ...] = FOLLOWER
    recordings: dict[str, Watched] = field(default_factory=dict)
    _views: dict[str, LiveProcess] = field(default_factory=dict)
    _analyses: dict[str, _Analysis] = field(default_factory=dict)
    _next_search: float = 0.0
    _next_page: float = 0.0
    _trouble: str = ""
    _last_event: float = 0.0
    _begun: float = 0.0

    def run(self, stop: threading.Event) -> None:
        """Watch until told to stop, or nothing has happened for as long as the options say.

        What cannot be written for a while is tried again; the reporter is told.
        """
        self._begun = self._last_event = time.monotonic()
        try:
            while not stop.is_set() and not self._is_idle():
                begin = time.monotonic()
                self.step()
                stop.wait(max(0.02, LOOK_S - (time.monotonic() - begin)))
        finally:
            self.end("stopped" if stop.is_set() else "ended: nothing new was recorded")

    def step(self) -> None:
        """Do what there is to do now."""
        now = time.monotonic()
        searching = now >= self._next_search
        if searching:
            self._search(now)
        for recording in list(self.recordings.values()):
            # What is analysed changes rarely: it is looked at when new ones are looked for.
            if searching or recording.state not in (DONE, FAILED):
                self._look(recording)
        if searching:
            done = time.monotonic()
            self._next_search = done + max(self.search_s, (done - now) / SEARCH_SHARE)
        self._begin_analyses()
        self._collect()
        if now >= self._next_page:
            self._next_page = now + max(0.5, self.options.every_s / 2)
            self._write_page()
        self.reporter.show(self.sorted())

    def end(self, words: str) -> None:
        """End all processes and write the page for the last time."""
        for analysis in self._analyses.values():
            analysis.stop.set()
        for view in self._views.values():
            view.tell_to_end()
        for view in self._views.values():
            view.end()
        for analysis in self._analyses.values():
            analysis.thread.join()
        self._collect()
        self._write_page(words)
        with suppress(OSError):  # a view of one that is not analysed yet stays
            (self.output / LIVE_FOLDER).rmdir()

    def _write_page(self, ended: str = "") -> None:
        """Write the page; a disk that is full or gone for a while does not end the watch."""
        try:
            write_page(self, ended)
            self._trouble = ""
        except OutputError as error:
            if str(error) != self._trouble:
                self.reporter.note(str(error))
            self._trouble = str(error)

    def sorted(self) -> list[Watched]:
        """Return all recordings, the one last written to first."""
        return sorted(self.recordings.values(), key=lambda one: -_mtime(one))

    def live_folder(self, recording: Watched) -> Path:
        """Return where the live view of a recording stands."""
        return self.output / LIVE_FOLDER / recording.target.run

    @property
    def failed(self) -> list[Watched]:
        """Return the recordings whose analysis failed."""
        return [one for one in self.recordings.values() if one.state == FAILED]

    @property
    def unfinished(self) -> list[Watched]:
        """Return the recordings that are not analysed."""
        return [one for one in self.recordings.values() if one.state not in (DONE, FAILED)]

    def _is_idle(self) -> bool:
        if not self.options.idle_s or self._analyses:
            return False
        return not self.unfinished and time.monotonic() - self._last_event > self.options.idle_s

    def _search(self, now: float) -> None:
        """Look for movies that are new."""
        try:
            found = self.find()
        except TemTrackError as error:
            found = []
            self.reporter.note(str(error))
        for target in found:
            if target.name not in self.recordings:
                self.recordings[target.name] = self._begun_with(target, now)
        for name in self.recordings.keys() - {target.name for target in found}:
            if self.recordings[name].state in OPEN and look_at(self.recordings[name].target.path) is None:
                self._drop(name)

    def _begun_with(self, target: Target, now: float) -> Watched:
        recording = Watched(target, Growth(self.options.settle_s))
        recording.growth.note(look_at(target.path), now, time.time())
        first = now - self._begun < LOOK_S
        if first and self.options.new_only and recording.growth.is_settled(now):
            recording.state, recording.message = DONE, "was there before the watch began"
            return recording
        recording.message = target.problem or "found"
        if target.problem:
            recording.state = FAILED
        self._tell(recording, "found")
        return recording

    def _drop(self, name: str) -> None:
        """Forget a recording that is gone."""
        view = self._views.pop(name, None)
        if view is not None:
            view.end()
            remove_view(view.folder)
        del self.recordings[name]

    def _look(self, recording: Watched) -> None:
        """Look at one recording and change its state where that is due."""
        now = time.monotonic()
        grown = recording.growth.note(look_at(recording.target.path), now, time.time())
        if grown and recording.state not in OPEN:
            self._recorded_again(recording)
        if recording.state in OPEN:
            if recording.growth.is_settled(now):
                self._complete(recording)
            elif recording.growth.grew:
                self._follow(recording)
        if grown:
            self._last_event = now

    def _recorded_again(self, recording: Watched) -> None:
        """Go back to watching a recording that was taken for finished too early, or is recorded anew."""
        analysis = self._analyses.get(recording.name)
        if analysis is not None:
            analysis.stop.set()
        recording.state, recording.message = WAITING, "goes on"

    def _follow(self, recording: Watched) -> None:
        """Keep the live view of a recording that grows."""
        view = self._views.get(recording.name)
        if view is None:
            if len(self._views) >= MOST_VIEWS:
                recording.message = "is being recorded; shown when there are fewer at a time"
                return
            try:
                view = self._views[recording.name] = LiveProcess(self._follow_request(recording), self.viewer)
            except OSError as error:
                recording.message = f"is being recorded; no live view: {error.strerror or error}"
                return
            recording.state, recording.message = RECORDING, "is being recorded"
            self._tell(recording, "recording")
        live = view.look()
        if live is None or live == recording.live:
            return
        before, recording.live, recording.message = recording.live, live, live.message
        if before is None or live.newest_frame != before.newest_frame:
            self._tell(recording, "update")

    def _follow_request(self, recording: Watched) -> FollowRequest:
        target, folder = recording.target, self.live_folder(recording)
        remove_view(folder)
        files = {name: target.files.get(name) for name in ("times", "temperature", "phases")}
        return FollowRequest(target.path, folder, target.settings, self.options.every_s, **files)

    def _complete(self, recording: Watched) -> None:
        """Queue the analysis of a recording that has stood still for long enough."""
        view = self._views.pop(recording.name, None)
        if view is not None:
            view.end()
        recording.state, recording.message = QUEUED, "complete; its analysis comes next"
        self._last_event = time.monotonic()
        self._tell(recording, "complete")

    def _begin_analyses(self) -> None:
        waiting = [one for one in self.sorted() if one.state == QUEUED and one.name not in self._analyses]
        for recording in waiting[: max(0, self.options.jobs - len(self._analyses))]:
            recording.state, recording.message = ANALYSING, "is being analysed"
            self._analyses[recording.name] = _Analysis(recording, self.analyse)
            self._tell(recording, "analysing")

    def _collect(self) -> None:
        """Take note of the analyses that have ended."""
        for name, analysis in list(self._analyses.items()):
            recording = analysis.recording
            if analysis.thread.is_alive():
                recording.progress = analysis.progress
                recording.message = _progress_words(analysis.progress) or recording.message
                continue
            del self._analyses[name]
            self._last_event = time.monotonic()
            result = analysis.result
            if recording.state != ANALYSING:
                continue
            if result.status == "stopped":
                recording.state, recording.message = QUEUED, "its analysis was stopped; the next watch goes on with it"
                continue
            recording.state = DONE if result.status in ("done", "unchanged") else FAILED
            # The name stands before the message anyway.
            reason = result.reason.removeprefix(f"{Path(recording.name).name}: ")
            recording.message = reason or ("analysed" if result.status == "done" else "was analysed before")
            if recording.state == DONE:
                remove_view(self.live_folder(recording))
            self._tell(recording, recording.state)

    def _tell(self, recording: Watched, event: str) -> None:
        self._next_page = 0.0
        self.reporter.changed(recording, event)


class _Analysis:
    """An analysis under way, in a thread that waits for its process."""

    def __init__(self, recording: Watched, analyse: Analyse):
        self.recording, self._analyse = recording, analyse
        self.stop = threading.Event()
        self.result = Result("failed", "its analysis ended without a word")
        self.progress: Mapping[str, Any] = {}
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        self.result = self._analyse(self.recording.target, self.stop, self._told)

    def _told(self, event: Mapping[str, Any]) -> None:
        self.progress = event


def _progress_words(event: Mapping[str, Any]) -> str:
    """Return how far an analysis is, "" where it has not said."""
    if event.get("event") not in ("stage", "progress"):
        return ""
    frames = event.get("total") or event.get("frames")
    return f"is being analysed: {event.get('stage')}, {event.get('done') or 0} of {frames} frames"


def _mtime(recording: Watched) -> int:
    look = recording.growth.look
    return look.mtime_ns if look is not None else 0
