"""Ctrl-C and SIGTERM: an end within two seconds, even where the program itself cannot answer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from tem_track.stopping import Stopped, stop_line, stops_promptly


def nothing() -> None:
    """Let go of nothing."""


def signalled(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(5)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_an_exit_code(number: signal.Signals, code: int) -> None:
    with pytest.raises(Stopped) as caught, stops_promptly("stopped", nothing, 60):
        signalled(number)
    assert caught.value.exit_code == code


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A process started in the background of a shell ignores SIGINT; this one does not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_afterwards_signals_do_what_they_did_before() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with stops_promptly("stopped", nothing):
        assert signal.getsignal(signal.SIGTERM) != before[1]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    with pytest.raises(KeyboardInterrupt):
        signalled(signal.SIGINT)


def test_away_from_the_main_thread_nothing_is_set_up() -> None:
    done: list[bool] = []

    def inside() -> None:
        with stops_promptly("stopped", nothing):
            done.append(True)

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert done == [True]


# A thread that holds no lock of the interpreter, and a main thread that waits for it without asking for signals.
STUCK = """
import threading, time
from concurrent.futures import ThreadPoolExecutor
from tem_track.stopping import stops_promptly
with stops_promptly("stopped; last words", lambda: print("let go", flush=True), 0.3):
    with ThreadPoolExecutor(2) as pool:
        pool.submit(time.sleep, 30)
        print("ready", flush=True)
        time.sleep(30)
"""


def test_a_process_that_waits_for_its_threads_is_ended() -> None:
    process = subprocess.Popen([sys.executable, "-c", STUCK], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=10)
    assert process.returncode == 143
    assert out == "let go\n"
    assert err == "tem-track: stopped; last words\n"


def test_a_program_that_leaves_in_time_is_not_ended_from_outside() -> None:
    with pytest.raises(Stopped), stops_promptly("stopped", nothing, 0.1):
        signalled(signal.SIGTERM)
    # Long enough for the watching thread to have ended this very process.
    time.sleep(0.5)


LEAVES_A_THREAD = """
import sys, threading, time
from tem_track.stopping import end_at_once
threading.Thread(target=time.sleep, args=(30,)).start()
sys.stdout.write("said")
end_at_once(130)
"""


def test_a_thread_does_not_keep_the_process_alive() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LEAVES_A_THREAD], capture_output=True, text=True, timeout=10, check=False
    )
    assert (done.returncode, done.stdout) == (130, "said")


def test_the_line_says_how_to_go_on() -> None:
    assert stop_line(["analyze", "a.tif"]).endswith("run the same command again to go on")
    assert "without --overwrite" in stop_line(["analyze", "a.tif", "--overwrite"])
