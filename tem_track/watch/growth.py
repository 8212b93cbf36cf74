"""Whether a recording still grows: what its files look like now, and since when they have looked like that.

Polling, not the system's notices of changed files: those are not sent for what another computer writes to a network
drive, which is where microscopes record to. A look costs a listing of one folder, or the size of one file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tem_track.errors import InputError
from tem_track.read.growing.opening import bytes_now
from tem_track.read.insitu_tree import newest_folder

# A recording whose frames come this slowly is not taken for finished between two of them: times the longest gap seen.
_GAPS = 3.0


@dataclass(frozen=True)
class Look:
    """What a recording looks like from outside: how much there is, and the newest of it.

    Attributes
    ----------
    entries : int
        Files in the folder that is being filled, 1 for a file.
    size : int
        Bytes of the file, or of the newest one.
    newest : str
        Name of the newest file.
    mtime_ns : int
        When it was written to.
    """

    entries: int
    size: int
    newest: str
    mtime_ns: int


def look_at(path: Path) -> Look | None:
    """Return what a recording looks like now, None where it is gone or cannot be looked at."""
    try:
        if path.is_dir():
            return _look_into(newest_folder(path))
        size = bytes_now(path)
        return Look(1, size, path.name, path.stat().st_mtime_ns)
    except (OSError, InputError):
        return None


def _look_into(folder: Path) -> Look:
    """Return what the newest file of a folder looks like; names are compared, and one file is asked for its size."""
    entries, newest = 0, ""
    with os.scandir(folder) as scanned:
        for entry in scanned:
            if entry.name.startswith("."):
                continue
            entries += 1
            # Longer names first: frame 10 comes after frame 9 also without leading zeros.
            if (len(entry.name), entry.name) > (len(newest), newest):
                newest = entry.name
    status = (folder / newest).stat() if newest else folder.stat()
    latest = max(status.st_mtime_ns, folder.stat().st_mtime_ns)
    return Look(entries, status.st_size if newest else 0, f"{folder.name}/{newest}", latest)


@dataclass
class Growth:
    """How a recording has grown while it was watched.

    Attributes
    ----------
    settle_s : float
        Without a change for so long it is taken for finished.
    grew : bool
        Whether it was seen to grow at all.
    """

    settle_s: float
    grew: bool = False
    _look: Look | None = None
    _since: float = 0.0
    _longest_gap_s: float = 0.0

    def note(self, look: Look | None, now_s: float, wall_s: float) -> bool:
        """Take note of a look and return whether anything has changed since the last one.

        Parameters
        ----------
        look : Look or None
        now_s : float
            On a clock that only goes forward.
        wall_s : float
            Seconds since 1970, as files carry them: what has stood still for long is settled at the first look.
        """
        if look is not None and self._look is None:
            age = max(0.0, wall_s - look.mtime_ns / 1e9)
            self._look, self._since = look, now_s - min(age, self.settle_s)
            return True
        if look is None or look == self._look:
            return False
        if self.grew:
            self._longest_gap_s = max(self._longest_gap_s, now_s - self._since)
        self._look, self._since, self.grew = look, now_s, True
        return True

    def is_settled(self, now_s: float) -> bool:
        """Return whether it has not changed for as long as is asked, nor for a few of its own intervals."""
        return self._look is not None and now_s - self._since >= self.wait_s

    @property
    def wait_s(self) -> float:
        """Return for how long nothing may change before the recording counts as finished."""
        return max(self.settle_s, _GAPS * self._longest_gap_s)

    @property
    def look(self) -> Look | None:
        """Return the last look."""
        return self._look
