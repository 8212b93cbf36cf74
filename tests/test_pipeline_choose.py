"""Which analysis a movie gets: what the user says, else what the first frames show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_segment_film import grains, odd_grain, particles

from tem_track.movie import Movie
from tem_track.pipeline.choose import choose_analysis
from tem_track.pipeline.reporter import Clock, Silence
from tem_track.pipeline.survey import survey_movie
from tem_track.settings import AnalysisSettings, SegmentSettings, Settings
from tem_track.simulate import LithiationScene, simulate_lithiation


def movie(frames: list[np.ndarray], heated: bool = False) -> Movie:
    temperatures = np.linspace(450.0, 600.0, len(frames)) if heated else None
    times = np.arange(len(frames), dtype=np.float64)
    return Movie(frames, (len(frames), *frames[0].shape), frames[0].dtype, times, temperatures_c=temperatures)


def chosen(frames: list[np.ndarray], settings: Settings | None = None, heated: bool = False) -> tuple[bool, bool]:
    recording = movie(frames, heated)
    survey = survey_movie(recording, Settings(), Silence(), Clock())
    choice = choose_analysis(recording, survey, settings or Settings())
    return choice.particles, choice.front


@pytest.fixture(scope="module")
def film() -> list[np.ndarray]:
    return [np.random.default_rng(k).poisson(grains(1)).astype(np.uint16) for k in range(10)]


@pytest.fixture(scope="module")
def separate() -> list[np.ndarray]:
    return [particles(k).astype(np.uint16) for k in range(10)]


def test_the_frames_decide(film: list[np.ndarray], separate: list[np.ndarray]) -> None:
    assert chosen(film) == (False, True)
    assert chosen(separate) == (True, False)


def test_heated_particles_stay_particles(separate: list[np.ndarray]) -> None:
    assert chosen(separate, heated=True) == (True, False)


def test_a_heated_film_with_one_odd_grain_is_a_film() -> None:
    assert chosen([odd_grain(k).astype(np.uint16) for k in range(10)], heated=True) == (False, True)


@pytest.mark.parametrize("heated", [False, True])
def test_particles_on_lacey_carbon_stay_particles(heated: bool) -> None:
    """The carbon has more contrast than what stands on it: that explains a third of it only."""
    scene = LithiationScene(
        height_px=320, width_px=320, frames=10, nio=4, core_shell=0, touching=4, support="lacey", fringe_nm=0.3,
        attenuation_per_nm=0.013, speckle=0.5, pixel_size_nm=1.68, seed=850,
    )  # fmt: skip
    frames = simulate_lithiation(scene).frames
    assert chosen([np.asarray(frames[k]) for k in range(10)], heated=heated) == (True, False)


def test_a_few_images_are_no_front(film: list[np.ndarray]) -> None:
    assert chosen(film[:3]) == (True, False)


@pytest.mark.parametrize(
    ("what", "expected"), [("particles", (True, False)), ("front", (False, True)), ("both", (True, True))]
)
def test_the_user_is_obeyed(film: list[np.ndarray], what: str, expected: tuple[bool, bool]) -> None:
    assert chosen(film, Settings(analysis=AnalysisSettings(what=what))) == expected


def test_a_polarity_means_particles(film: list[np.ndarray]) -> None:
    assert chosen(film, replace(Settings(), segment=SegmentSettings(polarity="dark"))) == (True, False)
