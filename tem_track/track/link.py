"""The way from label images per frame to tracks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tem_track.labels import LabelStack, Runs
from tem_track.movie import FloatArray, Labels, Mask, Progress, no_progress
from tem_track.settings import TrackSettings
from tem_track.track.finish import Linked, finish_tracks
from tem_track.track.forward import FrameDrift, Linker
from tem_track.track.hindsight import LookBack, coalesced, resolve, settle
from tem_track.track.shapes import Offset
from tem_track.track.tracks import Tracks

# Detection flickers for a frame or a few; what stays as long as this is real.
LASTING_FRAMES = 5
# In a short movie the same is asked of this share of its frames.
LASTING_SHARE = 0.25


def link_particles(
    labels: Sequence[Labels],
    *,
    drift_px: FloatArray,
    usable: Mask,
    times_s: FloatArray,
    settings: TrackSettings | None = None,
    progress: Progress = no_progress,
) -> Tracks:
    """Return tracks: every particle under one number from its first frame to its last, and what happened to it.

    Parameters
    ----------
    labels : sequence of (Y, X) int32
        One label image per frame as detection gave it, in the coordinates of the recorded frame, numbered
        arbitrarily; 0 = background. Read one at a time (`LabelStack` will do).
    drift_px : (T, 2) float64
        (dy, dx): where the specimen sits in each frame minus frame 0; NaN where not known. Particles have no rows
        in those frames.
    usable : (T,) bool
        False for blurred, duplicate or torn frames: their regions are used where they agree with the neighbouring
        frames, and never start or end anything.
    times_s : (T,) float64
        Time of each frame.
    settings : TrackSettings
    progress : callable
        Called with (steps done, 2 T).

    Raises
    ------
    ValueError
        The lengths differ, or label images of different shape.

    Notes
    -----
    Linked in the specimen frame, one to one at least cost [1]_, with splits and joinings on probation until they last
    and judged with hindsight; see `forward`, `match` and `hindsight`. Holds a few label images at a time.

    References
    ----------
    .. [1] K. Jaqaman et al., Nature Methods 5 (2008) 695-702. https://doi.org/10.1038/nmeth.1237
    """
    settings = settings or TrackSettings()
    total = len(labels)
    drift, can_judge = np.asarray(drift_px, np.float64), np.asarray(usable, np.bool_)
    if not (drift.shape == (total, 2) and len(can_judge) == total and len(times_s) == total and total):
        raise ValueError(f"{total} label images, drift {drift.shape}, {len(can_judge)} usable, {len(times_s)} times")
    known = np.isfinite(drift[:, 0]) & np.isfinite(drift[:, 1])
    offsets: list[Offset | None] = [FrameDrift(*d).offset if ok else None for d, ok in zip(drift, known, strict=True)]
    judged = known & can_judge
    lasting = max(1, min(LASTING_FRAMES, int(np.count_nonzero(judged) * LASTING_SHARE)))
    linker = _linked(labels, drift, known, judged, settings.max_gap_frames, lasting, progress)
    settle(linker)
    resolve(linker)
    coalescences = coalesced(linker)
    back = LookBack(linker, offsets, lasting)
    back.run()
    times = np.asarray(times_s, np.float64)
    linked = Linked(
        linker.stack, linker.rows, offsets, drift, judged, times, back.fractures, coalescences, lasting,
        settings.max_gap_frames,
    )  # fmt: skip
    return finish_tracks(linked, progress)


def _linked(
    labels: Sequence[Labels],
    drift: FloatArray,
    known: Mask,
    judged: Mask,
    max_gap_frames: int,
    lasting: int,
    progress: Progress,
) -> Linker:
    height, width = labels.shape if isinstance(labels, LabelStack) else np.asarray(labels[0]).shape
    linker = Linker((height, width), max_gap_frames, max(2, lasting))
    for k in range(len(labels)):
        if known[k]:
            found = _runs_of(labels, k)
            linker.add(found, FrameDrift(float(drift[k, 0]), float(drift[k, 1])), bool(judged[k]))
        else:
            linker.skip()
        progress(k + 1, 2 * len(labels))
    return linker


def _runs_of(labels: Sequence[Labels], k: int) -> Runs:
    """Return the runs of label image k."""
    return labels.runs(k) if isinstance(labels, LabelStack) else Runs.of(np.ascontiguousarray(labels[k], np.int32))
