"""One process at a time in a run folder; a lock of one that is gone is taken over, one that may live is not."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tem_track.errors import OutputError
from tem_track.write.files import LOCK
from tem_track.write.lock import check_not_locked, let_go_of_all, locked, unlock

HOLD = """
import sys, time
from pathlib import Path
from tem_track.write.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def owner(folder: Path) -> dict[str, object]:
    content = json.loads((folder / LOCK).read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


@pytest.fixture
def elsewhere(tmp_path: Path) -> subprocess.Popen[str]:
    """Another process that holds the lock of tmp_path until it is killed."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_lock_names_its_process_and_is_gone_afterwards(tmp_path: Path) -> None:
    with locked(tmp_path):
        assert owner(tmp_path)["process"] == os.getpid()
        assert owner(tmp_path)["computer"] == platform.node()
    assert not list(tmp_path.iterdir())


def test_a_lock_is_gone_after_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), locked(tmp_path):
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_the_same_process_does_not_hold_a_folder_twice(tmp_path: Path) -> None:
    with locked(tmp_path):
        with pytest.raises(OutputError, match="is being written"), locked(tmp_path):
            pass
        assert (tmp_path / LOCK).exists()


def test_a_living_process_is_left_alone_and_a_killed_one_is_not(
    tmp_path: Path, elsewhere: subprocess.Popen[str]
) -> None:
    for asked in (lambda: check_not_locked(tmp_path), lambda: locked(tmp_path).__enter__()):
        with pytest.raises(OutputError, match=f"being written by process {elsewhere.pid} on") as caught:
            asked()
        assert "\n" not in str(caught.value)
        assert str(tmp_path / LOCK) in str(caught.value)
    # Killed at once; its parent has not even asked what became of it.
    elsewhere.kill()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            check_not_locked(tmp_path)
            break
        except OutputError:
            time.sleep(0.02)
    with locked(tmp_path):
        assert owner(tmp_path)["process"] == os.getpid()


@pytest.mark.parametrize(
    ("change", "stale"),
    [
        ({}, False),
        ({"process": 2**22 + 1}, True),
        ({"process": "none"}, True),
        ({"began": "before the last start of the computer 12"}, True),
        ({"computer": "microscope-pc"}, False),
        ({"container": "pid:[1]"}, False),
    ],
    ids=str,
)
def test_a_stale_lock_is_known_by_process_start_and_computer(
    tmp_path: Path, change: dict[str, object], stale: bool
) -> None:
    if not Path("/proc/self/stat").exists():
        pytest.skip("only Linux tells when a process began")
    with locked(tmp_path):
        said = owner(tmp_path)
    (tmp_path / LOCK).write_text(json.dumps(said | change), encoding="utf-8")
    if stale:
        with locked(tmp_path):
            pass
        assert not (tmp_path / LOCK).exists()
    else:
        with pytest.raises(OutputError, match=r"remove .*lock"), locked(tmp_path):
            pass
        unlock(tmp_path)
        check_not_locked(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", "\x00"])
def test_a_lock_that_says_nothing_is_taken_over(tmp_path: Path, content: str) -> None:
    (tmp_path / LOCK).write_text(content, encoding="utf-8")
    with locked(tmp_path):
        assert owner(tmp_path)["process"] == os.getpid()


def test_of_many_processes_one_gets_the_lock(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text("", encoding="utf-8")
    code = HOLD.replace("time.sleep(60)", "sys.stdin.read()")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    many = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], text=True, **pipes) for _ in range(4)]
    deadline = time.monotonic() + 60
    while sum(process.poll() is None for process in many) > 1 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert sorted(process.communicate()[0] for process in many) == ["", "", "", "held\n"]
    assert not (tmp_path / LOCK).exists()


def test_all_locks_can_be_let_go_of_at_once(tmp_path: Path) -> None:
    with locked(tmp_path):
        let_go_of_all()
        assert not (tmp_path / LOCK).exists()


def test_another_ones_lock_is_not_removed(tmp_path: Path) -> None:
    with locked(tmp_path):
        theirs = json.dumps(owner(tmp_path) | {"process": 1})
        (tmp_path / LOCK).write_text(theirs, encoding="utf-8")
    assert (tmp_path / LOCK).read_text(encoding="utf-8") == theirs
