from __future__ import annotations

import numpy as np
import pytest
from expansion_curves import Floats, correlated, piecewise

from tem_track.expansion.stages import FEWEST_ROWS_FOR_STAGES, find_stages

TIMES = np.arange(120) * 5.0
# knots in s, V/V0 there, stages, end of the first of two
CURVES: dict[str, tuple[Floats, int, float]] = {
    "inert": (np.ones(120), 0, np.nan),
    "one": (piecewise(TIMES, [100, 300], [1, 1.9]), 1, np.nan),
    "steep": (piecewise(TIMES, [100, 118], [1, 1.9]), 1, np.nan),
    "shrinking": (piecewise(TIMES, [100, 300], [1, 0.6]), 1, np.nan),
    "no plateau": (piecewise(TIMES, [100, 700], [1, 1.9]), 1, np.nan),
    "slow, fast": (piecewise(TIMES, [60, 260, 480], [1, 1.15, 1.76]), 2, 260),
    "fast, slow": (piecewise(TIMES, [40, 140, 290], [1, 1.4, 1.6]), 2, 140),
    "slow, fast, cut": (piecewise(TIMES, [60, 260, 700], [1, 1.15, 2.0]), 2, 260),
    "pause": (piecewise(TIMES, [60, 160, 300, 400], [1, 1.4, 1.4, 1.8]), 2, 160),
    "three": (piecewise(TIMES, [60, 200, 300, 450], [1, 1.2, 1.7, 1.85]), 3, np.nan),
    "parabola": (1 + 0.8 * np.sqrt(np.clip((TIMES - 60) / 340, 0, 1)), 1, np.nan),
    "smooth step": (1 + 0.8 * np.polyval([-2, 3, 0, 0], np.clip((TIMES - 100) / 250, 0, 1)), 1, np.nan),
}


@pytest.mark.parametrize("name", CURVES)
def test_number_and_times_of_stages(name: str) -> None:
    truth, count, change = CURVES[name]
    rng = np.random.default_rng(10)
    found = [find_stages(TIMES, 7e5 * truth * (1 + correlated(rng, 120, 0.005, 0.3))) for _ in range(5)]
    assert np.median([len(fit.stages) for fit in found]) == count
    assert np.mean([len(fit.stages) == count for fit in found]) >= 0.8
    if count == 2:
        errors = [abs(fit.stages[0].end_s - change) for fit in found if len(fit.stages) == 2]
        assert np.mean(errors) < 2 * 5.0
    assert np.median([fit.level for fit in found]) == pytest.approx(7e5, rel=0.01)
    assert np.median([fit.end for fit in found]) == pytest.approx(7e5 * truth[-6:].mean(), rel=0.01)


def test_law_rates_and_plateau() -> None:
    straight = find_stages(TIMES, CURVES["one"][0])
    assert straight.stages[0].law == "linear"
    assert straight.stages[0].rate_per_s == pytest.approx(0.9 / 200, rel=0.01)
    assert straight.plateau
    assert find_stages(TIMES, CURVES["parabola"][0]).stages[0].law == "parabolic"
    assert not find_stages(TIMES, CURVES["no plateau"][0]).plateau


def test_intervals_hold_the_change_the_onset_and_the_rate() -> None:
    truth = CURVES["slow, fast"][0]
    rng = np.random.default_rng(11)
    hits = []
    for _ in range(40):
        fit = find_stages(TIMES, truth * (1 + correlated(rng, 120, 0.008, 0.3)))
        if len(fit.stages) == 2:
            first, second = fit.stages
            inside = [first.start_interval, first.end_interval, second.rate_interval]
            hits.append([low <= t <= high for (low, high), t in zip(inside, (60, 260, 0.61 / 220), strict=True)])
    assert len(hits) >= 37
    assert (np.mean(hits, axis=0) >= 0.85).all()


def test_wrong_outlines_move_nothing() -> None:
    rng = np.random.default_rng(12)
    values = CURVES["slow, fast"][0] * (1 + 0.005 * rng.normal(size=120))
    values[[4, 30, 31, 70, 100]] *= 1.3
    fit = find_stages(TIMES, values)
    assert len(fit.stages) == 2
    assert fit.stages[0].end_s == pytest.approx(260, abs=10)
    assert not fit.trusted[[4, 30, 31, 70, 100]].any()


def test_a_jump_is_no_stage() -> None:
    rng = np.random.default_rng(13)
    values = (CURVES["slow, fast"][0] + 0.2 * (TIMES >= 380)) * (1 + 0.005 * rng.normal(size=120))
    fit = find_stages(TIMES, values)
    assert [len(fit.stages), len(fit.jumps_s)] == [2, 1]
    assert fit.jumps_s[0] == pytest.approx(378, abs=6)
    assert fit.stages[1].rate_per_s == pytest.approx(0.61 / 220, rel=0.1)


def test_a_movie_that_starts_too_late_has_no_onset() -> None:
    rng = np.random.default_rng(14)
    fit = find_stages(TIMES, piecewise(TIMES, [-100, 200], [1.0, 1.8]) * (1 + 0.003 * rng.normal(size=120)))
    assert not fit.level_seen
    assert len(fit.stages) == 1
    assert np.isnan(fit.stages[0].start_interval[0])


def test_slow_creep_after_a_steep_stage_is_no_second_stage() -> None:
    rng = np.random.default_rng(15)
    creep = 1 + 0.03 * TIMES / TIMES[-1]
    fit = find_stages(TIMES, piecewise(TIMES, [50, 80], [1, 1.9]) * creep * (1 + 0.004 * rng.normal(size=120)))
    assert len(fit.stages) == 1


def test_uneven_times() -> None:
    times = np.delete(TIMES, slice(40, 48))
    fit = find_stages(times, piecewise(times, [60, 260, 480], [1, 1.15, 1.76]))
    assert fit.stages[0].end_s == pytest.approx(260, abs=3)


def test_few_rows() -> None:
    find_stages(TIMES[:FEWEST_ROWS_FOR_STAGES], np.array([1, 1, 1, 1.5, 1.9, 1.9]))
    with pytest.raises(ValueError, match="needs 6 rows"):
        find_stages(TIMES[:5], np.ones(5))


def test_a_slow_bend_starts_where_the_level_ends() -> None:
    times = 10.0 * np.arange(80)
    since = np.clip((times - 150.0) / 300.0, 0, 1)
    found = []
    for seed in range(6):
        values = (1 + 0.35 * since**2 + 0.0023 * np.clip(times - 450.0, 0, None)) * (
            1 + 0.004 * np.random.default_rng(seed).normal(size=80)
        )
        fit = find_stages(times, values)
        found.append((fit.stages[0].start_s, *fit.stages[0].start_interval))
    starts, low, high = np.transpose(found)
    # A parabola leaves its level by less than the noise over some frames.
    assert np.abs(np.mean(starts) - 150) < 60
    assert np.all(low < starts)
    assert np.all(starts < high)
