"""What a run reads, known by size and hash; a hash is remembered while size and time of last change stay the same.

Hashing a movie of 10 GB takes a quarter of a minute or more, so `RUN/.stages/stamps.json` remembers each file's stamp
(size and time of last change, of every file of a folder) with its hash. A stamp that differs is never trusted, nor one
taken so soon after the last change that a later change could bear the same time.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tem_track.read import hash_input
from tem_track.write.files import STAGES_FOLDER, output_error, write_text

STAMPS_FILE = f"{STAGES_FOLDER}/stamps.json"
INPUTS_FILE = f"{STAGES_FOLDER}/inputs.json"
# FAT keeps times to 2 s, the coarsest of the file systems in use.
_COARSEST_NS = 2_000_000_000
# Hashed in a second or two from a fast disk, in half a minute from a slow one.
_SLOW_BYTES = 2_000_000_000


@dataclass(frozen=True)
class Identity:
    """What a file or folder is known by.

    Attributes
    ----------
    name : str
    size : int
        Bytes.
    sha256 : str
    stamp : str
        Of size and time of last change when it was hashed.
    lasting : bool
        The last change lies far enough back for the stamp to be trusted later.
    """

    name: str
    size: int
    sha256: str
    stamp: str
    lasting: bool = True

    def record(self) -> dict[str, Any]:
        """Return name, size and hash for `run.json`."""
        return {"name": self.name, "bytes": self.size, "sha256": self.sha256}


def identify(
    files: Mapping[str, Path | None], folder: Path, note: Callable[[str], None] = lambda text: None
) -> dict[str, Identity]:
    """Return the identity of each file that is given, hashed anew where the run folder does not remember it.

    Parameters
    ----------
    files : mapping of role to Path or None
    folder : Path
        Run folder of an earlier run, if there is one.
    note : callable, optional
        Told in one line of what takes long to hash.

    Raises
    ------
    InputError
        Something cannot be read.
    """
    known = _remembered(folder)
    return {
        role: known_identity(role, path, known) or _hashed(path, note)
        for role, path in files.items()
        if path is not None
    }


def identify_at_once(files: Mapping[str, Path | None], folder: Path) -> dict[str, Identity] | None:
    """Return what `identify` would, or None where something would have to be hashed."""
    known = _remembered(folder)
    found = {role: known_identity(role, path, known) for role, path in files.items() if path is not None}
    there = {role: identity for role, identity in found.items() if identity is not None}
    return there if len(there) == len(found) else None


def known_identity(role: str, path: Path, known: Mapping[str, Identity]) -> Identity | None:
    """Return the identity remembered for a role if the file there still bears its stamp and name."""
    identity = known.get(role)
    return identity if identity and identity.stamp == stamp_of(path) and identity.name == path.name else None


def remember(identities: Mapping[str, Identity], folder: Path) -> None:
    """Write what was read, and the stamps that can be trusted, to the run folder.

    Raises
    ------
    OutputError
    """
    stages = folder / STAGES_FOLDER
    try:
        stages.mkdir(exist_ok=True)
    except OSError as error:
        raise output_error(stages, error) from error
    lasting = {role: {**one.record(), "stamp": one.stamp} for role, one in identities.items() if one.lasting}
    write_text(folder / STAMPS_FILE, json.dumps(lasting, indent=1) + "\n")
    write_text(folder / INPUTS_FILE, json.dumps({r: one.record() for r, one in identities.items()}, indent=1) + "\n")


def movie_of(folder: Path) -> str | None:
    """Return the hash of the movie that the kept stages of a run folder belong to, None where it is not known."""
    try:
        return str(json.loads((folder / INPUTS_FILE).read_text(encoding="utf-8"))["movie"]["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def stamp_of(path: Path) -> str:
    """Return a digest of names, sizes and times of last change of a file or of a folder's files; empty if not there."""
    try:
        return _digest_of(_stats(path))
    except OSError:
        return ""


def _hashed(path: Path, note: Callable[[str], None]) -> Identity:
    stats: list[tuple[str, int, int]] = []
    now = time.time_ns()
    with suppress(OSError):  # hash_input says why
        stats = _stats(path)
    size = sum(size for _, size, _ in stats)
    if size > _SLOW_BYTES:
        note(f"reading {size / 1e9:.0f} GB once to know {path.name} again")
    size, digest = hash_input(path)
    changed = max((when for _, _, when in stats), default=now)
    return Identity(path.name, size, digest, _digest_of(stats), now - changed > _COARSEST_NS)


def _stats(path: Path) -> list[tuple[str, int, int]]:
    """Return (name, bytes, time of last change in ns) of a file or of every file below a folder, sorted."""
    if not path.is_dir():
        status = path.stat()
        return [(path.name, status.st_size, status.st_mtime_ns)]
    found = []
    for place, _, names in os.walk(path, followlinks=False):
        for name in names:
            file = Path(place) / name
            status = file.stat()
            found.append((file.relative_to(path).as_posix(), status.st_size, status.st_mtime_ns))
    return sorted(found)


def _digest_of(stats: list[tuple[str, int, int]]) -> str:
    return hashlib.sha256(repr(stats).encode("utf-8", "surrogatepass")).hexdigest()


def _remembered(folder: Path) -> dict[str, Identity]:
    try:
        content = json.loads((folder / STAMPS_FILE).read_text(encoding="utf-8"))
        return {
            str(role): Identity(str(one["name"]), int(one["bytes"]), str(one["sha256"]), str(one["stamp"]))
            for role, one in content.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
