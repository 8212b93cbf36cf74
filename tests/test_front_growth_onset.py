from __future__ import annotations

import numpy as np
import pytest

from tem_track.front.growth.onset import growth_onset, growth_rates


@pytest.mark.parametrize("exponent", [0.7, 1.0, 1.5, 2.0])
def test_the_onset_of_a_power_law(exponent: float) -> None:
    times = np.arange(0, 60.0)
    areas = np.where(times > 9.4, np.clip(times - 9.4, 0, None) ** exponent, 0)
    seen = areas > 0.02 * areas.max()
    found = growth_onset(times[seen], areas[seen], 0.02 * areas.max() + 0 * areas[seen], 9.0)
    assert found.time == pytest.approx(9.4, abs=1.0)
    assert found.low <= 9.4 <= found.high


def test_intervals_hold_the_truth() -> None:
    rng = np.random.default_rng(7)
    times, hits = np.arange(0, 80.0), []
    for _ in range(40):
        onset = rng.uniform(10, 20)
        areas = 100 * (1 - np.exp(-np.clip(times - onset, 0, None) / 25)) + rng.normal(0, 1.0, 80)
        first = int(np.argmax(areas > 5))
        found = growth_onset(times[first:], areas[first:], np.full(80 - first, 1.0), times[first - 1])
        hits.append(found.low <= onset <= found.high)
    assert np.mean(hits) >= 0.85


def test_what_stands_there_from_the_start_has_no_onset() -> None:
    times = np.arange(20.0)
    assert np.isnan(growth_onset(times, times + 5, np.ones(20), float("nan")).time)
    assert np.isnan(growth_onset(times[:3], times[:3], np.ones(3), -1.0).time)


def test_rates_of_a_straight_line_and_of_noise() -> None:
    times = np.cumsum(np.r_[0, np.random.default_rng(2).uniform(0.5, 1.5, 49)])
    rate, sd = growth_rates(times, 3 * times + 7)
    np.testing.assert_allclose(rate, 3)
    np.testing.assert_allclose(sd, 0, atol=1e-9)
    noisy, sd = growth_rates(times, 3 * times + np.random.default_rng(3).normal(0, 0.5, 50))
    assert np.mean(np.abs(noisy - 3) <= 3 * sd) > 0.85
    assert np.isnan(growth_rates(times[:2], times[:2])[0]).all()
