"""The same work on a running dask.distributed cluster, results over a file system that all its machines share.

A task is one movie: on its worker it runs in a process of its own under the same limits as here, so that what crashes
or eats memory costs neither the worker nor its neighbours. Nothing but orders and endings travels over the network.

A worker that dies takes its task with it; the scheduler hands the task to another one. How often a movie was begun is
written beside the results, so that one that kills its workers is given up after two tries, whatever the scheduler's own
patience is. A file that this process touches tells the tasks that somebody still waits for them: when it is removed, or
not touched any more, they end.
"""

from __future__ import annotations

import logging
import os
import platform
import shutil
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import tem_track
from tem_track.batch.isolate import Limits, run_isolated
from tem_track.batch.local import Told, memory_of_machine
from tem_track.batch.order import Ending, Order
from tem_track.errors import InputError, OutputError, SettingsError
from tem_track.write.files import output_error

# A movie that took two workers with it is not given a third.
MOST_TRIES = 2
# The folder of the batch under way, in that of the results: a token, and a file for every try.
_UNDER_WAY = ".cluster-"
_TOKEN = "waiting"
# The token is touched and looked at this often, and nobody waits any more when it stood still for so long, s.
_TOUCH_S, _LOOK_S, _FORGOTTEN_S = 5.0, 1.0, 60.0
# Longer than that: the tasks of a batch that was killed end before those of the next one give up waiting for them.
_PATIENCE_S = 90.0
# A network file system may show a new folder this much later on another machine, s.
_SHOWN_AFTER_S = 10.0
_CONNECT_S = "10s"
_PROTOCOLS = ("tcp://", "tls://", "ucx://", "ws://", "wss://")


def run_on_cluster(
    address: str, output: Path, orders: Sequence[tuple[str, Order]], limits: Limits, tell: Told
) -> Iterator[tuple[str, Ending]]:
    """Carry out orders on a cluster and yield how each ended, in the order in which they end.

    Parameters
    ----------
    address : str
        Of the scheduler: ``tcp://host:8786``, or the path of its scheduler file.
    output : Path
        Folder of the results; every worker sees it, and the movies, under the same path.
    orders : sequence of (str, Order)
        With the name of the run folder; begun in this order.
    limits : Limits
        Of each movie; where no memory is given it is the movie's share of its worker's.
    tell : callable

    Raises
    ------
    InputError
        No scheduler answers there.
    SettingsError
        dask.distributed is not installed.
    """
    try:
        from distributed import as_completed
    except ImportError as error:
        raise SettingsError('--scheduler needs dask.distributed: pip install "tem-track[cluster]"') from error
    with _client(address) as client, _token(output) as token:
        futures = {}
        for number, (name, order) in enumerate(orders):
            order = replace(order, threads=1, patience_s=_PATIENCE_S)
            future = client.submit(
                carry_out,
                order.to_json(),
                asdict(limits),
                str(token),
                name,
                tem_track.__version__,
                # A name of its own: a scheduler keeps the result of equal tasks.
                key=f"tem-track-{token.parent.name.removeprefix(_UNDER_WAY)}-{name}",
                priority=-number,
                pure=False,
            )
            futures[future] = name
            tell(name, {"event": "submitted"})
        try:
            for future in as_completed(list(futures), loop=client.loop, raise_errors=False):
                yield futures[future], _ending(future)
        finally:
            client.cancel(list(futures), force=True)


def carry_out(order_text: str, limits: Mapping[str, Any], token: str, name: str, version: str) -> dict[str, Any]:
    """Carry out one order on a worker and return its ending; the work of one task.

    Parameters
    ----------
    order_text : str
        See `Order.to_json`.
    limits : mapping
        Of `Limits`.
    token : str
        File that shows that somebody waits.
    name : str
        Of the run folder.
    version : str
        Of tem-track at the other side.
    """
    waiting = Path(token)
    here = socket.gethostname()
    if version != tem_track.__version__:
        return asdict(Ending("failed", f"worker {here} has tem-track {tem_track.__version__}, not {version}"))
    if not _appears(waiting):
        return asdict(Ending("failed", f"worker {here} does not see {waiting.parent.parent}; is it a shared folder?"))
    tries = _begin_try(waiting.parent, name)
    if tries > MOST_TRIES:
        return asdict(Ending("failed", given_up()))
    memory, threads = _share()
    order = replace(Order.from_json(order_text), take_over=tries > 1)
    own = Limits(**limits)
    own = replace(own, memory_bytes=own.memory_bytes or memory // threads)
    stop, done = threading.Event(), threading.Event()
    threading.Thread(target=_stop_when_forgotten, args=(waiting, stop, done), daemon=True).start()
    try:
        ending = run_isolated(replace(order, memory_bytes=own.memory_bytes), own, stop=stop)
    finally:
        done.set()
    return asdict(ending)


def given_up() -> str:
    """Return why a movie is not tried again."""
    return f"the workers that analysed it died, {MOST_TRIES} of {MOST_TRIES} times"


@contextmanager
def _client(address: str) -> Iterator[Any]:
    from distributed import Client

    for logger in ("distributed", "tornado", "asyncio"):
        logging.getLogger(logger).setLevel(logging.CRITICAL)
    is_address = address.startswith(_PROTOCOLS)
    # The client would wait for a missing file, and for an unknown protocol, for ever.
    if not is_address and not Path(address).is_file():
        raise InputError(f"--scheduler {address}: neither an address, such as tcp://host:8786, nor a scheduler file")
    place = {"address" if is_address else "scheduler_file": address}
    try:
        client = Client(**place, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise InputError(f"--scheduler {address}: no scheduler answers there") from error
    try:
        yield client
    finally:
        with suppress(OSError, TimeoutError):
            client.close(timeout=2)


@contextmanager
def _token(output: Path) -> Iterator[Path]:
    """Yield a file that is touched again and again while the work is waited for, in a folder of its own."""
    for left in output.glob(f"{_UNDER_WAY}*"):
        shutil.rmtree(left, ignore_errors=True)
    folder = output.absolute() / f"{_UNDER_WAY}{uuid.uuid4().hex}"
    token = folder / _TOKEN
    try:
        folder.mkdir()
        token.write_text(f"process {os.getpid()} on {platform.node()}\n", encoding="utf-8")
    except OSError as error:
        raise output_error(folder, error) from error
    done = threading.Event()

    def touch() -> None:
        while not done.wait(_TOUCH_S):
            with suppress(OSError):
                os.utime(token)

    threading.Thread(target=touch, daemon=True).start()
    try:
        yield token
    finally:
        done.set()
        shutil.rmtree(folder, ignore_errors=True)


def _appears(token: Path) -> bool:
    end = time.monotonic() + _SHOWN_AFTER_S
    while not token.is_file():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def _begin_try(folder: Path, name: str) -> int:
    """Take note that a movie is begun and return how often it was, this time included."""
    for number in range(1, MOST_TRIES + 1):
        try:
            (folder / f"{name}.{number}").touch(exist_ok=False)
        except FileExistsError:
            continue
        except OSError as error:
            raise OutputError(f"{folder}: cannot be written: {error.strerror}") from error
        return number
    return MOST_TRIES + 1


def _share() -> tuple[int, int]:
    """Return the memory of this worker and how many tasks it runs at a time."""
    memory, tasks = memory_of_machine(), 1
    with suppress(ImportError, ValueError, AttributeError):
        from distributed import get_worker

        worker = get_worker()
        tasks = max(1, int(worker.state.nthreads))
        memory = min(memory, int(worker.memory_manager.memory_limit or memory))
    return memory, tasks


def _stop_when_forgotten(token: Path, stop: threading.Event, done: threading.Event) -> None:
    """Set `stop` when the token is gone or was not touched for a minute by the clock of this machine."""
    seen, since = "", time.monotonic()
    while not done.wait(_LOOK_S):
        try:
            now = str(token.stat().st_mtime_ns)
        except OSError:
            now = "gone"
        if now != seen:
            seen, since = now, time.monotonic()
        # A file system that is away for a moment is no reason to stop.
        patience = _FORGOTTEN_S if now != "gone" else _TOUCH_S
        if time.monotonic() - since > patience:
            stop.set()
            return


def _ending(future: Any) -> Ending:
    if future.status == "finished":
        return Ending(**future.result())
    if future.status == "cancelled":
        return Ending("failed", "the cluster cancelled it; run the same command again")
    error = future.exception()
    if type(error).__name__ == "KilledWorker":
        return Ending("failed", given_up())
    return Ending(
        "failed", f"its worker could not carry it out: {type(error).__name__}: {' '.join(str(error).split())}"
    )
