"""The common motion of the particles corrects a registration that had nothing to hold on to, and nothing else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tem_track.drift import Drift, follow_particles

COUNT = 40
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
    found = follow_particles(drift_of(np.zeros((COUNT, 2))), frame, track, centre, whole)
    error = found.displacement_px - true
    assert np.sqrt((error**2).sum(axis=1).mean()) < 0.1
    assert 0.02 < np.median(found.sd_px) < 0.08


def test_a_good_registration_stays_as_it_is() -> None:
    rng = np.random.default_rng(2)
    true = np.cumsum(rng.normal(0, 0.3, (COUNT, 2)), axis=0)
    drift = drift_of(true - true[0])
    frame, track, centre = rows_of(true - true[0], 0.1, rng)
    assert follow_particles(drift, frame, track, centre, np.ones(len(frame), bool)) is drift


def test_one_particle_that_moves_and_growth_to_both_sides_are_no_drift() -> None:
    rng = np.random.default_rng(3)
    drift = drift_of(np.zeros((COUNT, 2)))
    frame, track, centre = rows_of(np.zeros((COUNT, 2)), 0.05, rng)
    centre[track == 1, 0] += 0.2 * frame[track == 1]
    assert follow_particles(drift, frame, track, centre, np.ones(len(frame), bool)) is drift


def test_two_particles_are_too_few() -> None:
    rng = np.random.default_rng(4)
    drift = drift_of(np.zeros((COUNT, 2)))
    frame, track, centre = rows_of(np.ones((COUNT, 2)) * np.arange(COUNT)[:, None], 0.05, rng)
    few = track <= 2
    assert follow_particles(drift, frame[few], track[few], centre[few], np.ones(int(few.sum()), bool)) is drift
