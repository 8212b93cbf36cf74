"""A run folder belongs to one process at a time: `.lock` says to which.

The file names process, computer and the moment the process began, so that a lock that a killed process left behind is
known for what it is: its process is gone, or its number belongs to another one by now. Whoever reads and replaces a
lock holds the system's own lock on the file meanwhile (where there is one), so that two cannot take over the same
stale lock. What runs on another computer cannot be asked whether it lives; its lock is refused and named.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tem_track.errors import OutputError
from tem_track.write.files import LOCK, output_error

try:
    import fcntl
except ImportError:  # Windows: what the file says is all there is
    fcntl = None  # type: ignore[assignment]

# More than any lock says.
_MOST_BYTES = 4096
_held: set[Path] = set()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a run folder that exists; a lock of a process that is gone is taken over.

    Raises
    ------
    OutputError
        Another process writes there, or may: it runs on another computer; or the file system refuses.
    """
    path = folder / LOCK
    try:
        _take(path)
    except OSError as error:
        raise output_error(folder, error) from error
    _held.add(path)
    try:
        yield
    finally:
        _let_go(path)


def check_not_locked(folder: Path) -> None:
    """Raise what `locked` would raise for a lock that stands, without taking it."""
    _refuse_living(folder / LOCK, _owner(folder / LOCK))


def unlock(folder: Path) -> None:
    """Remove the lock of a run folder whose process is known to be gone, wherever it ran."""
    with suppress(OSError):
        (folder / LOCK).unlink(missing_ok=True)


def let_go_of_all() -> None:
    """Remove every lock this process holds: it is about to end without unwinding."""
    for path in list(_held):
        _let_go(path)


def _let_go(path: Path) -> None:
    _held.discard(path)
    # The folder may be gone, or its disk.
    with suppress(OSError):
        if _owner(path) == _myself():
            path.unlink(missing_ok=True)


def _take(path: Path) -> None:
    if path in _held:
        raise _refused(path, _myself())
    while True:
        number = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            # Whoever has the system's lock is about to name itself, or just did.
            if not _alone(number):
                raise _refused(path, _read(number) or {})
            _refuse_living(path, _read(number))
            _write(number, _myself())
            # Between opening and locking, its owner may have removed this file and a third made a new one.
            if _is_same(number, path):
                return
        finally:
            os.close(number)


def _alone(number: int) -> bool:
    """Take the system's lock on an open file until it is closed; False where another process has it."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _is_same(number: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(number), path.stat())
    except FileNotFoundError:
        return False


def _refuse_living(path: Path, owner: dict[str, Any] | None) -> None:
    if owner is None:
        return
    here = _myself()
    elsewhere = any(owner.get(name) != here[name] for name in ("computer", "container"))
    if elsewhere or _lives(owner):
        raise _refused(path, owner)


def _refused(path: Path, owner: dict[str, Any]) -> OutputError:
    who = f"process {owner.get('process', '?')} on {owner.get('computer', 'this computer')}"
    return OutputError(
        f"{path.parent}: is being written by {who}; wait for it or choose another folder with -o; "
        f"if that process is gone for sure, remove {path}"
    )


def _read(number: int) -> dict[str, Any] | None:
    """Return what a lock says; None where its process was gone before it could say anything."""
    os.lseek(number, 0, os.SEEK_SET)
    try:
        content = json.loads(os.read(number, _MOST_BYTES))
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _write(number: int, owner: dict[str, Any]) -> None:
    os.ftruncate(number, 0)
    os.lseek(number, 0, os.SEEK_SET)
    os.write(number, json.dumps(owner).encode())
    os.fsync(number)


def _owner(path: Path) -> dict[str, Any] | None:
    """Return what the lock at a path says; None for none."""
    try:
        number = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        return _read(number)
    except OSError:
        return None
    finally:
        os.close(number)


def _myself() -> dict[str, Any]:
    number = os.getpid()
    return {"process": number, "computer": platform.node(), "container": _container(), "began": _began(number)}


def _lives(owner: dict[str, Any]) -> bool:
    """Return whether the process of a lock of this computer is still running."""
    number = owner.get("process")
    if not isinstance(number, int) or number <= 0:
        return False
    if Path("/proc/self/stat").exists():
        # A number is given anew once its process is gone: the newer process began at another moment.
        return bool(_began(number)) and _began(number) == owner.get("began")
    if os.name == "nt":  # to ask there is to kill
        return True
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _began(number: int) -> str:
    """Return when a process began, as the system counts (its start, ticks since); empty if not known or ended."""
    try:
        # The name in the second field may hold spaces and brackets: count from its end (proc(5): fields 3 and 22).
        words = Path(f"/proc/{number}/stat").read_bytes().rpartition(b")")[2].split()
        system = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        # A zombie has ended, only its parent has not asked yet.
        return "" if words[0] in (b"Z", b"X") else f"{system} {words[19].decode()}"
    except (OSError, IndexError, UnicodeDecodeError):
        return ""


def _container() -> str:
    """Return what tells containers of one computer apart, within which process numbers count; empty if not known."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
