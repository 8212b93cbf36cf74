"""A look into an HDF5 file before anything in it is read: whose it is, and that it keeps to itself."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import h5py

from tem_track.errors import InputError
from tem_track.read.limits import HARMLESS_BYTES, MAX_EXPANSION, MAX_MOVIE_EXPANSION

# Makers nest their groups some ten deep and have hundreds of members. Finding a path takes a time that goes with its
# length, so that a deep tree costs the square of its depth.
_DEEPEST = 64
_MOST_MEMBERS = 100_000


def hdf5_kind(path: Path) -> str:
    """Return ``hspy`` or ``emd`` for an HDF5 file that is safe to read.

    Raises
    ------
    InputError
        Damaged, points to other files, or claims far more than it stores.
    """
    try:
        with h5py.File(path, "r") as file:
            _check_links(path.name, file)
            is_hspy = "Experiments" in file or str(file.attrs.get("file_format", "")) == "HyperSpy"
    except (OSError, RuntimeError) as error:
        truncated = "truncated" in str(error)
        raise InputError(f"{path.name}: {'truncated' if truncated else 'damaged'}: not a readable HDF5 file") from error
    return "hspy" if is_hspy else "emd"


def _check_links(name: str, group: Any) -> None:
    """Walk all groups; hard links only, so that no path inside the file is followed and no loop is entered."""
    open_groups, seen, members = [(group, 0)], {group.id}, 0
    while open_groups:
        here, depth = open_groups.pop()
        members += len(here)
        if depth > _DEEPEST or members > _MOST_MEMBERS:
            raise InputError(f"{name}: groups nested without end, refused as damaged")
        for key in here:
            link = here.get(key, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                raise InputError(f"{name}: points to another file, which is not followed")
            if not isinstance(link, h5py.HardLink):
                continue
            member = here[key]
            if isinstance(member, h5py.Dataset):
                _check_dataset(name, member)
            elif isinstance(member, h5py.Group) and member.id not in seen:
                seen.add(member.id)
                open_groups.append((member, depth + 1))


def _check_dataset(name: str, dataset: Any) -> None:
    if dataset.is_virtual or dataset.external:
        raise InputError(f"{name}: points to another file, which is not followed")
    claimed = math.prod(dataset.shape or (0,)) * dataset.dtype.itemsize
    stored = dataset.id.get_storage_size()
    # To read a frame the whole chunk that it is in is unpacked.
    chunk = math.prod(dataset.chunks or (0,)) * dataset.dtype.itemsize
    if claimed > max(HARMLESS_BYTES, MAX_MOVIE_EXPANSION * stored) or chunk > max(
        HARMLESS_BYTES, MAX_EXPANSION * stored
    ):
        raise InputError(f"{name}: claims {claimed / 2**20:.0f} MiB from {stored} stored bytes, refused as damaged")
