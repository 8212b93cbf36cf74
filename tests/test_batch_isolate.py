"""A movie's process is ended with a reason when it crashes, hangs, or eats memory, and never outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from tem_track.batch.isolate import Limits, run_isolated
from tem_track.batch.order import Ending, Order

ORDER = Order("movie.tif", "run")


def ended(code: str, limits: Limits | None = None, **options: object) -> Ending:
    return run_isolated(ORDER, limits or Limits(), command=(sys.executable, "-c", code), **options)  # type: ignore[arg-type]


def test_a_process_that_finishes_is_done() -> None:
    events = []
    code = 'print(\'{"event": "stage"}\'); print(\'{"event": "finished", "status": "unchanged"}\', flush=True)'
    ending = ended(code, listen=events.append)
    assert ending.status == "unchanged"
    assert [event["event"] for event in events] == ["stage", "finished"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed from outside"),
        ("import sys; sys.exit(3)", "exit code 3"),
        ("print('no json', '\\xff'); raise ValueError('x')", "exit code 1"),
        ("import os; os.write(1, b'[]\\n{}\\n' + b'x' * 10**6)", "exit code 0"),
    ],
)
def test_a_process_that_dies_is_named_with_how(code: str, words: str) -> None:
    ending = ended(code)
    assert ending.status == "failed"
    assert words in ending.reason


def test_what_it_said_last_is_kept_for_the_log() -> None:
    assert "ValueError: x" in ended("raise ValueError('x')").log


def test_one_that_takes_too_long_is_ended() -> None:
    ending = ended("import time; time.sleep(60)", Limits(timeout_s=0.3))
    assert "--timeout" in ending.reason
    assert ending.seconds < 10


def test_one_that_neither_speaks_nor_works_is_ended() -> None:
    assert "hangs" in ended("import time; time.sleep(60)", Limits(silent_s=0.5)).reason


def test_one_that_works_in_silence_is_left_alone() -> None:
    code = "import time; end = time.process_time() + 1.2\nwhile time.process_time() < end: pass"
    assert "exit code 0" in ended(code, Limits(silent_s=0.8)).reason


def test_one_that_eats_memory_is_ended() -> None:
    code = "import time\nfull = []\nwhile True: full.append(bytearray(2**23)); time.sleep(0.01)"
    ending = ended(code, Limits(memory_bytes=2**27))
    assert "128 MiB" in ending.reason
    assert ending.peak_bytes < 2**29


def test_memory_mapped_from_a_file_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(2**27))
    code = (
        f"import mmap, time; file = open({str(tmp_path / 'large')!r}, 'rb')\n"
        "m = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)\n"
        "n = sum(m[k] for k in range(0, len(m), 4096)); time.sleep(0.5)\n"
        'print(\'{"event": "finished", "status": "done"}\', flush=True)'
    )
    assert ended(code, Limits(memory_bytes=2**26)).status == "done"


def test_a_single_huge_allocation_is_refused_before_it_is_touched() -> None:
    code = (
        "from tem_track.batch.worker import limit_memory; limit_memory(2**26)\n"
        "try: bytearray(2**32)\nexcept MemoryError: raise SystemExit(12)"
    )
    ending = ended(code, Limits(memory_bytes=2**26))
    assert "64 MiB" in ending.reason
    assert ending.peak_bytes < 2**28


def test_a_stopped_batch_ends_it_within_two_seconds() -> None:
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    started = time.monotonic()
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    assert ended(code, stop=stop).status == "stopped"
    assert time.monotonic() - started < 6


def test_what_it_started_ends_with_it(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid)); time.sleep(60)"
    )
    ended(code, Limits(timeout_s=2.0))
    assert gone(int((tmp_path / "pid").read_text()))


def gone(pid: int, within_s: float = 5.0) -> bool:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes end with their parent by other means here")
@pytest.mark.parametrize("busy", ["time.sleep(60)", "exec('while True: pass')"])
def test_it_ends_when_its_parent_is_killed(busy: str, tmp_path: Path) -> None:
    child = (
        "import os, time; from tem_track.batch.worker import end_with_parent; end_with_parent(); "
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); {busy}"
    )
    parent = (
        "import sys; from tem_track.batch.isolate import *; from tem_track.batch.order import Order\n"
        f"run_isolated(Order('a', 'b'), Limits(), command=(sys.executable, '-c', {child!r}))"
    )
    started = subprocess.Popen([sys.executable, "-c", parent])
    end = time.monotonic() + 30
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < end
        time.sleep(0.05)
    started.send_signal(signal.SIGKILL)
    started.wait()
    assert gone(int((tmp_path / "pid").read_text()))
