"""V/V0 of a particle that broke: of its pieces together, over the volume it had before.

A piece of a ball is no ball: three pieces taken as balls of their own areas have 58 % of the whole. Pieces that came
apart side by side keep the particle's thickness, so their areas add up to the area the whole would have, and that
area is turned into a volume by the track's model: V/V0 = (sum A / A0)^p.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tem_track.tables import Table

_Rows = NDArray[np.int64]


def write_lineage_ratios(
    tracks: Table, start_areas: Mapping[int, float], exponent: float, fates: Mapping[int, str]
) -> None:
    """Fill `lineage_volume_ratio`, its sd and `lineage_pieces` of every lineage of more than one track, in place.

    Parameters
    ----------
    tracks : Table
        TRACKS rows with areas in px.
    start_areas : mapping of track to float
        Projected area that goes with each track's V0, px^2, NaN where it has none.
    exponent : float
        p of V ~ A^p.
    fates : mapping of track to str

    Notes
    -----
    A frame has a value only if every piece that should be there has an area of its own: a piece that left, was lost or
    stayed with a neighbour leaves the frames after it empty. Pieces that lie over each other or turn make the value too
    small, pieces that lie flat too large; neither is in the uncertainty. Errors of the pieces' areas are taken as
    correlated (their edges are wrong alike): they add up.
    """
    for lineage in np.unique(tracks["lineage_id"]):
        rows = np.flatnonzero(tracks["lineage_id"] == lineage)
        ids = tracks["track_id"][rows]
        if len(np.unique(ids)) < 2:
            continue
        frames = tracks["frame"][rows]
        spans = {int(i): (int(frames[ids == i].min()), int(frames[ids == i].max())) for i in np.unique(ids)}
        strangers = _strangers(tracks, spans, int(lineage))
        parent = min(spans, key=lambda i: spans[i])
        start = start_areas.get(parent, float("nan"))
        for frame in np.unique(frames):
            here = rows[frames == frame]
            due = {i for i, (a, b) in spans.items() if a <= frame and not (fates.get(i) == "fractured" and b < frame)}
            if {int(i) for i in tracks["track_id"][here]} == due and not due & strangers:
                _write_sum(tracks, here, start, exponent)


def _strangers(tracks: Table, spans: Mapping[int, tuple[int, int]], lineage: int) -> set[int]:
    """Return the tracks that belonged to another lineage before: they hold more than a piece."""
    elsewhere = tracks["track_id"][tracks["lineage_id"] != lineage]
    return {i for i in spans if (elsewhere == i).any()}


def _write_sum(tracks: Table, here: _Rows, start: float, exponent: float) -> None:
    """Write the ratio of one frame's rows together into each of them."""
    area = tracks["area_px"][here].sum()
    ratio = (area / start) ** exponent
    tracks["lineage_volume_ratio"][here] = ratio
    tracks["lineage_volume_ratio_sd"][here] = ratio * exponent * tracks["area_sd_px"][here].sum() / area
    tracks["lineage_pieces"][here] = len(here) if np.isfinite(ratio) else 0


def lineage_end(tracks: Table, lineage: int, count: int) -> tuple[float, float]:
    """Return V/V0 of all pieces of a lineage at its end: mean of the last `count` frames that have one, and its sd.

    Parameters
    ----------
    tracks : Table
        With `lineage_volume_ratio`.
    lineage : int
    count : int

    Returns
    -------
    (float, float)
        NaN where pieces were never seen together. The sd is that of a single frame: pieces' edges are wrong alike in
        neighbouring frames.
    """
    rows = (
        (tracks["lineage_id"] == lineage) & np.isfinite(tracks["lineage_volume_ratio"]) & (tracks["lineage_pieces"] > 1)
    )
    if not rows.any():
        return float("nan"), float("nan")
    first = np.unique(tracks["frame"][rows], return_index=True)[1]
    last = first[-count:]
    ratio, sd = tracks["lineage_volume_ratio"][rows][last], tracks["lineage_volume_ratio_sd"][rows][last]
    return float(ratio.mean()), float(np.median(sd))
