"""Processes timed one after the other: wall seconds, processor seconds, peak memory, and what they printed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Timing:
    """One process.

    Attributes
    ----------
    seconds, processor_s : float
        Wall time and the processor time of all its threads.
    peak_mib : float
        Peak memory.
    text : str
        What it printed.
    """

    seconds: float
    processor_s: float
    peak_mib: float
    text: str

    @property
    def worked_s(self) -> float:
        """Seconds the process says its work took, without the imports."""
        return float(self.text.split()[-1])


def timed(command: Sequence[str], cores: int = 0) -> Timing:
    """Run a command, on so many cores (0 = all), and return what it took; the child alone is counted."""
    start = time.perf_counter()

    def keep_to_cores() -> None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])

    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | ONE_THREAD,
        preexec_fn=keep_to_cores if cores and hasattr(os, "sched_setaffinity") else None,
    ) as process:
        text = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed with exit code {process.returncode}")
    # Linux counts in KiB, macOS in bytes.
    peak = usage.ru_maxrss / (1024 if sys.platform != "darwin" else 2**20)
    return Timing(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, peak, text)


def module(name: str, *words: object) -> list[str]:
    """Return the command that runs a module of this package with arguments."""
    return [sys.executable, "-m", f"tests.speed.{name}", *map(str, words)]


def spread(values: Sequence[float], digits: int = 3) -> str:
    """Return median and range in words.

    >>> spread([2.0, 4.0, 3.0])
    '3 (2-4)'
    """
    low, middle, high = (f"{value:.{digits}g}" for value in (min(values), float(np.median(values)), max(values)))
    return middle if low == high else f"{middle} ({low}-{high})"
