from __future__ import annotations

import numpy as np
from growing_movie import CENTRE, SHAPE, growing_frames
from numpy.typing import NDArray

from tem_track.front.growth.change import Changed, find_changed
from tem_track.front.growth.frames import CoarseFrames, mean_of


def changed_in(frames: NDArray[np.float32], bright: bool = True, drift: NDArray[np.float64] | None = None) -> Changed:
    count = len(frames)
    coarse = CoarseFrames(frames, np.zeros((count, 2)) if drift is None else drift, None, [0, 1, 2], bright)
    before, _ = mean_of(coarse, [0, 1, 2], coarse.shape)
    return find_changed(coarse, list(range(count)), before)


def test_one_piece_where_the_disc_grew() -> None:
    changed = changed_in(growing_frames())
    assert changed.pieces.max() == 1
    assert changed.pieces[round(CENTRE[0]), round(CENTRE[1])] == 1
    assert 0.8 * np.pi * 12.4**2 < (changed.pieces > 0).sum() < 1.5 * np.pi * 12.4**2
    assert 8 <= changed.first[1] <= 14


def test_nothing_where_nothing_grew_or_became_darker() -> None:
    assert not changed_in(growing_frames(onset=1e9)).pieces.any()
    assert not changed_in(growing_frames(), bright=False).pieces.any()


def test_an_edge_that_is_registered_half_a_pixel_off_is_no_change() -> None:
    wrong = np.zeros((40, 2))
    wrong[20:, 1] = 0.6
    assert not changed_in(growing_frames(onset=1e9, noise=1.0), drift=wrong).pieces.any()


def test_a_flash_in_one_frame_is_no_change() -> None:
    frames = growing_frames(onset=1e9)
    frames[20, 20:40, 50:70] += 300
    assert not changed_in(frames).pieces.any()


def test_a_window_of_the_pieces_at_full_resolution() -> None:
    pieces = np.arange(12, dtype=np.int32).reshape(3, 4)
    changed = Changed(pieces, pieces.astype(np.float32), np.zeros(12))
    window = (slice(2, 7), slice(0, 9))
    finer = changed.windowed(window, 2).pieces
    assert finer.shape == (5, 9)
    assert finer[0, 0] == pieces[1, 0]
    assert finer[4, 8] == pieces[2, 3]
    assert SHAPE == (72, 80)
