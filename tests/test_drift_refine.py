"""Refinement against what does not change."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pictures import ball_thickness
from test_drift_survey import moving_texture, rmse, texture, walk

from tem_track.drift import refine_drift, survey_frames


def test_low_dose_path_gets_better() -> None:
    path = walk(30, step=0.15)
    frames = moving_texture(path, 2)
    quality, rough = survey_frames(frames)
    refined = refine_drift(frames, rough, quality)
    assert rmse(refined.displacement_px, path) < 0.9 * rmse(rough.displacement_px, path)
    assert rmse(refined.displacement_px, path) < 0.2


def growing_movie(path: NDArray[np.float64]) -> tuple[NDArray[np.uint16], NDArray[np.int32]]:
    """Return frames and labels of a faint static film with strong particles that grow away from their corner."""
    rng = np.random.default_rng(9)
    film = 1 + 0.25 * (texture(256, 4)[:192, :192] - 1)
    frames, labels = [], []
    for k, (dy, dx) in enumerate(path):
        radius = 12 + 0.35 * k
        shape = (192, 192)
        thickness = np.zeros(shape)
        for y, x in ((50.0, 60.0), (120.0, 110.0), (60.0, 140.0)):
            # The upper left side stays, the lower right one moves out: the centre moves by the growth of the radius.
            thickness += ball_thickness(shape, y + dy + radius - 12, x + dx + radius - 12, radius)
        moved = np.roll(film, (int(dy), int(dx)), axis=(0, 1))
        frames.append(rng.poisson(150 * moved * np.exp(-0.03 * thickness)))
        labels.append((thickness > 0).astype(np.int32))
    return np.array(frames, dtype=np.uint16)[:, 16:176, 16:176], np.array(labels)[:, 16:176, 16:176]


def test_growth_on_one_side_does_not_pull() -> None:
    path = np.round(walk(30, step=0.6))
    frames, labels = growing_movie(path)
    quality, rough = survey_frames(frames)
    for particles in (None, labels):
        refined = refine_drift(frames, rough, quality, particles=particles)
        assert rmse(refined.displacement_px, path) < 0.15


def test_stated_uncertainty_is_of_the_size_of_the_error() -> None:
    path = walk(24)
    frames = moving_texture(path, 20)
    quality, rough = survey_frames(frames)
    refined = refine_drift(frames, rough, quality)
    error = rmse(refined.displacement_px, path) / np.sqrt(2)
    assert 0.4 * error < float(np.median(refined.sd_px)) < 3 * error


def test_bad_frames_keep_what_is_known_of_them() -> None:
    path = walk(16)
    frames = moving_texture(path, 100)
    frames[5] = 0
    frames[9] = frames[8]
    quality, rough = survey_frames(frames)
    refined = refine_drift(frames, rough, quality)
    assert np.isnan(refined.displacement_px[5]).all()
    assert refined.reason[5] == "blank"
    assert (refined.displacement_px[9] == refined.displacement_px[8]).all()


def test_same_input_gives_the_same_bits() -> None:
    frames = moving_texture(walk(8), 30)
    first, second = (refine_drift(frames, *reversed(survey_frames(frames))).displacement_px for _ in range(2))
    assert np.array_equal(first, second)


def test_a_movie_of_one_frame_is_left_alone() -> None:
    frames = moving_texture(np.zeros((1, 2)), 30)
    quality, rough = survey_frames(frames)
    assert refine_drift(frames, rough, quality) is rough


def swept_movie(path: NDArray[np.float64], dose: float = 60.0) -> NDArray[np.uint16]:
    """Return counts of a texture that darkens and turns into another, voided texture behind a front from the left."""
    rng = np.random.default_rng(21)
    sound, voided = texture(256, 5), 0.75 * texture(256, 3)
    x = np.indices(sound.shape)[1]
    frames = []
    for k, (dy, dx) in enumerate(path):
        specimen = np.where(x < 20 + 220 * k / len(path), np.roll(voided, 40, axis=0), sound)
        frames.append(rng.poisson(dose * np.roll(specimen, (int(dy), int(dx)), axis=(0, 1))))
    return np.array(frames, np.uint16)[:, 32:-32, 32:-32]


def test_a_front_that_sweeps_the_specimen_does_not_pull() -> None:
    path = np.round(walk(40, step=0.7))
    frames = swept_movie(path)
    quality, rough = survey_frames(frames)
    refined = refine_drift(frames, rough, quality)
    assert rmse(refined.displacement_px, path) < 0.1
