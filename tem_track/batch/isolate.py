"""One movie in a process of its own, watched: what crashes, hangs or eats memory ends alone, with a reason.

The process gets its own group, so that it can be ended with everything it may have started. Its memory is looked at a
few times a second: private memory, not what it shares or maps from files. It is ended when it uses more than
its budget, when its time is over, or when for ten minutes it neither said anything nor worked.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any

import psutil

from tem_track.batch.order import Ending, Order
from tem_track.environment import LIBRARIES, THREADS

Listener = Callable[[Mapping[str, Any]], None]
"""Called with every event that a process tells."""

WORKER = (sys.executable, "-m", "tem_track.batch.worker")
# Looked at this often, s: a process that fills memory at 4 GB/s is found 0.4 GB beyond its budget.
_LOOK_S = 0.1
# Neither a word nor work for this long is a hang, whatever the time limit: an input that never answers.
_SILENT_S = 600.0
# Work that does not count: a process that waits in a loop uses about this share of a core.
_IDLE_SHARE = 0.01
# What is kept of what a process says on stderr, and the longest line that is read.
_LOG_LINES, _LINE_BYTES = 200, 1 << 16
# A stopped process may let go of its run folder for this long, s; what it was writing appears whole or not at all.
_GRACE_S = 0.7


@dataclass(frozen=True)
class Limits:
    """What one movie may take.

    Attributes
    ----------
    memory_bytes : int
        0 = no limit.
    timeout_s : float
        0 = no limit.
    silent_s : float
        Longest time without a word and without work.
    """

    memory_bytes: int = 0
    timeout_s: float = 0.0
    silent_s: float = _SILENT_S


def no_listener(event: Mapping[str, Any]) -> None:
    """Listen to nothing."""


def run_isolated(
    order: Order,
    limits: Limits,
    *,
    stop: threading.Event | None = None,
    listen: Listener = no_listener,
    command: Sequence[str] = WORKER,
) -> Ending:
    """Carry out an order in a process of its own and return how it ended; nothing it does raises here.

    Parameters
    ----------
    order : Order
    limits : Limits
    stop : threading.Event, optional
        Set to end the process early.
    listen : callable
        Called from another thread.
    command : sequence of str
        What is started.
    """
    started = time.monotonic()
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, **LIBRARIES, THREADS: str(order.threads)},
        )
    except OSError as error:
        return Ending("failed", f"its process cannot be started: {error.strerror or error}")
    watched = _Watched(process, limits, started, stop or threading.Event(), listen)
    try:
        reason = watched.follow(order)
    finally:
        _end(process, at_once=True)
    watched.close()
    seconds = time.monotonic() - started
    return Ending(*_verdict(watched, reason, limits), seconds, watched.peak_bytes, "\n".join(watched.log))


@dataclass
class _Watched:
    """A process that is being watched."""

    process: subprocess.Popen[bytes]
    limits: Limits
    started: float
    stop: threading.Event
    listen: Listener
    peak_bytes: int = 0
    last: dict[str, Any] = field(default_factory=dict)
    log: deque[str] = field(default_factory=lambda: deque(maxlen=_LOG_LINES))
    heard_at: float = 0.0
    worked_s: float = 0.0
    readers: list[threading.Thread] = field(default_factory=list)

    def follow(self, order: Order) -> str:
        """Hand over the order and wait for the end; return why the process was ended, "" where it ended by itself."""
        self.heard_at = time.monotonic()
        for stream, read in ((self.process.stdout, self._read_events), (self.process.stderr, self._read_log)):
            self.readers.append(threading.Thread(target=read, args=(stream,), daemon=True))
            self.readers[-1].start()
        assert self.process.stdin is not None
        # Standard input stays open: its closing tells the process that nobody waits for it any more.
        with suppress(OSError):
            self.process.stdin.write(order.to_json().encode() + b"\n")
            self.process.stdin.flush()
        seen = None
        with suppress(psutil.Error):
            seen = psutil.Process(self.process.pid)
        while self.process.poll() is None:
            reason = self._reason_to_end(seen)
            if reason:
                return reason
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_LOOK_S)
        return ""

    def _reason_to_end(self, seen: psutil.Process | None) -> str:
        if self.stop.is_set():
            _end(self.process, at_once=False)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_GRACE_S)
            return "stopped"
        now = time.monotonic()
        if self.limits.timeout_s and now - self.started > self.limits.timeout_s:
            return "timeout"
        if seen is None:
            return ""
        try:
            used, worked = private_bytes(seen), sum(seen.cpu_times()[:2])
        except psutil.Error:
            return ""
        self.peak_bytes = max(self.peak_bytes, used)
        if self.limits.memory_bytes and used > self.limits.memory_bytes:
            return "memory"
        if worked - self.worked_s > _IDLE_SHARE * max(now - self.heard_at, _LOOK_S):
            self.worked_s, self.heard_at = worked, now
        return "silent" if now - self.heard_at > self.limits.silent_s else ""

    def _read_events(self, stream: IO[bytes]) -> None:
        while line := stream.readline(_LINE_BYTES):
            self.heard_at = time.monotonic()
            with suppress(ValueError, AttributeError):
                event = dict(json.loads(line))
                if event.get("event") in ("finished", "failed"):
                    self.last = event
                self.listen(event)

    def _read_log(self, stream: IO[bytes]) -> None:
        while line := stream.readline(_LINE_BYTES):
            self.log.append(line.decode("utf-8", "replace").rstrip())

    def close(self) -> None:
        """Wait for the last words and let go of the process."""
        for reader in self.readers:
            reader.join(_GRACE_S)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            with suppress(OSError):
                if stream is not None:
                    stream.close()


def private_bytes(process: psutil.Process) -> int:
    """Return the memory that a process uses for itself, without what it maps from files or shares."""
    info = process.memory_info()
    return int(info.rss - getattr(info, "shared", 0))


def _verdict(watched: _Watched, reason: str, limits: Limits) -> tuple[str, str]:
    """Return the status and, for a failure, its reason in one line."""
    last = watched.last
    if last.get("event") == "finished":
        return str(last.get("status", "done")), ""
    if reason == "stopped":
        return "stopped", "the batch was stopped"
    out_of_memory = watched.process.returncode == errno.ENOMEM and limits.memory_bytes
    if reason == "memory" or out_of_memory:
        return "failed", f"needs more memory than its budget of {in_bytes(limits.memory_bytes)}; --memory sets it"
    if reason == "timeout":
        return (
            "failed",
            f"not finished after {limits.timeout_s:g} s (it hangs, or needs longer); --timeout sets the limit",
        )
    if reason == "silent":
        return "failed", f"hangs: neither a word nor work for {limits.silent_s:g} s"
    if last.get("event") == "failed":
        return "failed", str(last.get("reason", "no reason told"))
    return "failed", _died(watched.process.returncode)


def _died(code: int) -> str:
    """Return in words how a process died that told nothing."""
    if code >= 0:
        return f"its process ended without a result (exit code {code})"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    if name == "SIGKILL":
        return "its process was killed from outside (SIGKILL), as systems do when memory runs out"
    return f"crashed the program that reads or measures it ({name})"


def in_bytes(number: int) -> str:
    """Return a number of bytes as a person writes it.

    >>> in_bytes(2 * 2**30), in_bytes(300 * 2**20)
    ('2 GiB', '300 MiB')
    """
    return f"{number / 2**30:.3g} GiB" if number >= 2**30 else f"{number / 2**20:.3g} MiB"


def _end(process: subprocess.Popen[bytes], at_once: bool) -> None:
    """End a process with everything it started, and wait for it where it cannot refuse."""
    with suppress(OSError):
        if os.name == "nt":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL if at_once else signal.SIGTERM)
    if at_once:
        process.wait()
