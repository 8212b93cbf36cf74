"""The blocks of a movie brought into line with each other before any frame is compared with them.

Registering frames on means that are themselves misplaced moves slow errors only a little with every pass. The means
are few and almost free of noise, so every block is compared with every other on the pixels that show the same state
in both, and all displacements are solved together. Nothing is read for it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tem_track.drift.graph import Pair, solve_path
from tem_track.drift.pairs import agreed_step, gradient, pair_terms
from tem_track.drift.prepare import shifted, uncut
from tem_track.drift.reference import Block, alike, block_pairs, overlap, slope_power
from tem_track.movie import FloatArray, Image

TILES = 8
# Rounds end when no block moves by this much any more, px: a tenth of what a frame is known to.
STEP_SMALL_PX = 0.005
# Pixels two blocks must share in the same state, as a share of the field.
SMALLEST_SHARE = 0.02


def align_blocks(blocks: Sequence[Block], noise: float, errors_px: Sequence[float]) -> FloatArray:
    """Move the block means into line and return by how much the path of each block was wrong, (B, 2) px.

    Parameters
    ----------
    blocks : sequence of Block
        Filled; their means are moved in place.
    noise : float
        Variance of the noise of one prepared frame.
    errors_px : sequence of float
        How wrong the path may be at the start of each round.
    """
    corrections = np.zeros((len(blocks), 2))
    means = [block.mean() for block in blocks]
    for block in blocks:
        # A mean is 0 outside its frames; that edge must not take part, since it never moves.
        block.count = block.count * uncut(block.count)
    for error_px in errors_px:
        pairs = _block_pairs(blocks, noise, error_px)
        step, _ = solve_path(pairs, len(blocks))
        step = np.nan_to_num(step, nan=0.0)
        step -= np.average(step, axis=0, weights=[len(block.members) for block in blocks])
        corrections += step
        for block, mean, (dy, dx) in zip(blocks, means, corrections, strict=True):
            block.total = shifted(mean, float(dy), float(dx)) * block.count
        if np.abs(step).max() < STEP_SMALL_PX:
            break
    return corrections


def _block_pairs(blocks: Sequence[Block], noise: float, error_px: float) -> list[Pair]:
    means = [block.mean() for block in blocks]
    slopes = [gradient(mean) for mean in means]
    misplaced = [slope_power(slope) * np.float32(error_px**2) for slope in slopes]
    pairs = []
    for b, o in block_pairs(len(blocks)):
        here, there = overlap(blocks[b], blocks[o])
        first, second = means[b][here], means[o][there]
        uncertain = (misplaced[b][here] + misplaced[o][there]) * np.float32(0.5)
        weight = alike(first, second, blocks[b].count[here], blocks[o].count[there], noise, uncertain)
        if float(weight.sum()) < SMALLEST_SHARE * means[b].size:
            continue
        slope_here, slope_there = (slopes[b][0][here], slopes[b][1][here]), (slopes[o][0][there], slopes[o][1][there])
        pair = _pair(first, slope_here, second, slope_there, weight)
        if pair is not None:
            pairs.append(Pair(b, o, pair[0], pair[1]))
    return pairs


def _pair(
    a: Image, slope_a: tuple[Image, Image], b: Image, slope_b: tuple[Image, Image], weight: Image
) -> tuple[FloatArray, float] | None:
    """Return how far b stands from a, px, and its uncertainty."""
    score, curvature, misfit = pair_terms(a, slope_a, b, slope_b, weight, TILES)
    try:
        step, votes, total = agreed_step(score, curvature, misfit)
    except np.linalg.LinAlgError:
        return None
    loose = votes[:, None] * (score - curvature @ step)
    inverse = np.linalg.inv(total)
    spread = inverse @ (loose.T @ loose) @ inverse
    return np.clip(step, -1.5, 1.5), max(float(np.sqrt(np.trace(spread) / 2)), 1e-3)
