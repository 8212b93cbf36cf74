"""The papers' volume curves."""

from __future__ import annotations

import numpy as np
import pytest

from tem_track.simulate.curves import KINDS, ratio_at


@pytest.mark.parametrize(("name", "final"), [("NiO", 1.94), ("CuO", 1.61), ("NiO@CuO", 1.76)])
def test_final_ratio_is_the_papers(name: str, final: float) -> None:
    assert ratio_at(KINDS[name].envelope, np.array([-100.0, 5000.0]), 15.0) == pytest.approx([1.0, final])


def test_core_shell_is_slow_then_fast_and_cuo_fast_then_slow() -> None:
    def rates(name: str) -> np.ndarray:
        corners = np.array(KINDS[name].envelope)
        return np.diff(corners[:, 1]) / np.diff(corners[:, 0])

    assert rates("NiO@CuO")[1] > 1.6 * rates("NiO@CuO")[0]
    assert rates("CuO")[0] > 1.6 * rates("CuO")[1]
    assert len(rates("NiO")) == 1
    assert rates("NiO")[0] > 5 * rates("CuO")[0]


def test_the_core_hardly_changes_in_the_first_stage() -> None:
    kind = KINDS["NiO@CuO"]
    assert dict(kind.wall)[220.0] - 1 < 0.1 * (dict(kind.wall)[720.0] - 1)


def test_blur_is_the_running_mean() -> None:
    curve = ((0.0, 1.0), (10.0, 2.0), (30.0, 2.5))
    at = np.linspace(-20, 60, 41)
    window = np.linspace(-6, 6, 20001)
    brute = [ratio_at(curve, t + window, 0.0).mean() for t in at]
    assert ratio_at(curve, at, 12.0) == pytest.approx(brute, abs=1e-4)


def test_blur_of_one_step_curve_keeps_the_constant_ends() -> None:
    assert ratio_at(((0.0, 1.0),), np.array([-1e9, 0.0, 1e9]), 15.0) == pytest.approx([1, 1, 1])
