"""The process of one movie: an `Order` in one line on standard input, events as lines of JSON on standard output.

It ends with whoever started it: the kernel is asked to see to that, and standard input closes when the other side is
gone. Nothing heavy is imported before the limits stand.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from tem_track.batch.order import Order
from tem_track.environment import THREADS, quiet_libraries
from tem_track.errors import failure_line

# Private writable memory, which the kernel can limit, is 1.6 times what is used (465 to 291 MiB on a sample movie, the
# rest being stacks and arenas never touched). The budget itself is watched from outside; this stops a single huge
# allocation before it is touched.
_LIMIT_FACTOR, _LIMIT_EXTRA = 2, 512 * 2**20
# Progress is told at most this often, s.
_QUIET_S = 0.5
# prctl(2): the signal to get when the parent ends.
_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Read an order, carry it out, tell how it went; return the exit code."""
    end_with_parent()
    faulthandler.enable()
    # Libraries that print must not get between the lines that are read at the other side.
    told = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace")
    os.dup2(2, 1)
    order = Order.from_json(sys.stdin.readline())
    threading.Thread(target=_end_with_input, daemon=True).start()
    limit_memory(order.memory_bytes)
    os.environ[THREADS] = str(order.threads)
    quiet_libraries()
    teller = Teller(told)
    try:
        status = _analyse(order, teller)
    except Exception as error:
        traceback.print_exc()
        teller.tell("failed", reason=failure_line(error), memory=isinstance(error, MemoryError))
        return 1
    teller.tell("finished", status=status)
    return 0


class Teller:
    """A reporter that tells the other side in lines of JSON.

    Parameters
    ----------
    stream : text stream
    """

    def __init__(self, stream: TextIO):
        self._stream = stream
        self._told_at = 0.0
        self._lock = threading.Lock()

    def tell(self, event: str, **facts: Any) -> None:
        """Write one line."""
        with self._lock:
            self._stream.write(json.dumps({"event": event, **facts}) + "\n")
            self._stream.flush()

    def stage(self, name: str, frames: int) -> Callable[[int, int], None]:
        """Tell that a stage begins and return what it calls as it goes."""
        self.tell("stage", stage=name, done=0, frames=frames)

        def report(done: int, total: int) -> None:
            now = time.monotonic()
            if now - self._told_at >= _QUIET_S:
                self._told_at = now
                self.tell("stage", stage=name, done=done, frames=total)

        return report

    def note(self, text: str) -> None:
        """Tell a decision."""
        self.tell("note", text=text)

    def warn(self, text: str) -> None:
        """Tell what needs attention."""
        self.tell("warning", text=text)


def end_with_parent() -> None:
    """Have the kernel end this process when the one that started it ends, where it can (Linux)."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() == 1:  # it was gone before we asked
        os._exit(1)


def limit_memory(budget_bytes: int) -> None:
    """Have the kernel refuse this process memory far beyond its budget, where it can (POSIX)."""
    if not budget_bytes or os.name == "nt":
        return
    import resource

    wanted = _LIMIT_FACTOR * budget_bytes + _LIMIT_EXTRA
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or wanted < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))


def _end_with_input() -> None:
    while sys.stdin.read(4096):
        pass
    os._exit(1)


def _analyse(order: Order, teller: Teller) -> str:
    from tem_track.batch.standing import is_up_to_date
    from tem_track.pipeline import Request, analyze
    from tem_track.settings import settings_from

    request = Request(
        movie=Path(order.movie),
        output=Path(order.output),
        settings=settings_from(order.settings),
        sources={stage: dict(names) for stage, names in order.sources.items()},
        overwrite=True,
        command=order.command,
        **{name: Path(path) for name, path in order.files.items()},
    )
    if is_up_to_date(request):
        return "unchanged"
    analyze(request, teller)
    return "done"


if __name__ == "__main__":
    sys.exit(main())
