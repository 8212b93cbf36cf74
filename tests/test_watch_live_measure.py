"""V/V0 of a movie that is still being recorded, against its truth, at a cost that does not grow with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tem_track.movie import Movie
from tem_track.settings import Settings
from tem_track.simulate import LithiationScene, simulate_lithiation
from tem_track.watch.live_measure import FITTED, FITTED_FIRST, FITTED_NEWEST, LAGS, LiveMeasurement, fitted_frames

SCENE = LithiationScene(
    nio=3, core_shell=0, height_px=192, width_px=224, frames=30, frame_interval_s=40.0, onset_low_s=250.0,
    onset_high_s=350.0, pixel_size_nm=2.0, drift_px=0.4, blank=(12,), seed=11,
)  # fmt: skip


class SoFar:
    """The first frames of a movie; counts which are read."""

    def __init__(self, frames: Any, count: int):
        self._frames, self._count = frames, count
        self.read: list[int] = []

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, k: int) -> NDArray[Any]:
        assert k < self._count, "a frame of the future"
        self.read.append(k)
        return np.asarray(self._frames[k])


@pytest.fixture(scope="module")
def simulated() -> Any:
    return simulate_lithiation(SCENE)


@pytest.fixture(scope="module")
def watched(simulated: Any) -> tuple[LiveMeasurement, list[int]]:
    """The whole movie, three frames at a time, and how many frames each update read."""
    live, reads = LiveMeasurement(Settings(), SCENE.pixel_size_nm), []
    for so_far in growing(simulated):
        assert not live.learn(so_far)
        so_far.read.clear()
        live.add(so_far, list(range(live.last + 1, len(so_far))))
        reads.append(len(so_far.read))
    return live, reads


@pytest.fixture(scope="module")
def measured(watched: tuple[LiveMeasurement, list[int]]) -> LiveMeasurement:
    return watched[0]


def growing(simulated: Any) -> Iterator[SoFar]:
    for count in range(3, SCENE.frames + 1, 3):
        yield SoFar(simulated.frames, count)


def times(live: LiveMeasurement) -> NDArray[np.float64]:
    return np.array([frame.number for frame in live.frames]) * SCENE.frame_interval_s


def test_the_live_curve_is_near_the_truth(simulated: Any, measured: LiveMeasurement) -> None:
    curves = measured.curves(times(measured), True)
    assert curves is not None
    truth = simulated.truth.tracks
    last = SCENE.frames - 1
    true_mean = np.mean(truth["volume_ratio"][truth["frame"] == last])
    assert curves.population["frame"][-1] == last
    assert curves.population["volume_ratio_mean"][-1] == pytest.approx(true_mean, rel=0.04)
    assert curves.population["particles"][-1] == 3
    assert true_mean > 1.5


def test_a_frame_that_shows_nothing_is_left_out(measured: LiveMeasurement) -> None:
    reasons = {frame.number: frame.reason for frame in measured.frames}
    assert reasons[12]
    assert sum(bool(reason) for reason in reasons.values()) <= 2


def test_drift_follows_the_truth_through_blocks(simulated: Any, measured: LiveMeasurement) -> None:
    path = np.array([frame.drift_px for frame in measured.frames if not frame.reason])
    used = [frame.number for frame in measured.frames if not frame.reason]
    error = path - simulated.truth.drift_px[used]
    assert np.sqrt(np.mean((error - error.mean(axis=0)) ** 2)) < 0.8


def test_an_update_reads_a_bounded_number_of_frames(watched: tuple[LiveMeasurement, list[int]]) -> None:
    _, reads = watched
    # Three new ones, to place and to outline, on the first frame and a few lags.
    assert max(reads) <= 1 + len(LAGS) + 4 * 3


def test_curves_rest_on_a_bounded_number_of_frames_and_ask_for_none_that_was_left_out() -> None:
    before: set[int] = set()
    for count in range(1, 3000, 7):
        chosen = fitted_frames(count).tolist()
        assert len(chosen) <= FITTED_FIRST + FITTED + FITTED_NEWEST
        assert chosen[:FITTED_FIRST] == list(range(min(count, FITTED_FIRST)))
        assert chosen[0] == 0
        assert chosen[-1] == count - 1
        assert chosen == sorted(set(chosen))
        assert {k for k in chosen if k < count - 7} <= before
        before = set(chosen)
    assert len(fitted_frames(50_000)) > FITTED // 2


def test_nothing_is_measured_before_it_is_known_what_to_look_for(simulated: Any) -> None:
    live = LiveMeasurement(Settings(), None)
    so_far = SoFar(simulated.frames, 2)
    live.learn(so_far)
    live.add(so_far, [0, 1])
    assert live.frames == []
    assert live.curves(np.zeros(0), True) is None


def test_a_movie_without_particles_has_no_curve() -> None:
    noise = [np.random.default_rng(k).poisson(40, (128, 128)).astype(np.uint16) for k in range(6)]
    live = LiveMeasurement(Settings(), None)
    so_far = SoFar(noise, 6)
    live.learn(so_far)
    live.add(so_far, list(range(6)))
    assert not live.sees_particles
    assert live.curves(np.arange(6.0), False) is None


def test_a_film_is_told_from_particles_as_the_analysis_does(simulated: Any, measured: LiveMeasurement) -> None:
    movie = Movie(SoFar(simulated.frames, 30), (30, 192, 224), np.dtype(np.uint16), np.arange(30.0))
    measured.choose(movie)
    assert measured.choice is not None
    assert measured.choice.particles
    assert measured.film is None
