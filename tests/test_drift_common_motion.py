"""The common motion of the particles corrects a registration that had nothing to hold on to, and nothing else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tem_track.drift import Drift, follow_particles

COUNT = 40
# Discs of 20 px across at every place, far from touching.
AREA = np.full(4 * COUNT, 314.0)
PLACES = np.array([[40.0, 50.0], [120.0, 60.0], [80.0, 150.0], [150.0, 160.0]])


def rows_of(
    motion: NDArray[np.float64], noise: float, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    track, frame = (part.ravel() for part in np.mgrid[1 : len(PLACES) + 1, :COUNT])
    centre = PLACES[track - 1] + motion[frame] + rng.normal(0, noise, (len(frame), 2))
    return frame, track, centre


def drift_of(path: NDArray[np.float64]) -> Drift:
    return Drift(path, np.full(COUNT, 0.03), [""] * COUNT)


def test_what_all_particles_do_is_drift() -> None:
    rng = np.random.default_rng(1)
    true = np.cumsum(rng.normal(0, 0.3, (COUNT, 2)), axis=0)
    true -= true[0]
    frame, track, centre = rows_of(true, 0.05, rng)
    whole = np.ones(len(frame), bool)
    whole[rng.random(len(frame)) < 0.1] = False
    found = follow_particles(drift_of(np.zeros((COUNT, 2))), frame, track, centre, AREA, whole)
    error = found.displacement_px - true
    assert np.sqrt((error**2).sum(axis=1).mean()) < 0.1
    assert 0.02 < np.median(found.sd_px) < 0.08


def test_a_good_registration_stays_as_it_is() -> None:
    rng = np.random.default_rng(2)
    true = np.cumsum(rng.normal(0, 0.3, (COUNT, 2)), axis=0)
    drift = drift_of(true - true[0])
    frame, track, centre = rows_of(true - true[0], 0.1, rng)
    assert follow_particles(drift, frame, track, centre, AREA, np.ones(len(frame), bool)) is drift


def test_particles_that_know_better_overrule_a_registration_that_admits_its_error() -> None:
    rng = np.random.default_rng(7)
    error = np.cumsum(rng.normal(0, 0.04, (COUNT, 2)), axis=0)
    sure = drift_of(np.zeros((COUNT, 2)))
    unsure = Drift(sure.displacement_px, np.full(COUNT, 0.6), sure.reason)
    frame, track, centre = rows_of(error - error[0], 0.06, rng)
    whole = np.ones(len(frame), bool)
    assert follow_particles(sure, frame, track, centre, AREA, whole) is sure
    found = follow_particles(unsure, frame, track, centre, AREA, whole)
    assert np.abs(found.displacement_px - (error - error[0])).mean() < 0.06
    assert np.median(found.sd_px) < 0.1


def test_one_particle_that_moves_and_growth_to_both_sides_are_no_drift() -> None:
    rng = np.random.default_rng(3)
    drift = drift_of(np.zeros((COUNT, 2)))
    frame, track, centre = rows_of(np.zeros((COUNT, 2)), 0.05, rng)
    centre[track == 1, 0] += 0.2 * frame[track == 1]
    assert follow_particles(drift, frame, track, centre, AREA, np.ones(len(frame), bool)) is drift


def test_two_particles_speak_where_they_agree_and_one_never_does() -> None:
    rng = np.random.default_rng(4)
    true = 0.1 * np.arange(COUNT)[:, None] * np.ones((COUNT, 2))
    drift = drift_of(np.zeros((COUNT, 2)))
    frame, track, centre = rows_of(true, 0.05, rng)
    two, one = track <= 2, track == 1
    found = follow_particles(drift, frame[two], track[two], centre[two], AREA[two], np.ones(int(two.sum()), bool))
    assert np.abs(found.displacement_px - true).max() < 0.3
    alone = follow_particles(drift, frame[one], track[one], centre[one], AREA[one], np.ones(int(one.sum()), bool))
    assert alone is drift


def test_two_particles_that_disagree_say_nothing() -> None:
    rng = np.random.default_rng(5)
    drift = drift_of(np.zeros((COUNT, 2)))
    frame, track, centre = rows_of(np.zeros((COUNT, 2)), 0.05, rng)
    centre[track == 1, 0] += 0.2 * frame[track == 1]
    two = track <= 2
    found = follow_particles(drift, frame[two], track[two], centre[two], AREA[two], np.ones(int(two.sum()), bool))
    assert found is drift


def test_a_chain_that_growth_pushes_apart_is_one_body() -> None:
    rng = np.random.default_rng(6)
    true = 0.05 * np.arange(COUNT)[:, None] * np.array([[1.0, -0.5]])
    frame, track, centre = rows_of(true, 0.03, rng)
    chain = {1: -1.0, 2: 1.0}
    for number, side in chain.items():
        rows = track == number
        centre[rows] += (PLACES[2] - PLACES[number - 1]) + side * np.array([10.0, 0.0])
        centre[rows, 0] += side * 0.1 * frame[rows]
    chained = track != 3
    area = np.where(track == 4, 314.0, np.pi * (10.0 + 0.1 * frame) ** 2)
    found = follow_particles(
        drift_of(np.zeros((COUNT, 2))), frame[chained], track[chained], centre[chained], area[chained],
        np.ones(int(chained.sum()), bool),
    )  # fmt: skip
    assert np.abs(found.displacement_px - true).max() < 0.2
