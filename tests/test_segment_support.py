"""What the particles stand on: learnt where it keeps its place, taken out where it disturbs, left alone otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tem_track.segment import support
from tem_track.segment.support import background_pixels, learn_support, nearest_label, without_support

SIZE = (96, 110)
CENTRE = (48.0, 52.0)
FRAMES = 24


def drift_of(k: int) -> NDArray[np.float64]:
    return np.array([0.21 * k, -0.17 * k])


def strand(drift: NDArray[np.float64], sideways: float = 0.0) -> NDArray[np.float64]:
    """A strand's thickness (0 to 1) beside the particle, as a frame with this drift shows it."""
    _, x = np.indices(SIZE, dtype=float)
    distance = np.abs(x - drift[1] - sideways - (CENTRE[1] + 29))
    return np.asarray(np.clip(6.5 - distance, 0, 1))


def movie(dark: bool, height: float = 1.0, moving: float = 0.0) -> tuple[list[NDArray], list[NDArray], NDArray]:
    """Frames of a disc that grows from 16 to 28 px beside a strand of some height, their labels and the drift."""
    rng = np.random.default_rng(5)
    frames, labels = [], []
    for k in range(FRAMES):
        y, x = np.indices(SIZE, dtype=float)
        drift = drift_of(k)
        inside = np.hypot(y - CENTRE[0] - drift[0], x - CENTRE[1] - drift[1]) < 16 + 12 * k / (FRAMES - 1)
        behind = height * strand(drift, moving * k)
        level = 200 * np.exp(-0.3 * behind - 0.8 * inside) if dark else 60 + 40 * behind + 120 * inside
        frames.append(rng.normal(level, 3.0).astype(np.float32))
        labels.append(inside.astype(np.int32) * 3)
    return frames, labels, np.array([drift_of(k) for k in range(FRAMES)])


def near_the_particle(k: int) -> NDArray[np.bool_]:
    """Pixels no further from the particle than its outline looks."""
    y, x = np.indices(SIZE, dtype=float)
    return np.asarray(np.hypot(y - CENTRE[0] - drift_of(k)[0], x - CENTRE[1] - drift_of(k)[1]) < 46)


def test_far_from_the_particles_that_it_helps_a_frame_stays_as_it_is() -> None:
    frames, labels, drift = movie(True)
    wide = [np.pad(f, ((0, 60), (0, 0)), mode="reflect") for f in frames]
    around = [np.pad(image, ((0, 60), (0, 0))) for image in labels]
    bare, _ = without_support(wide, around, drift, np.ones(FRAMES, bool), None, True)
    assert np.array_equal(bare[0][120:], wide[0][120:])
    assert not np.array_equal(bare[0][:96], wide[0][:96])


def test_a_detector_whose_vacuum_is_zero_shows_the_strand_too() -> None:
    frames, labels, drift = movie(False)
    bare, _ = without_support([f - 60 for f in frames], labels, drift, np.ones(FRAMES, bool), None, False)
    background = background_pixels(labels[5], None)
    assert frames[5][background].std() > 3 * bare[5][background].std()


@pytest.mark.parametrize("dark", [True, False])
def test_large_frames_are_averaged_binned(dark: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    frames, labels, drift = movie(dark)
    exact, _ = without_support(frames, labels, drift, np.ones(FRAMES, bool), None, dark)
    monkeypatch.setattr(support, "_LONGEST_SIDE", 55)
    bare, _ = without_support(frames, labels, drift, np.ones(FRAMES, bool), None, dark)
    background = background_pixels(labels[5], None)
    assert frames[5][background].std() > 2 * bare[5][background].std()
    assert np.abs(bare[5] - exact[5])[background].mean() < 1.5


@pytest.mark.parametrize("dark", [True, False])
def test_a_strand_is_taken_out_and_the_particle_stays(dark: bool) -> None:
    frames, labels, drift = movie(dark)
    bare, tracks = without_support(frames, labels, drift, np.ones(FRAMES, bool), None, dark)
    assert tracks == (3,)
    for k in (0, FRAMES - 1):
        background = near_the_particle(k) & background_pixels(labels[k], None)
        assert frames[k][background].std() > 3 * bare[k][background].std()
        # Twice the noise; the strand is twenty times as deep.
        assert bare[k][background].std() < 6.0
    # Where the strand lies behind the particle in the end, the particle is as elsewhere.
    last = FRAMES - 1
    behind = (strand(drift[last]) > 0.9) & (labels[last] != 0)
    alone = (strand(drift[last]) == 0) & (labels[last] != 0)
    assert behind.sum() > 50
    left = abs(bare[last][behind].mean() - bare[last][alone].mean())
    assert left < 0.25 * abs(frames[last][behind].mean() - frames[last][alone].mean())


def test_a_plain_support_leaves_the_frames_as_they_are() -> None:
    frames, labels, drift = movie(True, height=0.0)
    bare, tracks = without_support(frames, labels, drift, np.ones(FRAMES, bool), None, True)
    assert bare is frames
    assert tracks == ()


def test_a_strand_that_moves_is_left_alone() -> None:
    frames, labels, drift = movie(True, moving=1.5)
    bare, tracks = without_support(frames, labels, drift, np.ones(FRAMES, bool), None, True)
    assert bare is frames
    assert tracks == ()


def test_a_movie_of_few_frames_has_no_support() -> None:
    frames, labels, drift = movie(True)
    assert learn_support(frames[:3], labels[:3], drift[:3], np.ones(3, bool), None, True) is None


def test_every_pixel_belongs_to_the_nearest_label() -> None:
    labels = np.zeros((5, 9), np.int32)
    labels[2, 1], labels[2, 7] = 4, 2
    assert nearest_label(labels)[:, 0].tolist() == [4] * 5
    assert nearest_label(labels)[:, 8].tolist() == [2] * 5
    assert not nearest_label(np.zeros((3, 3), np.int32)).any()
