"""Other particles' onsets decide where a curve cannot, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from tem_track.expansion.other_onsets import OtherOnsets, other_onsets
from tem_track.expansion.stages import StageFit, find_stages

TIMES = 10.0 * np.arange(64)
# Two stages, slow then fast, as of a core-shell particle.
PACE = ((0.0, 1.0), (180.0, 1.13), (560.0, 1.8))


def slow_start(onset_s: float, noise: float, seed: int) -> np.ndarray:
    times, ratios = np.transpose(PACE)
    return np.interp(TIMES - onset_s, times, ratios) * (1 + noise * np.random.default_rng(seed).normal(size=len(TIMES)))


def unseen(onset_s: float, noise: float, others: OtherOnsets | None) -> list[StageFit]:
    """Fits with and without others of the curves whose own fit leaves the onset open."""
    found = []
    for seed in range(40):
        values = slow_start(onset_s, noise, seed)
        if not find_stages(TIMES, values).level_seen:
            found.append(find_stages(TIMES, values, others=others))
    return found


def test_the_spread_of_onsets_holds_the_errors_of_each() -> None:
    alike = other_onsets([30.0, 42.0, 36.0], [10.0, 10.0, 10.0], 0, 1.0)
    apart = other_onsets([30.0, 42.0, 36.0], [1.0, 1.0, 1.0], 0, 1.0)
    assert alike
    assert apart
    assert alike.mean_s == pytest.approx(36.0)
    # What their errors explain is no spread: the mean is known to 10 / sqrt(3).
    assert alike.scale_s == pytest.approx(10 / np.sqrt(3), rel=0.03)
    # The scatter of three about their mean is 6; one more lies sqrt(1 + 1/3) times that off.
    assert apart.scale_s == pytest.approx(6 * np.sqrt(4 / 3), rel=0.03)


def test_the_density_is_one_in_all() -> None:
    others = other_onsets([30.0, 42.0, 36.0, 33.0], [3.0] * 4, 0, 10.0)
    assert others
    times = np.linspace(-4000, 4000, 800_001)
    density = others.density(times)
    assert np.trapezoid(density, times) == pytest.approx(1.0, abs=2e-4)
    assert np.trapezoid(density[times < 20], times[times < 20]) == pytest.approx(others.before(20.0), abs=2e-4)


def test_one_other_has_no_spread() -> None:
    assert other_onsets([30.0], [3.0], 0, 10.0) is None
    assert other_onsets([30.0, np.nan], [3.0, 3.0], 0, 10.0) is None


def test_others_that_show_no_onset_make_it_likely() -> None:
    some = other_onsets([130.0, 142.0], [5.0, 5.0], 1, 10.0)
    assert some
    assert some.begun_share == pytest.approx(1 / 3)
    assert some.before(-1e6) == pytest.approx(1 / 3, abs=1e-3)


def test_an_onset_that_the_curve_leaves_open_is_that_of_the_others() -> None:
    others = other_onsets([34.0, 40.0, 45.0], [8.0, 10.0, 5.0], 0, 10.0)
    alone, helped = unseen(40.0, 0.016, None), unseen(40.0, 0.016, others)
    assert len(alone) >= 5
    assert not any(fit.onset_by_others for fit in alone)
    assert np.mean([fit.onset_by_others for fit in helped]) >= 0.8
    onsets = np.array([fit.stages[0].start_s for fit in helped if fit.onset_by_others])
    assert np.abs(onsets - 40).mean() < 12
    held = [
        not fit.stages[0].start_interval[0] > 40 and fit.stages[0].start_interval[1] >= 40
        for fit in helped
        if fit.onset_by_others
    ]
    assert np.mean(held) >= 0.9
    # V0 comes nearer the truth with it.
    assert np.mean([abs(fit.level - 1) for fit in helped]) < 0.8 * np.mean([abs(fit.level - 1) for fit in alone])


def test_a_curve_that_had_surely_begun_stays_so() -> None:
    others = other_onsets([34.0, 40.0, 45.0], [8.0, 10.0, 5.0], 0, 10.0)
    fits = unseen(-50.0, 0.002, others)
    assert len(fits) >= 30
    assert not any(fit.onset_by_others for fit in fits)


def test_scattered_onsets_say_nothing() -> None:
    others = other_onsets([20.0, 400.0, 200.0], [8.0, 10.0, 5.0], 0, 10.0)
    assert others
    fits = unseen(-60.0, 0.008, others)
    assert len(fits) >= 10
    assert np.mean([fit.onset_by_others for fit in fits]) <= 0.1


def test_a_seen_onset_is_the_curve_s_own() -> None:
    others = other_onsets([200.0, 210.0, 220.0], [2.0, 2.0, 2.0], 0, 10.0)
    values = slow_start(80.0, 0.003, 1)
    alone, helped = find_stages(TIMES, values), find_stages(TIMES, values, others=others)
    assert helped.stages[0] == alone.stages[0]
    assert not helped.onset_by_others


def test_no_stage_has_no_onset() -> None:
    others = other_onsets([34.0, 40.0, 45.0], [8.0, 10.0, 5.0], 0, 10.0)
    level = 1 + 0.02 * np.random.default_rng(3).normal(size=len(TIMES))
    assert not find_stages(TIMES, level, others=others).stages
