from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tem_track.front.growth.level import EdgeWidth, RimLevel, adds_up

SHAPE = (60, 80)
Y, X = np.indices(SHAPE)
DEPTH = 20.0 - np.hypot(Y - 30, X - 40)
INSIDE = DEPTH > 0
SEEN = np.ones(SHAPE, bool)


@pytest.mark.parametrize("additive", [True, False])
def test_the_level_is_that_of_the_rim_not_of_the_middle(additive: bool) -> None:
    before = np.full(SHAPE, 50.0, np.float32)
    image = (before + 100 + 3 * np.clip(DEPTH, 0, None)).astype(np.float32)
    rim = RimLevel(before, additive)
    rim.add(image, SEEN, INSIDE)
    carried = rim.carried(np.full(SHAPE, -1.0, np.float32))
    on_rim = np.abs(DEPTH) < 1
    assert carried[on_rim].mean() == pytest.approx(100 if additive else 150, abs=1.5)
    assert carried[0, 0] == -1


def test_what_objects_do_to_an_uneven_matrix_is_told() -> None:
    before = np.where(X < 40, 200.0, 60.0).astype(np.float32)
    rng = np.random.default_rng(1)
    noisy = (before + rng.normal(0, 20, SHAPE)).astype(np.float32)
    assert adds_up(before + 150, noisy, INSIDE)
    assert not adds_up(np.full(SHAPE, 300.0, np.float32), noisy, INSIDE)
    assert not adds_up(before, before, np.zeros(SHAPE, bool))


@pytest.mark.parametrize("width", [0.8, 1.5])
def test_the_blur_of_an_edge_is_measured(width: float) -> None:
    rise = gaussian_filter(np.clip(DEPTH + 0.5, 0, 1), width).astype(np.float32)
    edge = EdgeWidth()
    edge.add(rise, SEEN, INSIDE)
    assert edge.width_px() == pytest.approx(width, rel=0.25)
    assert EdgeWidth().width_px() == 0
