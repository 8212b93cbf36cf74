"""A cluster gives what this machine gives, byte for byte, also when one of its workers is killed in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from robustness.same_run import differences
from test_batch_run import QUICK, SCENE, Notebook, contents

from tem_track.batch import BatchRequest, on_this_machine, plan_batch, run_batch
from tem_track.batch.cluster import MOST_TRIES, carry_out
from tem_track.batch.order import Order
from tem_track.simulate import simulate_lithiation
from tem_track.write.simulation import write_simulation

pytest.importorskip("distributed", reason="dask.distributed is not installed")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[Path, list[subprocess.Popen[bytes]]]]:
    """Start a scheduler and two workers of one task each; yield the scheduler's file and the workers."""
    file = tmp_path / "scheduler.json"
    common = ("--scheduler-file", str(file), "--no-dashboard")
    local = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    started = [
        subprocess.Popen([sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", *common], **local)  # type: ignore[call-overload]
    ]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--nthreads", "1", "--no-nanny", *common]
    started += [subprocess.Popen(worker, **local) for _ in range(2)]  # type: ignore[call-overload]
    wait_for(file.is_file)
    yield file, started[1:]
    for process in started:
        process.kill()
        process.wait()


def wait_for(there: object, limit_s: float = 120.0) -> None:
    end = time.monotonic() + limit_s
    while not there():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_gives_the_same_bytes(
    cluster: tuple[Path, list[subprocess.Popen[bytes]]], tmp_path: Path
) -> None:
    file, workers = cluster
    week = tmp_path / "week"
    for seed in (5, 6):
        write_simulation(simulate_lithiation(replace(SCENE, seed=seed)), tmp_path / "made", overwrite=True)
        week.mkdir(exist_ok=True)
        (tmp_path / "made" / "movie.tif").rename(week / f"movie_{seed}.tif")
    switches = [
        word for group, names in QUICK[0][1].items() for name in names for word in ("--set", f"{group}.{name}=false")
    ]
    command = [sys.executable, "-m", "tem_track", "batch", str(week), "-o", str(tmp_path / "far"), *switches]
    batch = subprocess.Popen([*command, "--scheduler", str(file)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    # Both workers have begun a movie: one of them is lost in the middle of it.
    wait_for(lambda: len(list((tmp_path / "far").glob(".cluster-*/*.1"))) == 2)
    time.sleep(1.0)
    workers[0].send_signal(signal.SIGKILL)
    _, words = batch.communicate(timeout=300)
    assert batch.returncode == 0, words
    plan = plan_batch(BatchRequest(week, tmp_path / "near", above=QUICK))
    run_batch(plan, Notebook(), engine=on_this_machine(1))
    assert contents(tmp_path / "far") == contents(tmp_path / "near")
    for run in ("movie_5", "movie_6"):
        assert differences(tmp_path / "far" / "runs" / run, tmp_path / "near" / "runs" / run) == []


def test_a_movie_that_kills_its_workers_is_given_up(tmp_path: Path) -> None:
    token = tmp_path / ".cluster-x" / "waiting"
    token.parent.mkdir()
    token.write_text("")
    for number in range(1, MOST_TRIES + 1):
        (token.parent / f"run.{number}").touch()
    ending = carry_out(Order("a.tif", "run").to_json(), {}, str(token), "run", version())
    assert ending["status"] == "failed"
    assert "died" in ending["reason"]


def test_a_worker_of_another_version_or_without_the_folder_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tem_track.batch.cluster._SHOWN_AFTER_S", 0.0)
    order = Order("a.tif", "run").to_json()
    assert "not 0.0" in carry_out(order, {}, str(tmp_path / "waiting"), "run", "0.0")["reason"]
    assert "shared" in carry_out(order, {}, str(tmp_path / "waiting"), "run", version())["reason"]


@pytest.mark.parametrize("address", ["none.json", "tcp://127.0.0.1:9", "nonsense://x"])
def test_a_scheduler_that_does_not_answer_is_said_in_one_line(address: str, tmp_path: Path) -> None:
    (tmp_path / "week").mkdir()
    (tmp_path / "week" / "a.tif").write_bytes(b"x")
    command = [sys.executable, "-m", "tem_track", "batch", str(tmp_path / "week"), "-o", str(tmp_path / "out")]
    environment = {**os.environ, "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "1s"}
    command += ["--scheduler", address]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "--scheduler" in done.stderr


def version() -> str:
    from tem_track import __version__

    return __version__
