"""A folder that is watched: what is found, followed, analysed, in which order, and how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tem_track.watch.follower import FollowRequest, next_frames
from tem_track.watch.live_process import LiveProcess, remove_view
from tem_track.watch.page import PAGE
from tem_track.watch.recording import ANALYSING, DONE, QUEUED, RECORDING, Result, Target, Watched
from tem_track.watch.state import LiveState, read_state, write_state
from tem_track.watch.watching import Watching, WatchOptions

# A live view that says it was started, writes one state, and waits for its pipe to close.
VIEWER = (
    sys.executable,
    "-c",
    "import json, sys; r = json.loads(sys.stdin.readline()); "
    "open(r['folder'] + '/state.json', 'w').write(json.dumps({'frames': 3, 'newest_frame': 2})); sys.stdin.read()",
)
CRASHER = (sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")


class Told:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self.notes: list[str] = []

    def show(self, recordings: Sequence[Watched]) -> None: ...

    def changed(self, recording: Watched, event: str) -> None:
        self.events.append((recording.name, event))

    def note(self, text: str) -> None:
        self.notes.append(text)


class Folder:
    """A folder of files that each are a movie; analyses end as the test says."""

    def __init__(self, path: Path):
        self.path = path
        path.mkdir()
        self.analysed: list[str] = []
        self.results: dict[str, Result] = {}
        self.hold = threading.Event()
        self.hold.set()

    def write(self, name: str, size: int, age_s: float = 0.0) -> None:
        (self.path / name).write_bytes(b"x" * size)
        then = time.time() - age_s
        os.utime(self.path / name, (then, then))

    def find(self) -> list[Target]:
        return [Target(file.name, file, file.stem) for file in sorted(self.path.iterdir())]

    def analyse(self, target: Target, stop: threading.Event, tell: Callable[[Mapping[str, Any]], None]) -> Result:
        self.analysed.append(target.name)
        while not self.hold.wait(0.02):
            if stop.is_set():
                return Result("stopped")
        return self.results.get(target.name, Result("done"))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "recordings")


def watching(folder: Folder, tmp_path: Path, **options: Any) -> tuple[Watching, Told]:
    told = Told()
    output = tmp_path / "results"
    output.mkdir(exist_ok=True)
    chosen = WatchOptions(**{"settle_s": 0.3, "every_s": 0.2, **options})
    watch = Watching("week", output, folder.find, folder.analyse, told, lambda one: f"runs/{one.target.run}", chosen)
    watch.search_s, watch.viewer = 0.0, VIEWER
    return watch, told


def until(condition: Callable[[], bool], watch: Watching, seconds: float = 60.0) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, [(one.name, one.state, one.message) for one in watch.recordings.values()]
        watch.step()
        time.sleep(0.02)


def state(watch: Watching, name: str) -> str:
    return watch.recordings[name].state if name in watch.recordings else ""


def test_what_is_complete_is_analysed_the_latest_first(folder: Folder, tmp_path: Path) -> None:
    folder.write("old.tif", 10, age_s=500)
    folder.write("new.tif", 10, age_s=100)
    watch, told = watching(folder, tmp_path)
    until(lambda: state(watch, "old.tif") == state(watch, "new.tif") == DONE, watch)
    assert folder.analysed == ["new.tif", "old.tif"]
    assert ("new.tif", "done") in told.events
    watch.end("ended")
    assert "runs/old" in (tmp_path / "results" / PAGE).read_text()


def test_a_recording_is_shown_while_it_grows_and_analysed_once_it_stands_still(folder: Folder, tmp_path: Path) -> None:
    watch, told = watching(folder, tmp_path)
    folder.write("a.tif", 10)
    watch.step()
    folder.write("a.tif", 20)
    until(lambda: state(watch, "a.tif") == RECORDING, watch)
    assert folder.analysed == []

    def grown() -> bool:
        folder.write("a.tif", (folder.path / "a.tif").stat().st_size + 1)
        live = watch.recordings["a.tif"].live
        return live is not None and live.newest_frame == 2

    until(grown, watch)
    until(lambda: state(watch, "a.tif") == DONE, watch)
    assert [event for _, event in told.events] == ["found", "recording", "update", "complete", "analysing", "done"]
    assert not (tmp_path / "results" / "live" / "a").exists()
    watch.end("ended")


def test_one_that_goes_on_after_a_pause_is_analysed_again(folder: Folder, tmp_path: Path) -> None:
    folder.write("a.tif", 10, age_s=100)
    watch, _ = watching(folder, tmp_path)
    until(lambda: state(watch, "a.tif") == DONE, watch)
    folder.write("a.tif", 30)
    until(lambda: state(watch, "a.tif") not in (DONE, ""), watch)
    until(lambda: state(watch, "a.tif") == DONE, watch)
    assert folder.analysed == ["a.tif", "a.tif"]
    watch.end("ended")


def test_growth_during_the_analysis_stops_it(folder: Folder, tmp_path: Path) -> None:
    folder.write("a.tif", 10, age_s=100)
    folder.hold.clear()
    watch, _ = watching(folder, tmp_path)
    until(lambda: state(watch, "a.tif") == ANALYSING, watch)
    folder.write("a.tif", 30)
    until(lambda: state(watch, "a.tif") not in (ANALYSING, QUEUED), watch)
    folder.hold.set()
    until(lambda: state(watch, "a.tif") == DONE, watch)
    assert len(folder.analysed) == 2
    watch.end("ended")


def test_a_failed_analysis_is_named_and_the_others_go_on(folder: Folder, tmp_path: Path) -> None:
    folder.write("bad.tif", 10, age_s=100)
    folder.write("good.tif", 10, age_s=200)
    folder.results["bad.tif"] = Result("failed", "bad.tif: truncated")
    watch, _ = watching(folder, tmp_path)
    until(lambda: state(watch, "good.tif") == DONE, watch)
    assert [(one.name, one.message) for one in watch.failed] == [("bad.tif", "truncated")]
    watch.end("ended")
    assert "truncated" in (tmp_path / "results" / PAGE).read_text()


def test_an_end_while_things_go_on_leaves_nothing_running(folder: Folder, tmp_path: Path) -> None:
    folder.write("done.tif", 10, age_s=100)
    folder.hold.clear()
    watch, _ = watching(folder, tmp_path)
    folder.write("grows.tif", 10)
    watch.step()
    folder.write("grows.tif", 20)
    until(lambda: state(watch, "grows.tif") == RECORDING and state(watch, "done.tif") == ANALYSING, watch)
    processes = [view._process for view in watch._views.values()]
    begin = time.monotonic()
    watch.end("stopped")
    assert time.monotonic() - begin < 8.0
    assert all(process is None or process.poll() is not None for process in processes)
    assert sorted(one.name for one in watch.unfinished) == ["done.tif", "grows.tif"]
    assert "stopped" in (tmp_path / "results" / PAGE).read_text()


def test_it_ends_by_itself_when_nothing_happens_but_not_before_all_is_analysed(folder: Folder, tmp_path: Path) -> None:
    folder.write("a.tif", 10)
    watch, _ = watching(folder, tmp_path, settle_s=0.6, idle_s=0.2)
    watch.run(threading.Event())
    assert folder.analysed == ["a.tif"]


def test_what_was_complete_before_can_be_left_alone(folder: Folder, tmp_path: Path) -> None:
    folder.write("old.tif", 10, age_s=100)
    watch, _ = watching(folder, tmp_path, new_only=True, idle_s=0.5)
    watch.run(threading.Event())
    assert folder.analysed == []


def test_a_view_that_crashes_is_given_up_and_says_so(tmp_path: Path) -> None:
    view = LiveProcess(FollowRequest(tmp_path / "a.tif", tmp_path / "live"), CRASHER)
    limit = time.monotonic() + 60
    found = None
    while not (found and "crashes" in found.message):
        assert time.monotonic() < limit
        found = view.look()
        time.sleep(0.02)
    view.end()


def test_a_view_ends_with_the_one_who_started_it(tmp_path: Path) -> None:
    request = FollowRequest(tmp_path / "none.tif", tmp_path)
    process = subprocess.Popen([sys.executable, "-m", "tem_track.watch.follow"], stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(request.as_json().encode() + b"\n")
    process.stdin.flush()
    time.sleep(0.3)
    process.stdin.close()
    assert process.wait(timeout=120) == 0


def test_a_request_travels_as_one_line() -> None:
    request = FollowRequest(Path("a b.tif"), Path("live"), every_s=1.5, temperature=Path("log.csv"))
    line = request.as_json()
    assert "\n" not in line
    assert FollowRequest.from_json(line) == request


def test_a_state_that_is_half_written_or_foreign_is_no_state(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None
    write_state(tmp_path, LiveState(frames=4, warnings=("one",)))
    assert read_state(tmp_path) == LiveState(frames=4, warnings=("one",))
    (tmp_path / "state.json").write_text(json.dumps({"frames": 2, "unknown": 1}))
    assert read_state(tmp_path) == LiveState(frames=2)
    (tmp_path / "state.json").write_text("[1]")
    assert read_state(tmp_path) is None


def test_only_its_own_files_are_removed_with_a_view(tmp_path: Path) -> None:
    write_state(tmp_path, LiveState())
    (tmp_path / "mine.txt").write_text("keep")
    remove_view(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("complete", [1, 5, 12, 100])
def test_the_newest_frame_is_measured_as_soon_as_the_first_ones_are(complete: int) -> None:
    chosen = next_frames(10, 11 + complete, 6)
    assert chosen[-1] == 10 + complete
    assert len(chosen) == min(6, complete)
    assert chosen == sorted(set(chosen))
    assert next_frames(-1, complete, 6) == list(range(min(6, complete)))


def test_a_page_that_cannot_be_written_is_said_once_and_does_not_end_the_watch(folder: Folder, tmp_path: Path) -> None:
    folder.write("a.tif", 10, age_s=100)
    watch, told = watching(folder, tmp_path)
    (tmp_path / "results" / PAGE).mkdir()
    until(lambda: state(watch, "a.tif") == DONE, watch)
    watch._next_page = 0.0
    watch.step()
    assert len(told.notes) == 1
    assert PAGE in told.notes[0]
    (tmp_path / "results" / PAGE).rmdir()
    watch.end("ended")
    assert (tmp_path / "results" / PAGE).is_file()
