"""The specimen's canvas: what frames see of it, and sub-pixel shifts."""

from __future__ import annotations

import numpy as np
import pytest

from tem_track.simulate.canvas import canvas_of, cubic, shifted


@pytest.mark.parametrize("drift", [(0.0, 0.0), (6.0, -9.0), (-12.25, 3.5), (2.75, 7.0)])
def test_a_feature_stands_where_the_drift_says(drift: tuple[float, float]) -> None:
    path = np.array([(0.0, 0.0), drift])
    canvas = canvas_of(40, 60, path)
    y = np.arange(canvas.height)[:, None] + canvas.top
    x = np.arange(canvas.width)[None, :] + canvas.left
    spot = np.exp(-((y - 20) ** 2 + (x - 30) ** 2) / (2 * 2.0**2)).astype(np.float32)
    for k in (0, 1):
        rows, columns, rest = canvas.window(path[k])
        frame = shifted(spot[rows, columns], rest)
        assert frame.shape == (40, 60)
        yy, xx = np.mgrid[:40, :60]
        assert (frame * yy).sum() / frame.sum() == pytest.approx(20 + path[k, 0], abs=0.01)
        assert (frame * xx).sum() / frame.sum() == pytest.approx(30 + path[k, 1], abs=0.01)


def test_frame_0_is_cut_without_a_shift() -> None:
    canvas = canvas_of(20, 30, np.array([(0.0, 0.0), (5.5, -4.2)]))
    image = np.arange(canvas.height * canvas.width, dtype=np.float32).reshape(canvas.shape)
    rows, columns, rest = canvas.window(np.zeros(2))
    assert (shifted(image[rows, columns], rest) == canvas.of_frame_0(image)).all()


def test_the_kernel_keeps_the_sum_and_straight_lines() -> None:
    for f in (0.0, 0.3, 0.99):
        weights = cubic(f)
        assert weights.sum() == pytest.approx(1)
        assert (weights * [-1, 0, 1, 2]).sum() == pytest.approx(f)
