"""A front darkens; contrast that changes both ways is none."""

from __future__ import annotations

import numpy as np
from test_drift_survey import texture

from tem_track.front import Arrival, brightened_share

SHAPE = (128, 128)


def arrival(degraded: np.ndarray) -> Arrival:
    frame = np.where(degraded, 5.0, np.nan).astype(np.float32)
    return Arrival(frame, np.where(degraded, 0.3, np.nan).astype(np.float32), np.ones(SHAPE, bool), 0.3 * degraded)


def picture(seed: int, strength: float = 1.0) -> np.ndarray:
    return (100 * (1 + strength * (texture(128, seed) - 1))).astype(np.float32)


def test_darkening_under_changed_illumination_brightens_nothing() -> None:
    before = picture(1)
    degraded = np.indices(SHAPE)[1] < 50
    light = 1.3 + 0.2 * np.linspace(-1, 1, 128)[:, None] ** 2
    after = (before * np.where(degraded, 0.7, 1.0) * light).astype(np.float32)
    assert brightened_share(before, after, arrival(degraded)) < 0.01


def test_contrast_that_changes_all_over_brightens_a_part() -> None:
    before, after = picture(1, 1.5), picture(2, 1.5)
    darker = after < 0.8 * before
    assert brightened_share(before, after, arrival(darker)) > 0.15


def test_where_all_degraded_there_is_nothing_to_tell() -> None:
    everything = np.ones(SHAPE, bool)
    assert brightened_share(picture(1), 0.7 * picture(1), arrival(everything)) == 0.0
