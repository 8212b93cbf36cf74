"""What a frame is registered against: the mean of the registered frames that show the specimen in the same state.

The movie is cut into blocks of frames. Each block has a mean image; the reference of a block is the mean over all
blocks, but pixel by pixel only over those that look there as this block does. Where the specimen stays as it is,
that is the mean of the whole movie, which ties the first frame to the last. Where it changes, it is a mean of the
frames around, so that growth and a passing front do not pull.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from tem_track.drift.pairs import gradient
from tem_track.drift.prepare import moved
from tem_track.movie import FloatArray, Image

# Memory the block means may take, bytes; nine float32 images a block at the peak.
BLOCK_BYTES = 256 * 2**20
MOST_BLOCKS = 24
# Frames a block should hold: enough for its mean to be well below the noise of a frame.
FRAMES_A_BLOCK = 5
# A block ends where the specimen has moved by this share of the field since it began: its mean would lose the rest.
LARGEST_MOVE = 0.12
# Differences between block means are judged over this neighbourhood, px.
STATE_SIGMA_PX = 3.0


@dataclass
class Block:
    """A run of frames with its mean image, in coordinates of a frame displaced by `origin` (whole px)."""

    members: list[int]
    origin: tuple[int, int]
    total: Image
    count: Image

    def mean(self) -> Image:
        """Return the mean image, 0 where no frame contributed."""
        return np.asarray(self.total / np.maximum(self.count, 1.0), dtype=np.float32)


@dataclass
class Reference:
    """The reference of one block.

    Attributes
    ----------
    image : (y, x) float32
    support : (y, x) float32
        How many frames it is the mean of.
    lasting : (y, x) float32
        Share of the frames that could contribute and look alike: 1 where the specimen never changes.
    """

    image: Image
    support: Image
    lasting: Image


def cut_blocks(members: Sequence[int], path: FloatArray, shape: tuple[int, int]) -> list[Block]:
    """Return empty blocks over the given frames (numbers in order) of a path (T, 2) in px."""
    fit = max(1, int(BLOCK_BYTES / (9 * 4 * shape[0] * shape[1])))
    most = max(1, min(MOST_BLOCKS, fit))
    length = max(FRAMES_A_BLOCK, -(-len(members) // most))
    runs: list[list[int]] = []
    limit = LARGEST_MOVE * np.array(shape)
    for k in members:
        jumped = bool(runs) and bool((np.abs(path[k] - path[runs[-1][0]]) > limit).any())
        if not runs or len(runs[-1]) >= length or (jumped and len(runs) < 2 * most):
            runs.append([])
        runs[-1].append(k)
    blocks = []
    for run in runs:
        middle = np.round(np.median(path[run], axis=0)).astype(int)
        empty = np.zeros(shape, np.float32)
        blocks.append(Block(run, (int(middle[0]), int(middle[1])), empty, empty.copy()))
    return blocks


def references(blocks: Sequence[Block], noise: float, path_error_px: float) -> list[Reference]:
    """Return the reference of every block.

    Parameters
    ----------
    blocks : sequence of Block
        Filled.
    noise : float
        Variance of the noise of one prepared frame.
    path_error_px : float
        How wrong the path may still be: differences that such an error makes are not a change of the specimen.
    """
    means = [block.mean() for block in blocks]
    slopes = [slope_power(gradient(mean)) for mean in means]
    found = []
    for b, block in enumerate(blocks):
        total = block.total.copy()
        support = block.count.copy()
        possible = block.count.copy()
        for o, other in enumerate(blocks):
            if o == b:
                continue
            dy, dx = block.origin[0] - other.origin[0], block.origin[1] - other.origin[1]
            # A feature at x in the coordinates of `block` stands at x - (dy, dx) in those of `other`.
            count = moved(other.count, -dy, -dx)
            same = alike(means[b], moved(means[o], -dy, -dx), block.count, count, noise, slopes[b] * path_error_px**2)
            total += same * moved(other.total, -dy, -dx)
            support += same * count
            possible += count
        image = np.asarray(total / np.maximum(support, 1e-6), dtype=np.float32)
        found.append(Reference(image, support, np.asarray(support / np.maximum(possible, 1e-6), dtype=np.float32)))
    return found


def alike(a: Image, b: Image, count_a: Image, count_b: Image, noise: float, misplaced: Image) -> Image:
    """Return per pixel how far two block means show the same state, 0 to 1.

    The squared difference, pooled over a neighbourhood, is divided by what noise and a misplaced block explain.
    """
    both = ((count_a > 0) & (count_b > 0)).astype(np.float32)
    expected = noise * (1 / np.maximum(count_a, 1) + 1 / np.maximum(count_b, 1)) + misplaced
    ratio = both * (a - b) ** 2 / np.maximum(expected, 1e-30)
    pooled = cv2.GaussianBlur(ratio, (0, 0), STATE_SIGMA_PX) / np.maximum(
        cv2.GaussianBlur(both, (0, 0), STATE_SIGMA_PX), 1e-3
    )
    return np.asarray(both / (1 + np.maximum(pooled - 1.5, 0.0) ** 2), dtype=np.float32)


def slope_power(slope: tuple[Image, Image]) -> Image:
    """Return the mean square of the slope along an axis, (y, x)."""
    dy, dx = slope
    return np.asarray((dy * dy + dx * dx) * np.float32(0.5))
