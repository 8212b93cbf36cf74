"""Block means, what counts as the same state, and lining blocks up."""

from __future__ import annotations

import numpy as np
from test_drift_survey import moving_texture

from tem_track.drift.align import align_blocks
from tem_track.drift.prepare import Preparer
from tem_track.drift.reference import Block, cut_blocks, references


def filled(frames: np.ndarray, offset: float = 0.0) -> list[Block]:
    """Return three blocks of static frames; those of the last are `offset` px off in y."""
    path = np.zeros((len(frames), 2))
    preparer = Preparer(frames, None, 512)
    blocks = cut_blocks(range(len(frames)), path, preparer.shape)
    for block in blocks:
        for k in block.members:
            prepared = preparer(k)
            block.total += prepared.image
            block.count += prepared.weight
    return blocks


def test_blocks_end_at_a_jump() -> None:
    path = np.zeros((12, 2))
    path[4:] = 40.0
    blocks = cut_blocks(range(12), path, (100, 100))
    assert blocks[0].members == [0, 1, 2, 3]
    assert blocks[1].origin == (40, 40)


def test_static_pixels_use_the_whole_movie_and_changed_ones_do_not() -> None:
    frames = moving_texture(np.zeros((15, 2)), 300)
    frames[10:, 40:80, 40:80] = moving_texture(np.zeros((5, 2)), 300, seed=8)[:, 40:80, 40:80]
    blocks = filled(frames)
    first = references(blocks, 0.002, 0.1)[0]
    assert first.support[10:25, 10:25].mean() > 13
    assert first.support[55:65, 55:65].mean() < 11
    assert first.lasting[55:65, 55:65].mean() < 0.75 < first.lasting[10:25, 10:25].mean()


def test_a_misplaced_block_is_moved_back() -> None:
    path = np.zeros((15, 2))
    path[10:, 0] = 0.4
    blocks = filled(moving_texture(path, 300))
    corrections = align_blocks(blocks, 0.002, (0.5, 0.25, 0.12, 0.12))
    assert np.allclose(corrections[2] - corrections[0], (0.4, 0.0), atol=0.03)
    assert np.allclose(corrections[1] - corrections[0], 0, atol=0.03)
