"""The blocks of a movie brought into line with each other before any frame is compared with them.

Registering frames on means that are themselves misplaced moves slow errors only a little with every pass. The means
are few and almost free of noise, so every block is compared with every other on the pixels that show the same state
in both, and all displacements are solved together. Nothing is read for it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tem_track.drift.graph import Pair, solve_path
from tem_track.drift.pairs import agreed_step, gradient, tile_sums
from tem_track.drift.prepare import moved, shifted, uncut
from tem_track.drift.reference import Block, alike, slope_power
from tem_track.movie import FloatArray, Image

TILES = 8
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
    return corrections


def _block_pairs(blocks: Sequence[Block], noise: float, error_px: float) -> list[Pair]:
    means = [block.mean() for block in blocks]
    slopes = [gradient(mean) for mean in means]
    powers = [slope_power(slope) for slope in slopes]
    pairs = []
    for b, first in enumerate(blocks):
        for o in range(b + 1, len(blocks)):
            second = blocks[o]
            dy, dx = second.origin[0] - first.origin[0], second.origin[1] - first.origin[1]
            count = moved(second.count, dy, dx) if dy or dx else second.count
            image, by, bx = (moved(p, dy, dx) if dy or dx else p for p in (means[o], *slopes[o]))
            misplaced = powers[b] * error_px**2
            weight = alike(means[b], image, first.count, count, noise, misplaced)
            if float(weight.sum()) < SMALLEST_SHARE * weight.size:
                continue
            pair = _pair(means[b], slopes[b], image, (by, bx), weight)
            if pair is not None:
                pairs.append(Pair(b, o, pair[0], pair[1]))
    return pairs


def _pair(
    a: Image, slope_a: tuple[Image, Image], b: Image, slope_b: tuple[Image, Image], weight: Image
) -> tuple[FloatArray, float] | None:
    """Return how far b stands from a, px, and its uncertainty."""
    difference = (a - b) * weight
    sums = [tile_sums((slope_a[i] + slope_b[i]) * difference * np.float32(0.5), TILES) for i in (0, 1)]
    yy, xx = (tile_sums(slope_a[i] * slope_b[i] * weight, TILES) for i in (0, 1))
    yx = tile_sums(np.float32(0.5) * (slope_a[0] * slope_b[1] + slope_a[1] * slope_b[0]) * weight, TILES)
    score = np.stack(sums, axis=1)
    curvature = np.stack([np.stack([yy, yx], 1), np.stack([yx, xx], 1)], axis=1)
    area = tile_sums(weight, TILES)
    misfit = np.where(area > 1, tile_sums(difference * (a - b), TILES) / np.maximum(area, 1.0), 0.0)
    try:
        step, votes, total = agreed_step(score, curvature, misfit)
    except np.linalg.LinAlgError:
        return None
    loose = votes[:, None] * (score - curvature @ step)
    inverse = np.linalg.inv(total)
    spread = inverse @ (loose.T @ loose) @ inverse
    return np.clip(step, -1.5, 1.5), max(float(np.sqrt(np.trace(spread) / 2)), 1e-3)
