"""The picture inside a constant border."""

from __future__ import annotations

import numpy as np
import pytest

from tem_track.drift.border import picture_mask, picture_window


@pytest.mark.parametrize("value", [0.0, 255.0])
@pytest.mark.parametrize("window", [(0, 80, 0, 100), (7, 80, 11, 100), (0, 60, 0, 90), (5, 70, 9, 95)])
def test_window_is_found(window: tuple[int, int, int, int], value: float) -> None:
    frame = np.full((80, 100), value, np.float32)
    y0, y1, x0, x1 = window
    frame[y0:y1, x0:x1] = np.random.default_rng(0).normal(120, 10, (y1 - y0, x1 - x0))
    assert picture_window(frame) == window
    assert picture_mask(frame).sum() == (y1 - y0) * (x1 - x0)


def test_ringing_in_a_border_is_border() -> None:
    rng = np.random.default_rng(1)
    frame = rng.normal(120, 20, (64, 64)).astype(np.float32)
    frame[:9] = rng.integers(0, 3, (9, 64))
    assert picture_window(frame) == (9, 64, 0, 64)


def test_constant_frame_is_all_picture() -> None:
    assert picture_window(np.zeros((20, 30), np.float32)) == (0, 20, 0, 30)


def test_dark_particle_at_the_edge_is_no_border() -> None:
    frame = np.random.default_rng(2).normal(120, 5, (64, 64)).astype(np.float32)
    frame[:20, 10:40] = 0
    assert picture_window(frame) == (0, 64, 0, 64)
