from __future__ import annotations

import numpy as np
import pytest
from expansion_curves import piecewise

from tem_track.expansion.stages import find_stages
from tem_track.expansion.wrong_rows import doubtful_rows, right_rows

TIMES = np.arange(80) * 12.0
CURVE = piecewise(TIMES, [200, 400], [1.0, 1.91])


def noisy(values: np.ndarray, seed: int = 1, sd: float = 0.003) -> np.ndarray:
    return values * (1 + sd * np.random.default_rng(seed).normal(size=len(values)))


@pytest.mark.parametrize("rows", [[0], [0, 1], [79], [40], [0, 50, 79]])
@pytest.mark.parametrize("factor", [0.88, 1.15])
def test_wrong_outlines_are_named_wherever_they_stand(rows: list[int], factor: float) -> None:
    values = noisy(CURVE)
    values[rows] *= factor
    assert np.flatnonzero(right_rows(values) == 0).tolist() == rows


@pytest.mark.parametrize("factor", [0.88, 1.15])
def test_a_wrong_first_outline_is_not_v0(factor: float) -> None:
    values = noisy(CURVE)
    values[0] *= factor
    fit = find_stages(TIMES, values)
    assert fit.level_seen
    assert fit.level == pytest.approx(1.0, abs=3e-3)
    assert len(fit.stages) == 1


def test_a_stage_at_either_end_is_no_wrong_outline() -> None:
    for onset in (-300, -12, 0, 6, 12, 18, 24):
        for seed in range(5):
            assert right_rows(noisy(piecewise(TIMES, [onset, onset + 70], [1.0, 1.9]), seed)).all()
    for onset in (880, 900, 915):
        for seed in range(5):
            assert right_rows(noisy(piecewise(TIMES, [onset, onset + 70], [1.0, 1.9]), seed)).all()


def test_noise_is_no_wrong_outline() -> None:
    assert all(right_rows(noisy(CURVE, seed, 0.02)).all() for seed in range(60))


def test_an_outline_that_calls_itself_doubtful_is_no_row_of_the_curve() -> None:
    sd = np.full(40, 0.01)
    sd[30:34] = 0.05
    assert np.flatnonzero(doubtful_rows(sd)).tolist() == [30, 31, 32, 33]
    # Paler frames are measured less well, but every one of them alike.
    assert not doubtful_rows(np.linspace(0.01, 0.035, 40)).any()
    # Where half of the rows are bad, nothing tells which half is right.
    assert not doubtful_rows(np.where(np.arange(40) < 21, 0.01, 0.05)).any()
    assert not doubtful_rows(np.zeros(5)).any()
