"""The profiles of each track pooled into a few windows in time: what kinds, pedestal and errors are learned from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray
from tem_track.segment.outline.chord import SMALL, RadialProfiles
from tem_track.segment.outline.evidence import MovieProfiles

# Windows in time, fewer where the track is short, and rows that a window has at least.
_WINDOWS, _LEAST_ROWS = 6, 4


@dataclass(frozen=True)
class Windows:
    """W windows of a movie's tracks, in the order of the tracks.

    Attributes
    ----------
    profiles : RadialProfiles
        W pooled profiles, in units of their own fitted edges.
    owner : (W,) int
        Track of each window, counted from 0.
    centre : (W,) float64
        Mean row of each window.
    """

    profiles: RadialProfiles
    owner: NDArray[np.intp]
    centre: FloatArray

    def of_tracks(self) -> list[NDArray[np.intp]]:
        """Return the windows of every track."""
        return np.split(np.arange(len(self.owner)), np.flatnonzero(np.diff(self.owner)) + 1)

    def resolved(self) -> NDArray[np.intp]:
        """Return the windows of the tracks that are wide enough for a core or void to be seen."""
        return np.concatenate(
            [mine for mine in self.of_tracks() if float(np.median(self.profiles.blur[mine])) <= SMALL]
            or [np.zeros(0, np.intp)]
        )


def windows_of(profiles: MovieProfiles) -> Windows:
    """Return the windows of a movie's profiles."""
    window = np.zeros(len(profiles), np.intp)
    owner: list[int] = []
    centre: list[float] = []
    for i, rows in enumerate(profiles.tracks()):
        length = rows.stop - rows.start
        parts = np.array_split(np.arange(rows.start, rows.stop), max(1, min(_WINDOWS, length // _LEAST_ROWS)))
        for part in parts:
            window[part] = len(owner)
            owner.append(i)
            centre.append(float(part.mean()))
    return Windows(profiles.pooled(window, len(owner)), np.array(owner, np.intp), np.array(centre))
