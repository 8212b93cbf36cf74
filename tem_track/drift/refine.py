"""The last tenths of a pixel: every frame against the mean of the frames that show the specimen in the same state.

Which pixels to trust is read off the movie. The field is cut into tiles, each with its own vote on the displacement
of every frame (particles and background vote apart where the particles are known). A tile whose votes disagree with
the others in the same direction for many frames on end holds something that moves or grows, and loses its weight by
as much; a tile that only scatters holds noise and is weighted by it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from tem_track.drift.align import align_blocks
from tem_track.drift.pairs import gradient, tile_sums
from tem_track.drift.path import Drift, FrameQuality
from tem_track.drift.prepare import HalfSize, Prepared, PreparedFrames, Preparer, moved, shifted
from tem_track.drift.reference import Block, Reference, cut_blocks, references
from tem_track.drift.smooth import smoothed
from tem_track.drift.vouch import background_share, unconfirmed, widened
from tem_track.labels import LabelStack
from tem_track.movie import FloatArray, Frames, Image, InOrder, Labels, Mask, Progress, no_progress, one_by_one
from tem_track.settings import DriftSettings

# Longer side of the binned frames, px.
REFINE_PX = 640
# How wrong the path may still be at the start of each pass, px of its frames; the first pass, on frames of half the
# size, takes out what the survey left and costs a quarter.
PATH_ERROR_PX = (0.25, 0.12)
# Frames whose longer side is not above this are not halved for it, px.
HALVED_ABOVE_PX = 256
# The same for the rounds in which the block means are brought into line, in each of the passes.
ALIGN_ERROR_PX = ((0.5, 0.25, 0.12), (0.25, 0.12))
TILES = 8
# The band-pass spreads a particle's edge this far outside it, px: three of its broad widths.
REACH_PX = 14
REWEIGHTINGS = 8
# Largest share of the say of one tile: it always agrees with a path of its own making, so its agreement is no proof.
LARGEST_SHARE = 1 / 3


@dataclass
class _Votes:
    """Scores (T, n, 2) and curvatures (T, n, 2, 2) of n tiles for every frame."""

    score: FloatArray
    curvature: FloatArray


@dataclass(frozen=True)
class _Confirmed:
    """What the background leaves open (T,) px, and its share of the say; see `vouch`."""

    open_px: FloatArray
    share: float


def refine_drift(
    frames: Frames,
    drift: Drift,
    quality: FrameQuality,
    *,
    particles: Sequence[Labels] | None = None,
    fixed: Mask | None = None,
    settings: DriftSettings | None = None,
    progress: Progress = no_progress,
    in_order: InOrder = one_by_one,
) -> Drift:
    """Return the drift refined against the registered mean.

    Parameters
    ----------
    frames : Frames
        T frames (Y, X) as recorded; read once per pass.
    drift : Drift
        The rough path of `survey_frames`.
    quality : FrameQuality
    particles : sequence of (Y, X) label images, optional
        Coarse particles of every frame in its own coordinates. They only cut the votes of particles from those of
        the background: neither is trusted beforehand.
    fixed : (Y, X) bool, optional
    settings : DriftSettings, optional
    progress : callable, optional
    in_order : InOrder
        How frames are worked on: one by one, or a few at the same time; the result is the same.
    """
    settings = settings or DriftSettings()
    members = [k for k in range(len(frames)) if quality.usable[k] and drift.registered[k]]
    if not settings.enabled or len(members) < 2:
        return drift
    preparer = Preparer(frames, fixed, REFINE_PX)
    coarse = HalfSize(preparer) if max(preparer.shape) > HALVED_ABOVE_PX else preparer
    path, sd = drift.displacement_px, drift.sd_px
    wanted = [k for k in range(len(frames)) if drift.registered[k] and quality.repeats[k] == k]
    steps = len(PATH_ERROR_PX) * (len(members) + len(wanted))
    done = 0
    for prepared, error_px, align_px in zip((coarse, preparer), PATH_ERROR_PX, ALIGN_ERROR_PX, strict=True):
        path = path / prepared.binning
        blocks, noise = _filled_blocks(prepared, members, path, in_order)
        done += len(members)
        progress(done, steps)
        corrections = align_blocks(blocks, noise, align_px, in_order)
        path = _corrected(path, blocks, corrections)
        against = references(blocks, noise, error_px, in_order)
        votes = _votes(prepared, blocks, against, path, wanted, particles, in_order)
        done += len(wanted)
        progress(done, steps)
        path, sd, confirmed = _moved_path(path, votes, blocks, wanted, noise)
        path, sd = path * prepared.binning, sd * prepared.binning
    finished = _finished(drift, quality, path, sd)
    if particles is None:
        return finished
    doubts = confirmed.open_px * preparer.binning
    sd = widened(
        finished.sd_px, doubts[quality.repeats], confirmed.share, finished.displacement_px, drift.displacement_px
    )
    return replace(finished, sd_px=sd)


def _filled_blocks(
    preparer: PreparedFrames, members: list[int], path: FloatArray, in_order: InOrder
) -> tuple[list[Block], float]:
    """Return the blocks with their means, and the variance of the noise of one prepared frame."""
    blocks = cut_blocks(members, path, preparer.shape)
    origin = {k: block.origin for block in blocks for k in block.members}
    placed = in_order(lambda k: _placed(preparer(k), path[k] - origin[k]), origin)
    power, share = 0.0, 0.0
    for block in blocks:
        squares = np.zeros(preparer.shape, np.float32)
        for image, weight in itertools.islice(placed, len(block.members)):
            block.total += image
            block.count += weight
            squares += np.multiply(image, image, out=image)
        enough = block.count >= 2
        spread = (squares - block.total**2 / np.maximum(block.count, 1.0)) / np.maximum(block.count - 1, 1.0)
        if enough.any():
            # The median over pixels is that of noise alone: few pixels change within a block.
            power += float(np.median(spread[enough][::7])) * len(block.members)
            share += len(block.members)
    return blocks, power / max(share, 1.0)


def _corrected(path: FloatArray, blocks: Sequence[Block], corrections: FloatArray) -> FloatArray:
    """Return the path with the correction of each block added to its frames."""
    owner = _owners(blocks, list(range(len(path))))
    return np.array([path[k] + corrections[owner[k]] for k in range(len(path))])


def _placed(prepared: Prepared, shift: FloatArray) -> tuple[Image, Image]:
    """Return a prepared frame and its weight in the coordinates of a block."""
    dy, dx = float(shift[0]), float(shift[1])
    weight = moved(prepared.weight, round(dy), round(dx))
    return shifted(prepared.image, dy, dx) * weight, weight


def _votes(
    preparer: PreparedFrames,
    blocks: Sequence[Block],
    against: Sequence[Reference],
    path: FloatArray,
    wanted: list[int],
    particles: Sequence[Labels] | None,
    in_order: InOrder,
) -> _Votes:
    sets = 1 if particles is None else 2
    count = len(path)
    votes = _Votes(np.zeros((count, sets * TILES**2, 2)), np.zeros((count, sets * TILES**2, 2, 2)))
    owner = _owners(blocks, wanted)

    def terms(k: int) -> tuple[FloatArray, FloatArray]:
        block, reference = blocks[owner[k]], against[owner[k]]
        image, weight = _placed(preparer(k), path[k] - block.origin)
        inside = None
        if particles is not None:
            dy, dx = np.round(path[k] - block.origin).astype(int).tolist()
            inside = moved(_particle_weight(preparer, particles, k), dy, dx)
        return _terms(image, weight, reference, k in block.members, inside)

    for k, found in zip(wanted, in_order(terms, wanted), strict=True):
        votes.score[k], votes.curvature[k] = found
    return votes


def _owners(blocks: Sequence[Block], wanted: list[int]) -> dict[int, int]:
    """Return the number of the block each frame is registered in: its own or the nearest in time."""
    first = np.array([block.members[0] for block in blocks])
    return {k: int(np.clip(np.searchsorted(first, k, side="right") - 1, 0, len(blocks) - 1)) for k in wanted}


def _particle_weight(preparer: PreparedFrames, particles: Sequence[Labels], k: int) -> Image:
    """Return 1 on the particles of frame k and as far around them as the band-pass carries their edge, 0 elsewhere."""
    step = 2 * preparer.binning
    labels = particles.thinned(k, step) if isinstance(particles, LabelStack) else particles[k][::step, ::step]
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (REACH_PX | 1, REACH_PX | 1))
    small = cv2.dilate((labels > 0).astype(np.uint8), disc)
    return np.asarray(cv2.resize(small, preparer.shape[::-1], interpolation=cv2.INTER_NEAREST), dtype=np.float32)


def _terms(
    image: Image, weight: Image, reference: Reference, member: bool, inside: Image | None
) -> tuple[FloatArray, FloatArray]:
    """Return score (n, 2) and curvature (n, 2, 2) of every tile of a placed frame against its reference.

    The frame's own share is taken out of the reference first: its noise would hold it where it is.
    """
    mean, usable = _others(image, weight, reference) if member else (reference.image, reference.support > 0.9)
    trust = weight * reference.lasting
    trust *= usable
    ay, ax = gradient(mean)
    by, bx = gradient(image)
    products = np.empty((5, *image.shape), np.float32)
    difference = np.subtract(mean, image)
    ay *= trust
    ax *= trust
    np.multiply(ay, difference, out=products[0])
    np.multiply(ax, difference, out=products[1])
    np.multiply(ay, by, out=products[2])
    np.multiply(ax, bx, out=products[4])
    np.multiply(ay, bx, out=products[3])
    products[3] += np.multiply(ax, by, out=difference)
    products[3] *= np.float32(0.5)
    sums = tile_sums(products, TILES)
    if inside is not None:
        products *= inside
        within = tile_sums(products, TILES)
        sums = np.concatenate([sums - within, within], axis=1)
    curvature = np.stack([np.stack([sums[2], sums[3]], 1), np.stack([sums[3], sums[4]], 1)], axis=1)
    return sums[:2].T, curvature


def _others(image: Image, weight: Image, reference: Reference) -> tuple[Image, Mask]:
    """Return the reference without the frame's own share, and where anything is left of it."""
    left = reference.support - weight
    usable = left > 0.9
    mean = reference.image * reference.support
    mean -= image * weight
    mean /= np.maximum(left, np.float32(0.1), out=left)
    mean *= usable
    return mean, usable


def _moved_path(
    path: FloatArray, votes: _Votes, blocks: Sequence[Block], wanted: list[int], noise: float
) -> tuple[FloatArray, FloatArray, _Confirmed]:
    """Return the path after one Newton step with weighted tiles, its standard uncertainty, px, and what confirms it."""
    owner = _owners(blocks, wanted)
    groups = [[k for k in wanted if owner[k] == b] for b in range(len(blocks))]
    curvature = np.stack(
        [votes.curvature[g].mean(axis=0) if g else votes.curvature[wanted].mean(axis=0) for g in groups]
    )
    strength = np.maximum(np.trace(curvature, axis1=2, axis2=3) / 2, 0.0)
    weight = np.where(strength > 0, 1.0, 0.0)
    step, residual = np.zeros_like(path), np.zeros_like(votes.score)
    for _ in range(REWEIGHTINGS):
        for b, group in enumerate(groups):
            if group:
                total = np.einsum("n,nij->ij", weight[b], curvature[b])
                push = np.einsum("n,kni->ki", weight[b], votes.score[group])
                step[group] = np.clip(push @ np.linalg.pinv(total), -1.0, 1.0)
                residual[group] = votes.score[group] - np.einsum("nij,kj->kni", curvature[b], step[group])
        weight = _tile_weights(residual, groups, strength, noise)
    sd = np.full(len(path), np.nan)
    for b, group in enumerate(groups):
        if group:
            inverse = np.linalg.pinv(np.einsum("n,nij->ij", weight[b], curvature[b]))
            loose = weight[b][None, :, None] * residual[group]
            spread = np.einsum("kni,knj->kij", loose, loose)
            sd[group] = np.sqrt(np.trace(inverse @ spread @ inverse, axis1=1, axis2=2) / 2)
    new = path.copy()
    new[wanted] += step[wanted]
    n = TILES**2
    open_px = unconfirmed(votes.score[:, :n], votes.curvature[:, :n], weight, groups, step)
    return new, sd, _Confirmed(open_px, background_share(strength, weight))


def _tile_weights(residual: FloatArray, groups: list[list[int]], strength: FloatArray, noise: float) -> FloatArray:
    """Return the weight of every tile in every block, (blocks, n): 1 / (noise + lasting disagreement).

    In units of the score per unit curvature: noise is the scatter of the votes around the block's mean, disagreement
    the mean square of the block means over the movie. No tile scatters less than the `noise` of a frame allows: one
    that has moved the path to its own vote alone would otherwise be trusted without end.
    """
    n = residual.shape[1]
    scatter, lasting, share = np.zeros(n), np.zeros((len(groups), n)), 0
    for b, group in enumerate(groups):
        if not group:
            continue
        mean = residual[group].mean(axis=0)
        h = np.maximum(strength[b], 1e-30)
        lasting[b] = (mean**2).sum(axis=1) / (2 * h)
        if len(group) > 1:
            off = residual[group] - mean
            scatter += (off**2).sum(axis=(0, 2)) / (2 * h)
            share += len(group) - 1
    scatter /= max(share, 1)
    disagreement = lasting.mean(axis=0)[None, :]
    weight = 1.0 / np.maximum(np.maximum(scatter, noise)[None, :] + disagreement, 1e-30)
    return _shared_out(np.where(strength > 0, weight, 0.0), strength)


def _shared_out(weight: FloatArray, strength: FloatArray) -> FloatArray:
    """Return the weights (blocks, n) with no tile's share of the say above LARGEST_SHARE."""
    for _ in range(REWEIGHTINGS):
        say = weight * strength
        most = LARGEST_SHARE * say.sum(axis=1, keepdims=True)
        weight = np.where(say > most, weight * most / np.maximum(say, 1e-30), weight)
    return weight


def _finished(rough: Drift, quality: FrameQuality, path: FloatArray, sd: FloatArray) -> Drift:
    """Return the refined drift: relative to the first registered frame, repeats with the frame they repeat."""
    registered = np.flatnonzero(rough.registered)
    own = registered[quality.repeats[registered] == registered]
    path[own], sd[own] = smoothed(path[own], sd[own])
    path = path - path[registered[0]]
    for k, same in enumerate(quality.repeats):
        if same != k:
            path[k], sd[k] = path[same], sd[same]
    return Drift(path, sd, list(rough.reason))
