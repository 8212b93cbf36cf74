"""The speed of a front along boundaries."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tem_track.front.grains.network import grains_from_labels
from tem_track.front.measure import measure_front
from tem_track.front.propagation.along import along_boundaries
from tem_track.front.speed import steepness, well_fitted_slope
from tem_track.settings import FrontSettings
from tests.fronts import SPEED, WALL_X, held_front, known, two_grains

FAST, SLOW, ZONE_PX, SHAPE = 8.0, 2.0, 7.0, (160, 120)


def finger(blur_px: float = 0.0, noise: float = 0.0) -> np.ndarray:
    """Return the arrival of a front that runs down the boundary of `two_grains`, its wings following."""
    y, x = np.indices(SHAPE, dtype=float)
    beyond = np.maximum(np.abs(x - WALL_X) - ZONE_PX, 0)
    arrival = 10 + y / FAST + beyond * np.sqrt(SLOW**-2 - FAST**-2)
    arrival += noise * np.random.default_rng(7).standard_normal(SHAPE)
    return np.asarray(cv2.GaussianBlur(arrival, (0, 0), blur_px) if blur_px else arrival, np.float32)


def both_ways(arrival: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
    """Return the speeds along the boundary, and the plain ones in its zone."""
    grains = grains_from_labels(labels)
    parts = np.where(grains.distance_px <= ZONE_PX, grains.territory, 0).astype(np.int32)
    clear = grains.distance_px > 2
    return along_boundaries(arrival, grains, clear), 1 / steepness(*well_fitted_slope(arrival, parts, clear))


@pytest.mark.parametrize(("blur", "noise"), [(0.0, 0.0), (3.0, 0.0), (2.0, 0.3)])
def test_a_blurred_finger_keeps_its_speed(blur: float, noise: float) -> None:
    along, plain = both_ways(finger(blur, noise), two_grains(SHAPE))
    assert along is not None
    assert np.nanmedian(along) == pytest.approx(FAST, rel=0.03)
    if blur:
        assert np.nanmedian(plain) < 0.9 * FAST


def test_a_front_straight_across_says_nothing_of_boundaries() -> None:
    assert both_ways(held_front(SHAPE).astype(np.float32), two_grains(SHAPE))[0] is None


def test_one_grain_has_no_boundary_to_run_along() -> None:
    assert both_ways(finger(), np.ones(SHAPE, np.int32))[0] is None


def test_the_summary_states_the_finger_s_speed() -> None:
    front = measure_front(
        known(finger(2.5, 0.2).astype(float)),
        grains_from_labels(two_grains(SHAPE)),
        times_s=np.arange(80.0),
        timed=True,
        temperatures_c=None,
        pixel_size_nm=1.0,
        settings=FrontSettings(boundary_zone_nm=ZONE_PX),
    )
    assert front.summary["boundary_speed_nm_per_s"] == pytest.approx(FAST, rel=0.05)
    assert front.summary["interior_speed_nm_per_s"] == pytest.approx(SPEED, rel=0.05)
    assert front.summary["boundary_interior_ratio_low"] < FAST / SLOW < front.summary["boundary_interior_ratio_high"]
