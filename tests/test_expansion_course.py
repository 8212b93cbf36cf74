from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from expansion_curves import correlated, piecewise

from tem_track.expansion.course import course_of, law_evidence, unseen_start
from tem_track.expansion.hinges import fit_hinges
from tem_track.expansion.selection import Noise, select_fit
from tem_track.expansion.stages import find_stages

TIMES = np.linspace(0, 1, 100)
ROOT = 1.0 + 0.8 * np.sqrt(np.clip((TIMES - 0.2) / 0.5, 0, 1))
STRAIGHT = piecewise(TIMES, [0.2, 0.7], [1.0, 1.8])


def evidence(values: np.ndarray) -> dict[int, float]:
    fit, noise, _ = select_fit(TIMES, values, np.ones(len(values)))
    return law_evidence(course_of(TIMES, values, fit, noise), fit.knots, [1])


@pytest.mark.parametrize(("truth", "sign"), [(STRAIGHT, 1), (ROOT, -1)])
def test_evidence_has_the_sign_of_the_law(truth: np.ndarray, sign: int) -> None:
    rng = np.random.default_rng(21)
    found = [evidence(truth * (1 + correlated(rng, 100, 0.01, 0.5)))[1] for _ in range(10)]
    assert np.min(np.multiply(found, sign)) > 6


def test_evidence_fades_with_noise() -> None:
    rng = np.random.default_rng(22)
    noise = rng.normal(size=100)
    assert evidence(STRAIGHT + 0.004 * noise)[1] > 3 * evidence(STRAIGHT + 0.03 * noise)[1]


def test_each_of_two_stages_has_evidence_of_its_own() -> None:
    bent = 1.15 + 0.6 * np.sqrt(np.clip((TIMES - 0.4) / 0.4, 0, 1))
    values = np.where(TIMES < 0.4, piecewise(TIMES, [0.1, 0.4], [1.0, 1.15]), bent)
    values = values + 0.003 * np.random.default_rng(23).normal(size=100)
    fit = fit_hinges(
        TIMES, values, np.ones(100), np.array([0.1, 0.4, 0.8]), half_widths=(0.005, 0.03), flat_end=True, robust=False
    )
    course = course_of(TIMES, values, fit, Noise(0.003, 0.0))
    found = law_evidence(course, np.array([0.1, 0.4, 0.8]), [1, 2])
    assert found[2] < -6
    assert found[1] > found[2]


def test_a_stage_of_two_rows_has_no_law() -> None:
    times = np.arange(60.0)
    stage = find_stages(times, piecewise(times, [20.2, 21.4], [1.0, 1.9])).stages[0]
    assert np.isnan(stage.law_evidence)
    assert stage.law == "undecided"


def test_a_steep_start_leaves_its_first_row() -> None:
    values = piecewise(TIMES, [-0.3, 0.6], [1.0, 1.9]) * (1 + 0.003 * np.random.default_rng(24).normal(size=100))
    fit = find_stages(1000 * TIMES, values)
    assert not fit.level_seen
    assert fit.level == pytest.approx(1.3, rel=5e-3)
    assert fit.latest_onset_s < 40


def test_a_slow_start_knows_by_when_it_had_begun() -> None:
    held = []
    for seed in range(20):
        onset = 0.04
        rng = np.random.default_rng(seed)
        values = piecewise(TIMES, [onset, 0.4, 0.9], [1.0, 1.13, 1.76]) * (1 + 0.02 * rng.normal(size=100))
        fit = find_stages(1000 * TIMES, values)
        if not fit.level_seen and fit.stages:
            assert fit.level == pytest.approx(1.0, abs=0.03)
            held.append(fit.latest_onset_s >= 1000 * onset)
    assert len(held) >= 5
    assert np.mean(held) >= 0.85


def test_the_start_of_a_level_curve_is_its_level() -> None:
    fit, noise, _ = select_fit(TIMES, STRAIGHT + 0.002 * np.random.default_rng(25).normal(size=100), np.ones(100))
    hidden = replace(course_of(TIMES, STRAIGHT, fit, noise), free_start=True)
    start = unseen_start(hidden, fit.knots[1:])
    assert start.level == pytest.approx(1.0, abs=2e-3)
    assert start.latest_onset == pytest.approx(0.2, abs=0.03)
