"""What a frame is registered against: the mean of the registered frames that show the specimen in the same state.

The movie is cut into blocks of frames. Each block has a mean image; the reference of a block is the mean over all
blocks, but pixel by pixel only over those that look there as this block does. Where the specimen stays as it is,
that is the mean of the whole movie, which ties the first frame to the last. Where it changes, it is a mean of the
frames around, so that growth and a passing front do not pull.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np

from tem_track.drift.pairs import gradient
from tem_track.movie import FloatArray, Image, InOrder, Mask, one_by_one

Window: TypeAlias = tuple[slice, slice]

# Memory the block means may take, bytes; nine float32 images a block at the peak.
BLOCK_BYTES = 256 * 2**20
MOST_BLOCKS = 24
# Frames a block should hold, for its mean to be well below the noise of a frame; a short movie is rather cut into this
# many blocks of at least so few frames.
FRAMES_A_BLOCK, BLOCKS_WANTED, FEWEST_FRAMES = 10, 12, 5
# A block ends where the specimen has moved by this share of the field since it began: its mean would lose the rest.
LARGEST_MOVE = 0.12
# With more blocks than this, each is compared with those so many further on: far ones tie the first to the last, and a
# few at each distance are enough.
ALL_PAIRS_UP_TO, PAIR_STEPS = 12, (1, 2, 3, 5, 8, 13, 21)
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
    wanted = min(FRAMES_A_BLOCK, -(-len(members) // BLOCKS_WANTED))
    length = max(FEWEST_FRAMES, wanted, -(-len(members) // most))
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


def references(
    blocks: Sequence[Block], noise: float, path_error_px: float, in_order: InOrder = one_by_one
) -> list[Reference]:
    """Return the reference of every block.

    Parameters
    ----------
    blocks : sequence of Block
        Filled.
    noise : float
        Variance of the noise of one prepared frame.
    path_error_px : float
        How wrong the path may still be: differences that such an error makes are not a change of the specimen.
    in_order : InOrder
        How pairs of blocks are worked on: one by one, or a few at the same time.
    """
    states = []
    for block in blocks:
        mean = block.mean()
        states.append(state_of(block, mean, gradient(mean), noise, path_error_px))
    found = [[block.total.copy(), block.count.copy(), block.count.copy()] for block in blocks]
    pairs = list(block_pairs(len(blocks)))

    def compared(n: int) -> tuple[Window, Window, Image]:
        b, o = pairs[n]
        here, there = overlap(blocks[b], blocks[o])
        return here, there, alike(states[b].part(here), states[o].part(there))

    for (b, o), (here, there, same) in zip(pairs, in_order(compared, range(len(pairs))), strict=True):
        for this, mine, other, its in ((b, here, o, there), (o, there, b, here)):
            total, support, possible = found[this]
            total[mine] += same * blocks[other].total[its]
            support[mine] += same * blocks[other].count[its]
            possible[mine] += blocks[other].count[its]
    return [Reference(*_mean_of(*sums)) for sums in found]


def _mean_of(total: Image, support: Image, possible: Image) -> tuple[Image, Image, Image]:
    """Return mean image, support and the share of the frames that could contribute, from sums over frames."""
    little = np.float32(1e-6)
    np.divide(total, np.maximum(support, little), out=total)
    np.divide(support, np.maximum(possible, little), out=possible)
    return total, support, possible


def block_pairs(count: int) -> Iterator[tuple[int, int]]:
    """Yield the pairs of blocks that are compared, first < second: all of a few, else by ever longer steps in time."""
    for step in range(1, count) if count <= ALL_PAIRS_UP_TO else [s for s in PAIR_STEPS if s < count]:
        yield from ((b, b + step) for b in range(count - step))


def overlap(a: Block, b: Block) -> tuple[Window, Window]:
    """Return the rows and columns of either block that show the same part of the specimen."""
    windows: list[list[slice]] = [[], []]
    for size, from_a, from_b in zip(a.total.shape, a.origin, b.origin, strict=True):
        # A feature at y in the coordinates of a stands at y + step in those of b.
        step = from_b - from_a
        start, stop = max(0, -step), max(0, -step, min(size, size - step))
        windows[0].append(slice(start, stop))
        windows[1].append(slice(start + step, stop + step))
    return (windows[0][0], windows[0][1]), (windows[1][0], windows[1][1])


@dataclass(frozen=True)
class State:
    """What a block shows (y, x): its mean, where it is known, and the variance of that by noise and misplacement."""

    mean: Image
    known: Mask
    variance: Image

    def part(self, window: Window) -> State:
        """Return the state of a window."""
        return State(self.mean[window], self.known[window], self.variance[window])


def state_of(block: Block, mean: Image, slope: tuple[Image, Image], noise: float, path_error_px: float) -> State:
    """Return the state of a block from its mean and the slope of that.

    Parameters
    ----------
    block : Block
    mean : (y, x) float32
    slope : tuple of (y, x) float32
        Along y and x.
    noise : float
        Variance of the noise of one prepared frame.
    path_error_px : float
        How far the block may be misplaced against another, px; each of the two takes half of it.
    """
    variance = np.float32(noise) / np.maximum(block.count, np.float32(1))
    variance += slope_power(slope) * np.float32(0.5 * path_error_px**2)
    return State(mean, block.count > 0, np.maximum(variance, np.float32(1e-30)))


def alike(a: State, b: State) -> Image:
    """Return per pixel how far two block means show the same state, 0 to 1.

    The squared difference, pooled over a neighbourhood, is divided by what noise and a misplaced block explain. It is
    pooled on pictures of half the size.
    """
    if not a.mean.size:
        return np.zeros(a.mean.shape, np.float32)
    both = a.known & b.known
    ratio = np.subtract(a.mean, b.mean)
    ratio *= ratio
    ratio /= a.variance + b.variance
    ratio *= both
    height, width = ratio.shape
    half = ((width + 1) // 2, (height + 1) // 2)
    pooled, known = (
        cv2.GaussianBlur(cv2.resize(p, half, interpolation=cv2.INTER_AREA), (0, 0), STATE_SIGMA_PX / 2)
        for p in (ratio, both.astype(np.float32))
    )
    excess = np.maximum(pooled / np.maximum(known, np.float32(1e-3)) - np.float32(1.5), np.float32(0))
    weight = cv2.resize(1 / (1 + excess * excess), (width, height), interpolation=cv2.INTER_NEAREST)
    weight *= both
    return np.asarray(weight)


def slope_power(slope: tuple[Image, Image]) -> Image:
    """Return the mean square of the slope along an axis, (y, x)."""
    power = slope[0] * slope[0]
    power += slope[1] * slope[1]
    power *= np.float32(0.5)
    return np.asarray(power)
