"""Size and hash of an input, so that a run folder says exactly what it was made from."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from tem_track.errors import InputError

# Large enough that reading, not calling, takes the time; small against the memory budget.
_CHUNK = 1 << 20


def hash_input(path: Path) -> tuple[int, str]:
    """Return the size in bytes and the SHA-256 of a file, or of a folder's files.

    A folder's hash is over the sorted relative names, the sizes and the contents of its files, those in its
    sub-folders included; links to folders are not followed.

    Parameters
    ----------
    path : Path

    Returns
    -------
    (int, str)
        Bytes in all, and 64 hexadecimal digits.

    Raises
    ------
    InputError
        Something cannot be read.
    """
    digest = hashlib.sha256()
    if not path.exists():
        raise InputError(f"{path.name}: cannot be read: no such file or folder")
    try:
        if path.is_file():
            return _add_file(digest, path), digest.hexdigest()
        size = 0
        for name, file in _files(path):
            digest.update(f"{name}\0{file.stat().st_size}\0".encode("utf-8", "surrogateescape"))
            size += _add_file(digest, file)
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read: {error.strerror or error}") from error
    return size, digest.hexdigest()


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    found = []
    for place, _, names in os.walk(folder, followlinks=False):
        found += [Path(place) / name for name in names]
    named = sorted((file.relative_to(folder).as_posix(), file) for file in found if file.is_file())
    return iter(named)


def _add_file(digest: hashlib._Hash, file: Path) -> int:
    size = 0
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return size
