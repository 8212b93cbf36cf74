"""Binning, band-pass, spikes and sub-pixel shifts."""

from __future__ import annotations

import numpy as np
import pytest
from test_drift_survey import texture

from tem_track.drift.prepare import Preparer, band_pass, moved, shifted, without_spikes


@pytest.mark.parametrize("part", [0.0, 0.25, 0.5, 0.9, -3.3])
def test_shift_of_a_wave_is_exact(part: float) -> None:
    angle = 2 * np.pi * np.arange(64.0) / 7
    image = np.repeat(np.sin(angle)[:, None], 32, axis=1).astype(np.float32)
    expected = np.sin(angle + 2 * np.pi * part / 7)
    assert shifted(image, part, 0.0)[10:50, 12] == pytest.approx(expected[10:50], abs=0.01)


def test_moved_leaves_zero_outside() -> None:
    image = np.ones((8, 9), np.float32)
    assert moved(image, 3, -2).sum() == 5 * 7
    assert moved(image, 8, 0).sum() == 0


def test_band_pass_drops_a_slope_and_keeps_texture() -> None:
    ramp = np.add.outer(np.arange(128.0), np.arange(128.0)).astype(np.float32)
    assert np.abs(band_pass(ramp)[32:96, 32:96]).max() < 0.01
    assert band_pass(texture(128).astype(np.float32)).std() > 0.05


def test_a_spike_goes_and_a_picture_stays() -> None:
    image = np.random.default_rng(0).normal(100, 3, (64, 64)).astype(np.float32)
    hit = image.copy()
    hit[20, 30] = 5000
    assert without_spikes(hit)[20, 30] < 120
    assert np.array_equal(without_spikes(image), image)


def test_fixed_pixels_weigh_nothing_and_leave_no_edge() -> None:
    frame = np.full((1, 96, 96), 100.0, np.float32)
    frame += np.random.default_rng(1).normal(0, 1, frame.shape)
    frame[0, 70:80, 20:60] = 4000
    fixed = np.zeros((96, 96), bool)
    fixed[70:80, 20:60] = True
    prepared = Preparer(frame, fixed, 512)(0)
    assert (prepared.weight[70:80, 20:60] == 0).all()
    assert np.abs(prepared.image).max() < 0.03
    assert np.abs(Preparer(frame, None, 512)(0).image).max() > 1


def test_binning_is_a_whole_number() -> None:
    preparer = Preparer(np.zeros((1, 1030, 700), np.uint16), None, 512)
    assert preparer.binning == 3
    assert preparer.shape == (343, 233)
