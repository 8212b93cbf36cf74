from __future__ import annotations

import numpy as np
import pytest

from tem_track.drift.path import Drift, no_drift


def test_an_error_of_the_first_frame_is_in_all_others() -> None:
    rng = np.random.default_rng(1)
    sd = np.array([0.3, 0.1, 0.2, 0.4])
    placed = sd[:, None] * rng.standard_normal((4, 4000))
    stated = Drift(np.zeros((4, 2)), sd, [""] * 4).displacement_sd_px
    assert stated == pytest.approx((placed - placed[0]).std(axis=1), rel=0.05)
    assert stated[0] == 0


def test_a_frame_that_was_not_placed_has_no_uncertainty() -> None:
    path, sd = np.zeros((3, 2)), np.array([np.nan, 0.1, 0.1])
    path[0] = np.nan
    stated = Drift(path, sd, ["blank", "", ""]).displacement_sd_px
    assert np.isnan(stated[0])
    assert stated[1:] == pytest.approx([0.0, 0.1 * np.sqrt(2)])
    assert (no_drift(3).displacement_sd_px == 0).all()
