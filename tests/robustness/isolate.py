"""One request in a process of its own, forked from one that has everything imported, with limits on time and memory."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# Seconds of processor time that a request may take, wall seconds for one that waits for ever (a machine may be shared),
# and the memory it may grow by.
SECONDS, WALL_SECONDS = 20, 600.0
GROWTH_BYTES = 2**30
# Address space beyond what the parent has: far above the limit, so that what would break it is seen, not hidden, and
# the machine survives all the same.
ADDRESS_BYTES = 6 * 2**30


@dataclass(frozen=True)
class Ended:
    """How a request ended.

    Attributes
    ----------
    status : int
        Exit code, or minus the number of the signal that ended it.
    seconds : float
        Processor time.
    grown_bytes : int
        Peak resident memory less that with which it began.
    said, complained : str
        Its standard output and error.
    hung : bool
        It was ended for taking too long.
    """

    status: int
    seconds: float
    grown_bytes: int
    said: str
    complained: str
    hung: bool = False


@dataclass
class Running:
    """A request under way."""

    number: int
    started: float
    folder: Path
    hung: bool = False


def start(work: Callable[[], int], folder: Path) -> Running:
    """Fork a process that does the work, its words going to files in `folder`."""
    number = os.fork()
    if number == 0:
        _live(work, folder)
    return Running(number, time.monotonic(), folder)


def finished(running: Running) -> Ended | None:
    """Return how a request ended, None while it runs; one that hangs is ended."""
    number, status, usage = os.wait4(running.number, os.WNOHANG)
    seconds = time.monotonic() - running.started
    if not number:
        if seconds > WALL_SECONDS and not running.hung:
            running.hung = True
            os.kill(running.number, signal.SIGKILL)
        return None
    # Linux counts in KiB, macOS in bytes.
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    said, complained, before = (_text(running.folder / name) for name in ("out", "err", "before"))
    code = os.waitstatus_to_exitcode(status)
    hung = running.hung or code == -signal.SIGXCPU
    return Ended(code, usage.ru_utime + usage.ru_stime, max(0, peak - int(before or peak)), said, complained, hung)


def _live(work: Callable[[], int], folder: Path) -> None:
    """Do the work in the forked process and end it, whatever happens."""
    code = 70
    try:
        space = _virtual_bytes() + ADDRESS_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (space, space))
        # The hard limit ends a process with the signal that says nothing.
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 5))
        # Here and not in the parent: pages of libraries that both share do not count in the child.
        (folder / "before").write_text(str(int(_statm()[1]) * resource.getpagesize()), encoding="ascii")
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for name, stream in (("out", 1), ("err", 2)):
            os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT, 0o600), stream)
        code = work()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def _virtual_bytes() -> int:
    return int(_statm()[0]) * resource.getpagesize()


def _statm() -> list[str]:
    return Path("/proc/self/statm").read_text(encoding="ascii").split()
