"""The summed volume of the pieces a particle broke into, over the volume it had before.

Each piece's volume follows from its own projected area by the track's model. Pieces of a ball are no balls, so the sum
is a lower bound more than a measurement; its column says whose it is and stands beside `volume_ratio`, never in it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tem_track.movie import FloatArray
from tem_track.tables import Table


def write_lineage_sums(
    tracks: Table, volumes: FloatArray, sds: FloatArray, levels: Mapping[int, float], fates: Mapping[int, str]
) -> None:
    """Fill `lineage_volume_ratio` and its sd of every lineage of more than one track, in place.

    Parameters
    ----------
    tracks : Table
        TRACKS rows.
    volumes, sds : (N,) float64
        Volume of each row and its standard uncertainty, any one unit.
    levels : mapping of track to float
        V0 of each track in that unit, NaN where unknown.
    fates : mapping of track to str

    Notes
    -----
    A frame has a sum only if every piece that should be there has a volume: a piece that left or was lost leaves the
    frames after it empty. Errors of pieces are taken as correlated (their edges are wrong alike): they add up.
    """
    for lineage in np.unique(tracks["lineage_id"]):
        rows = np.flatnonzero(tracks["lineage_id"] == lineage)
        ids = tracks["track_id"][rows]
        if len(np.unique(ids)) < 2:
            continue
        frames = tracks["frame"][rows]
        spans = {int(i): (int(frames[ids == i].min()), int(frames[ids == i].max())) for i in np.unique(ids)}
        parent = min(spans, key=lambda i: spans[i])
        level = levels.get(parent, float("nan"))
        for frame in np.unique(frames):
            here = rows[frames == frame]
            due = {i for i, (a, b) in spans.items() if a <= frame and not (fates.get(i) == "fractured" and b < frame)}
            if {int(i) for i in tracks["track_id"][here]} == due:
                tracks["lineage_volume_ratio"][here] = volumes[here].sum() / level
                tracks["lineage_volume_ratio_sd"][here] = sds[here].sum() / level
