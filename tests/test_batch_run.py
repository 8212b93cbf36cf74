"""A whole batch: every movie that can be finished is, every other one is named, and a rerun does what is missing."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from robustness.same_run import differences

from tem_track.batch import BatchRequest, on_this_machine, plan_batch, run_batch
from tem_track.batch.isolate import Limits
from tem_track.batch.local import run_local
from tem_track.batch.manifest import manifest_text
from tem_track.batch.order import Ending
from tem_track.batch.request import request_of
from tem_track.errors import InputError, OutputError, SettingsError
from tem_track.simulate import LithiationScene, simulate_lithiation
from tem_track.write.simulation import write_simulation

SCENE = LithiationScene(
    nio=1,
    core_shell=0,
    height_px=88,
    width_px=96,
    frames=8,
    frame_interval_s=40.0,
    onset_low_s=80.0,
    onset_high_s=120.0,
    pixel_size_nm=2.0,
    drift_px=0.4,
)
QUICK = (("command line", {"output": {"overlay": False, "figures": False}}),)
# The worker itself, but for movies whose names ask for a fault: what a decoder may do to its process.
FAULTY = """
import json, os, signal, sys, time
line = sys.stdin.readline()
name = os.path.basename(json.loads(line)["movie"])
if name.startswith("crash"):
    os.kill(os.getpid(), signal.SIGSEGV)
if name.startswith("hang"):
    time.sleep(600)
if name.startswith("hungry"):
    full = []
    while True:
        full.append(bytearray(2**24))
class Input:
    def readline(self):
        return line
    def read(self, size):
        return sys.__stdin__.read(size)
sys.stdin = Input()
from tem_track.batch.worker import main
sys.exit(main())
"""


class Notebook:
    """A reporter that takes notes."""

    def __init__(self) -> None:
        self.endings: dict[str, Ending] = {}
        self.movies = 0
        self.lock = threading.Lock()

    def begin(self, movies: int) -> None:
        self.movies = movies

    def event(self, movie: str, event: Mapping[str, Any]) -> None:
        pass

    def ended(self, movie: str, ending: Ending) -> None:
        with self.lock:
            assert movie not in self.endings
            self.endings[movie] = ending

    def note(self, text: str) -> None:
        pass


def rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return {row["movie"]: row for row in csv.DictReader(stream)}


def contents(folder: Path) -> dict[str, bytes]:
    """Return what a batch put together, without its log and its timings."""
    files = [path for path in folder.rglob("*") if path.is_file() and "runs" not in path.relative_to(folder).parts]
    return {path.name: path.read_bytes() for path in files if path.name not in ("log.txt", "timings.csv")}


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    write_simulation(simulate_lithiation(replace(SCENE, seed=5)), folder, overwrite=True)
    return folder / "movie.tif"


@pytest.fixture(scope="module")
def week(movie: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with good movies and every kind of bad one."""
    folder = tmp_path_factory.mktemp("week")
    whole = movie.read_bytes()
    for name in ("NiO/good.tif", "=cmd|<b>.tif", "crash.tif", "hang.tif", "hungry.tif"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(whole)
        # A file that was written a moment ago is read again at every look.
        os.utime(folder / name, (1.7e9, 1.7e9))
    (folder / "truncated.tif").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.tif").write_bytes(b"")
    (folder / "wrong.tif").write_text("hello")
    os.mkfifo(folder / "pipe.tif")
    (folder / "loop").symlink_to(".")
    return folder


@pytest.fixture(scope="module")
def outcome(week: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Notebook]:
    output = tmp_path_factory.mktemp("results") / "out"
    plan = plan_batch(BatchRequest(week, output, above=QUICK))
    notebook = Notebook()
    limits = Limits(memory_bytes=2**30, timeout_s=60.0, silent_s=3.0)
    command = (sys.executable, "-c", FAULTY)
    found = run_batch(plan, notebook, limits, lambda orders, own, tell: run_local(orders, own, tell, 2, command))
    assert (found.done, found.unchanged, len(found.failed)) == (2, 0, 7)
    return output, notebook


def test_every_good_movie_is_done_and_every_bad_one_named(outcome: tuple[Path, Notebook]) -> None:
    output, notebook = outcome
    assert len(notebook.endings) == notebook.movies == 9
    found = rows(output / "batch.csv")
    reasons = {name: row["reason"] for name, row in found.items() if row["status"] == "failed"}
    words = {
        "crash.tif": "SIGSEGV",
        "hang.tif": "hangs",
        "hungry.tif": "1 GiB",
        "truncated.tif": "truncated",
        "empty.tif": "empty",
        "wrong.tif": "not an image",
        "pipe.tif": "not an ordinary file",
    }
    assert reasons.keys() == words.keys()
    for name, word in words.items():
        assert word in reasons[name]
    assert found["NiO/good.tif"]["status"] == found["'=cmd|<b>.tif"]["status"] == "done"
    assert found["NiO/good.tif"]["particles"] == "1"


def test_all_tracks_stand_together(outcome: tuple[Path, Notebook]) -> None:
    with (outcome[0] / "tracks.csv").open(newline="", encoding="utf-8") as stream:
        tracks = list(csv.DictReader(stream))
    assert {(row["movie"], row["folder"]) for row in tracks} == {("NiO/good.tif", "NiO"), ("'=cmd|<b>.tif", ".")}
    for name in ("tracks.parquet", "particles.csv", "curves.csv", "conditions.csv", "index.html"):
        assert (outcome[0] / name).is_file()
    assert "=cmd|<b>" not in (outcome[0] / "index.html").read_text(encoding="utf-8")


def test_a_rerun_does_only_what_is_missing(outcome: tuple[Path, Notebook], week: Path) -> None:
    output, first = outcome
    before = contents(output)
    plan = plan_batch(BatchRequest(week, output, above=QUICK))
    reasons = {job.entry.run: first.endings[job.entry.movie].reason for job in plan.jobs}
    begun = []

    def fail_again(orders: Any, limits: Limits, tell: Any) -> Any:
        begun.extend(run for run, _ in orders)
        return iter([(run, Ending("failed", reasons[run])) for run, _ in orders])

    assert run_batch(plan, Notebook(), engine=fail_again).unchanged == 2
    assert len(begun) == 7
    assert contents(output) == before


def test_a_stage_is_forced_in_every_movie(outcome: tuple[Path, Notebook], week: Path, tmp_path: Path) -> None:
    output = shutil.copytree(outcome[0], tmp_path / "out")
    plan = plan_batch(BatchRequest(week, output, above=QUICK, from_stage="expansion"))
    orders = {}

    def refuse(wanted: Any, limits: Limits, tell: Any) -> Any:
        orders.update(wanted)
        return iter([(run, Ending("failed", "not now")) for run, _ in wanted])

    assert run_batch(plan, Notebook(), engine=refuse).unchanged == 0
    assert {order.from_stage for order in orders.values()} == {"expansion"}
    assert request_of(next(iter(orders.values()))).from_stage == "expansion"
    with pytest.raises(SettingsError, match="no such stage"):
        plan_batch(BatchRequest(week, output, above=QUICK, from_stage="drifft"))


def test_another_number_of_jobs_gives_the_same_bytes(
    outcome: tuple[Path, Notebook], week: Path, movie: Path, tmp_path: Path
) -> None:
    (tmp_path / "week" / "NiO").mkdir(parents=True)
    (tmp_path / "week" / "NiO" / "good.tif").write_bytes(movie.read_bytes())
    plan = plan_batch(BatchRequest(tmp_path / "week", tmp_path / "out", above=QUICK))
    run_batch(plan, Notebook(), engine=on_this_machine(1))
    assert differences(outcome[0] / "runs" / "NiO__good", tmp_path / "out" / "runs" / "NiO__good") == []


def test_the_command_ends_with_what_failed(week: Path, outcome: tuple[Path, Notebook], tmp_path: Path) -> None:
    (tmp_path / "week").mkdir()
    (tmp_path / "week" / "empty.tif").write_bytes(b"")
    command = [sys.executable, "-m", "tem_track", "batch", "week", "-o", "out"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 1
    assert "1 failed" in done.stdout
    assert done.stderr.splitlines()[-1] == "failed empty.tif: the file is empty"


def test_a_dry_run_prints_a_manifest_that_reads_back(movie: Path, tmp_path: Path) -> None:
    (tmp_path / "week" / "NiO").mkdir(parents=True)
    (tmp_path / "week" / "NiO" / "a.tif").write_bytes(movie.read_bytes())
    (tmp_path / "week" / "NiO" / "a.csv").write_text("time_s,temp_C\n0,20\n400,60\n")
    (tmp_path / "week" / "NiO" / "a.toml").write_text("[track]\nmax_gap_frames = 4\n")
    command = [sys.executable, "-m", "tem_track", "batch", "week", "-o", "out", "--dry-run"]
    done = subprocess.run(command, capture_output=True, cwd=tmp_path, timeout=120, check=True)
    assert not (tmp_path / "out").exists()
    (tmp_path / "movies.csv").write_bytes(done.stdout)
    plan = plan_batch(BatchRequest(tmp_path / "week", tmp_path / "out", manifest=tmp_path / "movies.csv"))
    (job,) = plan.jobs
    assert job.entry.files == {"settings": "NiO/a.toml", "temperature": "NiO/a.csv"}
    assert job.settings.track.max_gap_frames == 4
    assert job.sources["track"]["max_gap_frames"] == "a.toml"


def test_movies_with_hostile_names_are_found_again_through_a_manifest(tmp_path: Path) -> None:
    week = tmp_path / "week"
    week.mkdir()
    names = ["=cmd|' calc'!A0.tif", "a;@b.tif", "line\nend\x1b[31m.tif", "-1.tif", "'quoted'.tif", "plain.tif"]
    for name in names:
        (week / name).write_bytes(b"x")
        (week / name.replace(".tif", ".toml")).write_text("[track]\nmax_gap_frames = 4\n")
    first = plan_batch(BatchRequest(week, tmp_path / "out"))
    (tmp_path / "m.csv").write_text(manifest_text([job.entry for job in first.jobs], first.conditions))
    assert "\x1b" not in (tmp_path / "m.csv").read_text()
    again = plan_batch(BatchRequest(week, tmp_path / "out", manifest=tmp_path / "m.csv"))
    assert sorted(job.entry.movie for job in again.jobs) == sorted(names)
    assert [job.entry for job in again.jobs] == [job.entry for job in first.jobs]
    assert all(job.settings.track.max_gap_frames == 4 for job in again.jobs)


def test_settings_lie_over_each_other_in_their_order(tmp_path: Path) -> None:
    for name in ("a.tif", "b.tif"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "a.toml").write_text("[track]\nmax_gap_frames = 4\n[expansion]\nv0_frames = 2\n")
    (tmp_path / "m.csv").write_text("movie,material,expansion.v0_frames\na.tif,NiO,3\nb.tif,CuO,\n")
    below = (("all.toml", {"track": {"max_gap_frames": 7}, "expansion": {"v0_frames": 9}}),)
    request = BatchRequest(tmp_path, tmp_path / "out", manifest=tmp_path / "m.csv", below=below)
    first, second = plan_batch(request).jobs
    assert (first.settings.track.max_gap_frames, first.settings.expansion.v0_frames) == (4, 3)
    assert (second.settings.track.max_gap_frames, second.settings.expansion.v0_frames) == (7, 9)
    above = (("command line", {"expansion": {"v0_frames": 5}}),)
    first, second = plan_batch(replace(request, above=above)).jobs
    assert first.settings.expansion.v0_frames == second.settings.expansion.v0_frames == 5


def test_what_cannot_be_begun_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "week").mkdir()
    with pytest.raises(InputError, match="no movies"):
        plan_batch(BatchRequest(tmp_path / "week", tmp_path / "out"))
    (tmp_path / "week" / "a.tif").write_bytes(b"x")
    with pytest.raises(OutputError, match="folder of the movies"):
        plan_batch(BatchRequest(tmp_path / "week", tmp_path / "week"))
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("mine")
    with pytest.raises(OutputError, match="not empty"):
        plan_batch(BatchRequest(tmp_path / "week", tmp_path / "thesis"))
    with pytest.raises(SettingsError, match="no such condition"):
        plan_batch(BatchRequest(tmp_path / "week", tmp_path / "out", by=("voltage",)))
