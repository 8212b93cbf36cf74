"""`tem-track watch` from outside: a movie is recorded, shown, analysed; and how the watch ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from recorders import PagesRecorder
from robustness.same_run import differences

from tem_track.cli import app, main
from tem_track.pipeline import Request, analyze
from tem_track.pipeline.reporter import Silence
from tem_track.settings import layered_settings
from tem_track.simulate import LithiationScene, simulate_lithiation

SCENE = LithiationScene(
    nio=1, core_shell=0, height_px=80, width_px=96, frames=10, frame_interval_s=50.0, onset_low_s=150.0,
    onset_high_s=200.0, pixel_size_nm=2.0, seed=3,
)  # fmt: skip
QUICK = {"output": {"overlay": False, "figures": False}}


@contextmanager
def started(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A watch that has begun to watch; killed in the end."""
    command = [sys.executable, "-m", "tem_track", "watch", str(folder / "recordings"), "-o", str(folder / "results")]
    quick = ["--set", "output.overlay=false", "--set", "output.figures=false"]
    told = [*command, "--json", "--settle", "1s", *quick, *words]
    with subprocess.Popen(told, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as watch:
        try:
            limit = time.monotonic() + 120
            while not (folder / "results" / "live.html").exists():
                assert watch.poll() is None
                assert time.monotonic() < limit
                time.sleep(0.05)
            yield watch
        finally:
            watch.kill()


def record(path: Path, frames: Sequence[Any], per_second: float) -> PagesRecorder:
    camera = PagesRecorder(path)
    for k in range(SCENE.frames):
        camera.write(frames[k])
        time.sleep(1 / per_second)
    return camera


@pytest.mark.slow
def test_a_recording_is_shown_then_analysed_as_by_analyze(tmp_path: Path) -> None:
    (tmp_path / "recordings").mkdir()
    simulated = simulate_lithiation(SCENE).frames
    frames = [np.asarray(simulated[k]) for k in range(SCENE.frames)]
    movie = tmp_path / "recordings" / "movie.tif"
    with started(
        tmp_path, "--idle", "4s", "--pixel-size", "2nm", "--frame-interval", "50s", "--every", "500ms"
    ) as watch:
        record(movie, frames, per_second=3)
        said, _ = watch.communicate(timeout=600)
        assert watch.returncode == 0
    lines = [json.loads(line) for line in said.splitlines()]
    events = [line["event"] for line in lines if line.get("movie") == "movie.tif"]
    assert [event for event in events if event != "update"] == ["found", "recording", "complete", "analysing", "done"]
    assert not (tmp_path / "results" / "live").exists()
    assert "ended: nothing new was recorded" in (tmp_path / "results" / "live.html").read_text()
    run = tmp_path / "results" / "runs" / "movie"
    command = tuple(json.loads((run / "run.json").read_text())["command"])
    given = {"input": {"pixel_size_nm": 2.0, "frame_interval_s": 50.0}}
    settings, sources = layered_settings(("command line", QUICK), ("command line", given))
    analyze(Request(movie, tmp_path / "alone", settings, sources, command=command), Silence())
    assert differences(run, tmp_path / "alone") == []
    record_before = (run / "run.json").stat().st_mtime_ns
    words = ["batch", str(tmp_path / "recordings"), "-o", str(tmp_path / "results"), "--pixel-size", "2nm"]
    options = ["--frame-interval", "50s", "--set", "output.overlay=false", "--set", "output.figures=false"]
    together = CliRunner().invoke(app, [*words, *options])
    assert together.exit_code == 0
    assert (tmp_path / "results" / "index.html").is_file()
    assert (run / "run.json").stat().st_mtime_ns == record_before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_says_how_to_go_on(number: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "recordings").mkdir()
    with started(tmp_path) as watch:
        begin = time.monotonic()
        watch.send_signal(number)
        said, _ = watch.communicate(timeout=30)
        assert watch.returncode == 128 + number
        assert time.monotonic() - begin < 10
    assert "stopped" in (tmp_path / "results" / "live.html").read_text()
    assert "run the same command again" in json.loads(said.splitlines()[-1])["message"]


@pytest.mark.skipif(os.name == "nt", reason="kills as POSIX does")
def test_two_watches_do_not_write_into_one_folder(tmp_path: Path) -> None:
    (tmp_path / "recordings").mkdir()
    with started(tmp_path):
        second = CliRunner().invoke(app, ["watch", str(tmp_path / "recordings"), "-o", str(tmp_path / "results")])
    assert second.exit_code == 1
    assert "is being written by process" in str(second.exception)
    # The killed watch left its lock and its page; the next one goes on.
    words = [sys.executable, "-m", "tem_track", "watch", str(tmp_path / "recordings"), "-o", str(tmp_path / "results")]
    assert subprocess.run([*words, "--idle", "100ms"], check=False, capture_output=True).returncode == 0


def test_nothing_is_left_running_when_the_watch_is_killed(tmp_path: Path) -> None:
    (tmp_path / "recordings").mkdir()
    frame = np.asarray(simulate_lithiation(SCENE).frames[0])
    stop = threading.Event()
    camera = PagesRecorder(tmp_path / "recordings" / "movie.tif")

    def keep_writing() -> None:
        while not stop.wait(0.2):
            camera.write(frame)

    writer = threading.Thread(target=keep_writing)
    with started(tmp_path) as watch:
        writer.start()
        try:
            limit = time.monotonic() + 120
            while not (viewers := _viewers(watch.pid)):
                assert time.monotonic() < limit
                time.sleep(0.05)
            watch.kill()
            watch.wait()
            while any(_runs(pid) for pid in viewers):
                assert time.monotonic() < limit
                time.sleep(0.05)
        finally:
            stop.set()
            writer.join()


def _viewers(parent: int) -> list[int]:
    import psutil

    return [child.pid for child in psutil.Process(parent).children(recursive=True)]


def _runs(pid: int) -> bool:
    import psutil

    return bool(psutil.pid_exists(pid)) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_help_explains_the_settling_and_the_page() -> None:
    text = CliRunner().invoke(app, ["watch", "--help"]).output
    for words in ("--settle", "--idle", "live.html", "Ctrl-C", "tem-track batch FOLDER"):
        assert words in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["none"], "no such file or folder"),
        (["here", "-o", "here"], "is what is watched"),
        (["here", "-o", "full"], "is not empty"),
        (["here", "--set", "track.nonsense=1"], "nonsense"),
    ],
)
def test_a_mistake_is_one_line(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("x")
    assert main(["watch", *words]) == 1
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
