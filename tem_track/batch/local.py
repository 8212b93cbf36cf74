"""Several movies at once on this machine, the largest first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from tem_track.batch.isolate import WORKER, Limits, run_isolated
from tem_track.batch.order import Ending, Order
from tem_track.environment import cores

# Of the machine's memory; the rest is the system's and this process's.
_SHARE_OF_MEMORY = 0.9
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")

Told = Callable[[str, Mapping[str, Any]], None]
"""Called with the name of a run folder and an event of its process."""


def run_local(
    orders: Sequence[tuple[str, Order]],
    limits: Limits,
    tell: Told,
    jobs: int = 0,
    command: Sequence[str] = WORKER,
) -> Iterator[tuple[str, Ending]]:
    """Carry out orders, so many at a time, and yield how each ended, in the order in which they end.

    Left early, by an error or a stop, it ends every process first.

    Parameters
    ----------
    orders : sequence of (str, Order)
        With the name of the run folder; begun in this order.
    limits : Limits
        Of each movie; where no memory is given it is the movie's share of the machine's.
    tell : callable
    jobs : int
        Movies at a time; 0 = one per core.
    command : sequence of str
        What is started for each movie.
    """
    jobs = max(1, min(jobs or cores(), len(orders)))
    limits = replace(limits, memory_bytes=limits.memory_bytes or int(memory_of_machine() / jobs))
    threads = max(1, cores() // jobs)
    orders = [(name, replace(order, threads=threads, memory_bytes=limits.memory_bytes)) for name, order in orders]
    stop = threading.Event()
    with ThreadPoolExecutor(jobs) as pool:
        waiting = {pool.submit(_one, name, order, limits, stop, tell, command): name for name, order in orders}
        try:
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def _one(name: str, order: Order, limits: Limits, stop: threading.Event, tell: Told, command: Sequence[str]) -> Ending:
    if stop.is_set():
        return Ending("stopped", "the batch was stopped")
    return run_isolated(order, limits, stop=stop, listen=lambda event: tell(name, event), command=command)


def memory_of_machine() -> int:
    """Return the bytes of memory that the processes of this machine, container or cluster job may use together."""
    total = float(psutil.virtual_memory().total)
    with suppress(OSError, ValueError):
        total = min(total, float(_CGROUP_LIMIT.read_text()))
    return int(_SHARE_OF_MEMORY * total)
