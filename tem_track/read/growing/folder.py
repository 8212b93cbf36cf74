"""A folder of single frames, or a Gatan in-situ tree, that is still being filled.

Strategy: names are listed anew at each look, but a tree only from its newest second on. A frame behind which another
one stands is complete. The newest one may be half-written, and is only taken once it can be read.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tem_track.errors import InputError
from tem_track.read.folder import FRAME_SUFFIXES, frame_files, natural_key, read_frame, recording_of_files
from tem_track.read.insitu_tree import is_insitu_tree, newest_frames, tree_times
from tem_track.read.recording import ReadFrames, Recording


class GrowingFolder:
    """Frames of a folder that is being filled.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputError
        There is no frame in it yet.
    """

    def __init__(self, path: Path):
        self._path = path
        self._is_tree = is_insitu_tree(path)
        self._files: list[Path] = []
        self._places: list[tuple[int, int]] = []
        self._names: set[str] = set()
        self._kind = "" if self._is_tree else FRAME_SUFFIXES[frame_files(path)[0].suffix.lower()]
        self._count = 0
        self._list()
        if not self._files:
            raise InputError(f"{path.name}: no frame is there yet")
        first = read_frame(self._files[0])
        self._shape, self._dtype = first.shape, first.dtype

    def __len__(self) -> int:
        return self._count

    def look(self) -> int:
        """Return how many frames are complete now."""
        self._list()
        # All but the newest are complete: the camera has gone on to the next.
        self._count = max(self._count, len(self._files) - 1)
        if self._count < len(self._files) and self._is_readable(self._files[-1]):
            self._count = len(self._files)
        return self._count

    def __getitem__(self, k: int, /) -> NDArray[Any]:
        if not 0 <= k < self._count:
            raise IndexError(f"frame {k} of {self._count}")
        frame = read_frame(self._files[k])
        if frame.shape != self._shape:
            raise InputError(
                f"{self._files[k].name}: {frame.shape[0]} x {frame.shape[1]} pixels, but {self._files[0].name} has "
                f"{self._shape[0]} x {self._shape[1]}"
            )
        return frame

    def recording(self) -> Recording:
        """Return what the frames and their names say."""
        count = max(1, self._count)
        times_s = tree_times(self._places[:count])[0] if self._is_tree else None
        found = recording_of_files(self._path, self._files[:count], times_s, compared=False)
        found.frames = ReadFrames(found.shape, self.__getitem__, self._path.name, serial=False)
        return found

    def _is_readable(self, file: Path) -> bool:
        try:
            read_frame(file)
        except InputError:
            return False
        return True

    def _list(self) -> None:
        """Add the files that have come since the last look."""
        new = self._new_in_tree() if self._is_tree else self._new_in_folder()
        if (
            new
            and self._files
            and not self._is_tree
            and natural_key(new[0][1].name) < natural_key(self._files[-1].name)
        ):
            raise InputError(f"{self._path.name}: {new[0][1].name} has come before frames that are already there")
        self._places += [place for place, _ in new]
        self._files += [file for _, file in new]

    def _new_in_tree(self) -> list[tuple[tuple[int, int], Path]]:
        since = self._places[-1][0] if self._places else 0
        known = set(self._files[len(self._files) - _within(self._places, since) :])
        return [one for one in newest_frames(self._path, FRAME_SUFFIXES, since) if one[1] not in known]

    def _new_in_folder(self) -> list[tuple[tuple[int, int], Path]]:
        names = [name for name in _names_in(self._path, self._kind) if name not in self._names]
        self._names.update(names)
        return [((0, 0), self._path / name) for name in sorted(names, key=natural_key)]


def _within(places: list[tuple[int, int]], second: int) -> int:
    """Return how many frames at the end of a sorted list fall into its last second."""
    count = 0
    while count < len(places) and places[-1 - count][0] == second:
        count += 1
    return count


def _names_in(folder: Path, kind: str) -> list[str]:
    """Return the names of a folder's frames of one kind."""
    wanted = tuple(suffix for suffix, name in FRAME_SUFFIXES.items() if name == kind)
    try:
        with os.scandir(folder) as entries:
            return [e.name for e in entries if e.name.lower().endswith(wanted) and not e.name.startswith(".")]
    except OSError as error:
        raise InputError(f"{folder.name}: cannot be read: {error.strerror or error}") from error
