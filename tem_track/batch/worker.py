"""The process of one movie: an `Order` in one line on standard input, `tem_track.status` lines on standard output.

It ends with whoever started it: the kernel is asked to see to that, and standard input closes when the other side is
gone. Nothing heavy is imported before the limits stand.
"""

from __future__ import annotations

import errno
import faulthandler
import os
import signal
import sys
import threading
import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tem_track.batch.order import Order
from tem_track.environment import THREADS, quiet_libraries
from tem_track.stopping import Stopped, end_at_once, stops_promptly

if TYPE_CHECKING:
    from tem_track.outcome import Outcome
    from tem_track.status import StatusLines

# Private writable memory, which the kernel can limit, is 1.6 times what is used (465 to 291 MiB on a sample movie, the
# rest being stacks and arenas never touched). The budget itself is watched from outside; this stops a single huge
# allocation before it is touched.
_LIMIT_FACTOR, _LIMIT_EXTRA = 2, 512 * 2**20
# prctl(2): the signal to get when the parent ends.
_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Read an order, carry it out, tell how it went; return the exit code."""
    end_with_parent()
    faulthandler.enable()
    # Libraries that print must not get between the lines that are read at the other side.
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    order = Order.from_json(sys.stdin.readline())
    threading.Thread(target=_end_with_input, daemon=True).start()
    limit_memory(order.memory_bytes)
    os.environ[THREADS] = str(order.threads)
    quiet_libraries()
    from tem_track.status import StatusLines
    from tem_track.write.lock import let_go_of_all

    try:
        with (
            stops_promptly("stopped", let_go_of_all),
            StatusLines(Path(order.movie), Path(order.output), told) as reporter,
        ):
            reporter.summary(_analysed(order, reporter))
    except Stopped as stop:
        end_at_once(stop.exit_code)
    except MemoryError:
        traceback.print_exc()
        return errno.ENOMEM
    except Exception:
        traceback.print_exc()
        return 1
    return 0


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


def _analysed(order: Order, reporter: StatusLines) -> Outcome:
    """Return the outcome of the analysis; a run of what the movie's file held before is replaced."""
    from tem_track.batch.request import request_of
    from tem_track.pipeline import OtherMovieError, analyze

    request = request_of(order)
    try:
        return analyze(request, reporter)
    except OtherMovieError:
        return analyze(replace(request, overwrite=True), reporter)


if __name__ == "__main__":
    sys.exit(main())
