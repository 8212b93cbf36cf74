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
from tem_track.drift.reference import Block, alike, block_pairs, overlap, state_of
from tem_track.movie import FloatArray, Image, InOrder, one_by_one

TILES = 8
# Rounds end when no block moves by this much any more, px: a tenth of what a frame is known to.
STEP_SMALL_PX = 0.005
# Pixels two blocks must share in the same state, as a share of the field.
SMALLEST_SHARE = 0.02


def align_blocks(
    blocks: Sequence[Block], noise: float, errors_px: Sequence[float], in_order: InOrder = one_by_one
) -> FloatArray:
    """Move the block means into line and return by how much the path of each block was wrong, (B, 2) px.

    Parameters
    ----------
    blocks : sequence of Block
        Filled; their means are moved in place.
    noise : float
        Variance of the noise of one prepared frame.
    errors_px : sequence of float
        How wrong the path may be at the start of each round.
    in_order : InOrder
        How pairs of blocks are worked on: one by one, or a few at the same time.
    """
    corrections = np.zeros((len(blocks), 2))
    means = [block.mean() for block in blocks]
    for block in blocks:
        # A mean is 0 outside its frames; that edge must not take part, since it never moves.
        block.count = block.count * uncut(block.count)
    for error_px in errors_px:
        pairs = _block_pairs(blocks, noise, error_px, in_order)
        step, _ = solve_path(pairs, len(blocks))
        step = np.nan_to_num(step, nan=0.0)
        step -= np.average(step, axis=0, weights=[len(block.members) for block in blocks])
        corrections += step
        for block, mean, (dy, dx) in zip(blocks, means, corrections, strict=True):
            block.total = shifted(mean, float(dy), float(dx)) * block.count
        if np.abs(step).max() < STEP_SMALL_PX:
            break
    return corrections


def _block_pairs(blocks: Sequence[Block], noise: float, error_px: float, in_order: InOrder) -> list[Pair]:
    means = [block.mean() for block in blocks]
    slopes = [gradient(mean) for mean in means]
    states = [
        state_of(block, mean, slope, noise, error_px) for block, mean, slope in zip(blocks, means, slopes, strict=True)
    ]
    chosen = list(block_pairs(len(blocks)))

    def compared(n: int) -> Pair | None:
        b, o = chosen[n]
        here, there = overlap(blocks[b], blocks[o])
        weight = alike(states[b].part(here), states[o].part(there))
        if float(weight.sum()) < SMALLEST_SHARE * means[b].size:
            return None
        slope_here, slope_there = (slopes[b][0][here], slopes[b][1][here]), (slopes[o][0][there], slopes[o][1][there])
        pair = _pair(means[b][here], slope_here, means[o][there], slope_there, weight)
        return None if pair is None else Pair(b, o, pair[0], pair[1])

    return [pair for pair in in_order(compared, range(len(chosen))) if pair is not None]


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
