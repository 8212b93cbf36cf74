"""What the particles say about the drift: their common motion that the registration has left over.

Where the support shows no texture (bare vacuum, a film at a few electrons per pixel) little is left to register on, and
the refinement's own uncertainty does not know it. Particles that stay whole then carry the better signal: what their
centres do together is drift, what each does for itself is not.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tem_track.drift.path import Drift
from tem_track.movie import FloatArray, Mask

# Particles whose centres do the same: two that are no neighbours do not do so by themselves.
LEAST_PARTICLES = 2
# Common motion that exceeds its own uncertainty by this factor is drift. It is 1.7 at most on simulated movies that
# register well, and 2.8 to 32 on those that do not.
CLEAR = 2.5
# Less than this, px (root mean square of a component), uneven growth of a few particles can do to their centres.
LEAST_MOTION_PX = 0.15
# Two particles cannot outvote one that moves by itself: their common motion must be this many times as large.
FOR_TWO = 2.0
# Share of the frames a particle must be seen in, and all of them together.
LEAST_SEEN, LEAST_KNOWN = 0.2, 0.5
_ROUNDS = 30


# Particles whose centres stay nearer than this share of the sum of their radii touch, in at least half of the frames.
TOUCHING = 1.15


def follow_particles(
    drift: Drift,
    frame: NDArray[np.int64],
    track: NDArray[np.int64],
    centre_px: FloatArray,
    area_px: FloatArray,
    whole: Mask,
) -> Drift:
    """Return the drift with the common motion of the particles added, or as it is where that is not clear.

    Clear is what exceeds the particles' own scatter, or where the registration is less sure of itself than they are.

    Parameters
    ----------
    drift : Drift
    frame, track : (N,) int64
        Of every outline.
    centre_px : (N, 2) float64
        Its centroid (y, x) in the recorded frame.
    area_px : (N,) float64
        Its projected area.
    whole : (N,) bool
        The outline is whole: not cut by the border, not of a particle that breaks or merges.

    Returns
    -------
    Drift
        The very same object where nothing was added.
    """
    count = len(drift.sd_px)
    table, area = _positions(frame, track, centre_px - drift.displacement_px[frame], area_px, whole, count)
    if len(table) < LEAST_PARTICLES or len(table := _bodies(table, area)) < LEAST_PARTICLES:
        return drift
    common, sd = _common(table)
    known = np.isfinite(common[:, 0]) & np.isfinite(sd)
    if not known[0] or known.sum() < max(LEAST_PARTICLES, LEAST_KNOWN * count):
        return drift
    # About its mean: an error of frame 0 alone would look like motion in all the others.
    motion = np.sqrt(np.mean((common[known] - common[known].mean(axis=0)) ** 2))
    certain = 1.0 if len(table) > LEAST_PARTICLES else FOR_TWO
    # A registration that admits an error as large as that is overruled by particles that know better.
    admitted = np.sqrt(np.mean(np.nan_to_num(drift.sd_px[known]) ** 2))
    if max(motion, admitted) < certain * max(LEAST_MOTION_PX, CLEAR * np.sqrt(np.mean(sd[known] ** 2))):
        return drift
    common -= common[0]
    frames = np.arange(count)
    between = np.stack([np.interp(frames, frames[known], common[known, axis]) for axis in (0, 1)], axis=1)
    error = np.interp(frames, frames[known], sd[known])
    return replace(
        drift,
        displacement_px=drift.displacement_px + between,
        # What was not known of the path before is known from the particles now.
        sd_px=np.where(np.isfinite(drift.sd_px), error, np.nan),
    )


def _positions(
    frame: NDArray[np.int64],
    track: NDArray[np.int64],
    place: FloatArray,
    area_px: FloatArray,
    whole: Mask,
    count: int,
) -> tuple[FloatArray, FloatArray]:
    """Return (P, T, 2) positions in the specimen frame and (P, T) areas of the particles seen whole, NaN elsewhere."""
    good = whole & np.isfinite(place).all(axis=1)
    numbers, seen = np.unique(track[good], return_counts=True)
    numbers = numbers[seen >= LEAST_SEEN * count]
    table, area = np.full((len(numbers), count, 2), np.nan), np.full((len(numbers), count), np.nan)
    for i, number in enumerate(numbers):
        rows = good & (track == number)
        table[i, frame[rows]] = place[rows]
        area[i, frame[rows]] = area_px[rows]
    return table, area


def _bodies(table: FloatArray, area: FloatArray) -> FloatArray:
    """Return (B, T, 2) positions of what touches taken together: growth pushes a chain apart about its middle.

    The middle is that of the particles by their usual areas, the same in every frame: one that grows before its
    neighbour must not pull it. A body has a place only where all of its particles are seen.
    """
    radius = np.sqrt(area / np.pi)
    count = len(table)
    owner = np.arange(count)
    for i in range(count):
        gap = np.hypot(*(table[i] - table[i + 1 :]).transpose(2, 0, 1)) - TOUCHING * (radius[i] + radius[i + 1 :])
        both = np.isfinite(gap).sum(axis=1)
        for j in np.flatnonzero((gap < 0).sum(axis=1) > both / 2) + i + 1:
            owner[owner == owner[j]] = owner[i]
    usual = np.nanmedian(area, axis=1)
    return np.stack([np.average(table[owner == b], axis=0, weights=usual[owner == b]) for b in np.unique(owner)])


def _common(table: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the (T, 2) motion common to (B, T, 2) positions and its (T,) standard uncertainty; NaN where unknown.

    Place of each body and motion of each frame in turn (a two-way layout with gaps). A body that moves by itself loses
    its say by as much: its weight is one over its mean square deviation from the common motion and that of the rest.
    """
    seen = np.isfinite(table[:, :, 0])
    enough = seen.sum(axis=0) >= LEAST_PARTICLES
    table = np.where((seen & enough[None, :])[:, :, None], table, np.nan)
    values, there = np.nan_to_num(table), np.isfinite(table).astype(np.float64)
    place = values.sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    say = np.ones(len(table))
    for _ in range(_ROUNDS):
        weight = there * say[:, None, None]
        common = (weight * (values - place[:, None])).sum(axis=0) / np.maximum(weight.sum(axis=0), 1e-30)
        place = (there * (values - common[None])).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
        left = there * (values - place[:, None] - common[None])
        own = (left**2).sum(axis=(1, 2)) / np.maximum(there.sum(axis=(1, 2)), 1)
        say = 1 / (own + float(np.median(own)) + 1e-12)
        say /= say.max()
    whole = weight[..., 0].sum(axis=0)
    bodies = whole**2 / np.maximum((weight[..., 0] ** 2).sum(axis=0), 1e-30)
    variance = (weight * left**2).sum(axis=(0, 2)) / 2 / np.maximum(whole, 1e-30) / np.maximum(bodies - 1, 0.5)
    common[~enough] = np.nan
    return common, np.where(enough, np.sqrt(variance), np.nan)
