"""Ctrl-C and SIGTERM end a run within two seconds, whatever it is at.

Python hands a signal to the program only between two of its own steps, and leaving a pool of threads waits for them. So
a thread of its own is told of the signal too: it gives the program a moment to end by itself, then lets go of the run
folder and ends the process. Whatever was being written keeps its hidden name, and the next run removes it.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

# Two seconds are promised; what is left is for the system.
GRACE_S = 1.5
_SHOW_CURSOR = "\x1b[?25h"


class Stopped(BaseException):
    """A signal asks the program to end; no error, and so caught by nobody who catches errors.

    Attributes
    ----------
    number : int
        Of the signal.
    """

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number

    @property
    def exit_code(self) -> int:
        """Return 130 for Ctrl-C, 143 for SIGTERM, as shells count."""
        return 128 + self.number


def stop_line(arguments: list[str]) -> str:
    """Return how to go on with a stopped command."""
    again = "run the same command again to go on"
    return f"stopped; {again}, without --overwrite" if "--overwrite" in arguments else f"stopped; {again}"


@contextmanager
def stops_promptly(last_words: str, before_end: Callable[[], None], grace_s: float = GRACE_S) -> Iterator[None]:
    """Turn Ctrl-C and SIGTERM inside into `Stopped`, and end the process if that takes longer than a moment.

    Parameters
    ----------
    last_words : str
        Written to stderr where the process is ended from outside its main thread.
    before_end : callable
        Called then, to let go of what others wait for.
    grace_s : float
        How long leaving may take, s. Whoever catches `Stopped` then has the process end by `end_at_once`: at its usual
        end the interpreter waits for every thread.

    Raises
    ------
    Stopped
        A signal came.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    told, hears = socket.socketpair()
    hears.setblocking(False)
    before = {number: signal.signal(number, _stop) for number in (signal.SIGINT, signal.SIGTERM)}
    wakeup = signal.set_wakeup_fd(hears.fileno(), warn_on_full_buffer=False)
    left = threading.Event()
    threading.Thread(target=_watch, args=(told, left, last_words, before_end, grace_s), daemon=True).start()
    try:
        yield
    finally:
        left.set()
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        # The watching thread reads the end of the connection and ends.
        hears.close()


def end_at_once(code: int) -> NoReturn:
    """End the process without waiting for its threads; what was written to stdout and stderr is out."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _stop(number: int, frame: FrameType | None) -> Any:
    raise Stopped(number)


def _watch(
    told: socket.socket, left: threading.Event, last_words: str, before_end: Callable[[], None], grace_s: float
) -> None:
    number = 0
    with told, suppress(OSError):
        while number not in (signal.SIGINT, signal.SIGTERM):
            received = told.recv(1)
            if not received:
                return
            number = received[0]
        if left.wait(grace_s):
            return
        before_end()
        cursor = _SHOW_CURSOR if sys.stderr.isatty() else ""
        os.write(2, f"{cursor}tem-track: {last_words}\n".encode())
        os._exit(128 + number)
