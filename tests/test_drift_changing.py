"""Registration of a specimen that a front sweeps."""

from __future__ import annotations

import numpy as np
from test_drift_survey import rmse, texture, walk

from tem_track.drift import refine_changing, survey_frames


def swept_movie(path: np.ndarray, dose: float = 60.0) -> np.ndarray:
    """Return counts of a texture that darkens and turns into another, voided texture behind a front from the left."""
    rng = np.random.default_rng(21)
    sound, voided = texture(256, 5), 0.75 * texture(256, 3)
    x = np.indices(sound.shape)[1]
    frames = []
    for k, (dy, dx) in enumerate(path):
        specimen = np.where(x < 20 + 220 * k / len(path), np.roll(voided, 40, axis=0), sound)
        frames.append(rng.poisson(dose * np.roll(specimen, (int(dy), int(dx)), axis=(0, 1))))
    return np.array(frames, np.uint16)[:, 32:-32, 32:-32]


def test_the_front_does_not_pull() -> None:
    path = np.round(walk(40, step=0.7))
    frames = swept_movie(path)
    quality, rough = survey_frames(frames)
    refined = refine_changing(frames, rough, quality)
    assert rmse(refined.displacement_px, path) < 0.1


def test_a_refined_path_is_not_refined_again() -> None:
    path = np.round(walk(8, step=0.7))
    frames = swept_movie(path)
    quality, rough = survey_frames(frames)
    refined = refine_changing(frames, rough, quality)
    arrival = np.full(frames.shape[1:], np.nan, np.float32)
    assert refine_changing(frames, refined, quality, arrival_frame=arrival) is refined
