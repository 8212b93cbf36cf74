"""What the arrays of a zspy file claim, compared with what is stored, before zarr unpacks any of it."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tem_track.errors import InputError
from tem_track.read.limits import HARMLESS_BYTES, MAX_EXPANSION

# A movie of a day at 30 frames/s, a chunk to a frame, is a third of this.
_MOST_MEMBERS = 10_000_000
# An array's description takes a kilobyte.
_LONGEST_DESCRIPTION = 2**20


def check_zspy(path: Path) -> None:
    """Refuse a zspy file or folder with chunks that claim far more than is stored.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputError
    """
    members = _in_folder(path) if path.is_dir() else _in_archive(path)
    stored, descriptions = 0, []
    for number, (packed, description) in enumerate(members):
        if number > _MOST_MEMBERS:
            raise InputError(f"{path.name}: holds more pieces than any movie, refused as damaged")
        stored += packed
        if description is not None:
            descriptions.append(description)
    for description in descriptions:
        claimed = _chunk_bytes(path.name, description)
        if claimed > max(HARMLESS_BYTES, MAX_EXPANSION * stored):
            raise InputError(f"{path.name}: claims chunks of {claimed / 2**20:.0f} MiB, refused as damaged")


def _chunk_bytes(name: str, description: bytes) -> int:
    try:
        array = json.loads(description)
        # Python numbers: those of numpy would run over.
        return math.prod(int(size) for size in array["chunks"]) * np.dtype(str(array["dtype"])).itemsize
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise InputError(f"{name}: damaged: the description of an array cannot be read") from error


def _in_folder(folder: Path) -> Iterator[tuple[int, bytes | None]]:
    """Yield the stored bytes of every file, and the content of those that describe an array."""
    for file in folder.rglob("*"):
        if file.is_file():
            yield file.stat().st_size, _beginning(file) if file.name == ".zarray" else None


def _beginning(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(_LONGEST_DESCRIPTION)


def _in_archive(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Yield the same of a ZIP archive; a member that the archive itself has packed beyond reason is refused."""
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.file_size > max(HARMLESS_BYTES, MAX_EXPANSION * member.compress_size):
                raise InputError(f"{path.name}: {member.file_size >> 20} MiB packed into almost nothing, refused")
            description = None
            if member.filename.endswith(".zarray"):
                with archive.open(member) as stream:
                    description = stream.read(_LONGEST_DESCRIPTION)
            yield member.compress_size, description
