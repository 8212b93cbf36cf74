"""Frames as measured on and as binned."""

from __future__ import annotations

import numpy as np
import pytest

from tem_track.movie import MeasuredFrames, binned, finite, recorded_frame


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32, np.float64, np.bool_])
@pytest.mark.parametrize("binning", [2, 3, 8])
def test_binning_is_the_mean_of_every_square(dtype: type, binning: int) -> None:
    # Wider than one strip of rows holds, and no multiple of the binning.
    frame = (np.random.default_rng(1).random((700, 1030)) * 2).astype(dtype)
    small = binned(frame, binning)
    rows, columns = 700 // binning, 1030 // binning
    whole = frame[: rows * binning, : columns * binning].astype(np.float64)
    assert small.dtype == np.float32
    assert small == pytest.approx(whole.reshape(rows, binning, columns, binning).mean(axis=(1, 3)), rel=1e-5)


def test_binning_by_one_is_the_frame() -> None:
    frame = np.arange(6, dtype=np.uint16).reshape(2, 3)
    assert np.array_equal(binned(frame, 1), finite(frame))


def test_pixels_that_are_not_finite_do_not_spread() -> None:
    frame = np.full((8, 8), 2.0)
    frame[1, 1], frame[5, 5] = np.nan, np.inf
    assert np.array_equal(binned(frame, 2), np.full((4, 4), 2.0, np.float32))


def test_zero_comes_with_the_recorded_frame() -> None:
    frames = np.full((2, 3, 3), 7, np.uint16)
    assert recorded_frame(frames, 1)[1] == 0.0
    measured = MeasuredFrames(frames, -3.0)
    frame, zero = recorded_frame(measured, 1)
    assert frame.dtype == np.uint16
    assert zero == -3.0
    assert (measured[1] == 10.0).all()
    with pytest.raises(IndexError):
        measured.recorded(2)
