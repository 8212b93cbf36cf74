from __future__ import annotations

import numpy as np
import pytest
from pictures import ball_thickness, disc
from scipy.ndimage import gaussian_filter

from tem_track.movie import FloatArray, Image
from tem_track.segment.outline.chord import body_profiles
from tem_track.segment.outline.stage import outline_particles
from tem_track.segment.outline.table import Outlines, draw_labels

SIZE = (120, 120)
CENTRE = (60.2, 59.7)
RADIUS = 42.0


def body(core: float = 0.0, step: float = 0.5, void: float = 0.0, radius: float = RADIUS) -> FloatArray:
    """Thickness of a body with a denser core and an empty void, radii in px."""
    thick = ball_thickness(SIZE, *CENTRE, radius)
    if core:
        thick = thick + step * ball_thickness(SIZE, *CENTRE, core)
    if void:
        thick = thick - (1 + (step if core else 0)) * ball_thickness(SIZE, *CENTRE, void)
    return thick


def movie(
    thick: FloatArray, frames: int = 8, dose: float = 200, bright: bool = False, speckle: float = 0.0
) -> list[Image]:
    rng = np.random.default_rng(7)
    pattern = gaussian_filter(rng.standard_normal(SIZE), 2.5)
    thick = thick * (1 + speckle * pattern / pattern.std())
    sharp = 0.1 + 0.02 * thick if bright else np.exp(-0.012 * thick)
    clean = gaussian_filter(sharp, 1.0)
    return [rng.poisson(dose * clean).astype(np.float32) for _ in range(frames)]


def outline(frames: list[Image], bright: bool = False) -> Outlines:
    labels = (disc(SIZE, 60, 60, RADIUS - 2) > 0.5).astype(np.int32)
    return outline_particles(
        frames,
        [labels] * len(frames),
        drift_px=np.zeros((len(frames), 2)),
        measured=set(),
        usable=np.ones(len(frames), bool),
        polarity="bright" if bright else "dark",
    )


@pytest.mark.parametrize("bright", [False, True])
@pytest.mark.parametrize(("core", "void"), [(32.0, 0.0), (32.0, 16.0), (26.0, 10.0)])
def test_a_core_is_found_where_it_is(core: float, void: float, bright: bool) -> None:
    found = outline(movie(body(core, 0.5, void), bright=bright), bright)
    assert found.kinds == {1: "core-shell"}
    assert np.allclose(found.core_diameter_px, 2 * core, rtol=0.025)
    assert np.allclose(np.sqrt(found.area_px / np.pi), RADIUS, rtol=0.01)
    if void:
        assert np.allclose(found.void_diameter_px, 2 * void, rtol=0.05)
    else:
        assert np.isnan(found.void_diameter_px).all()
    drawn, cores = draw_labels(found, 0, SIZE, np.zeros(SIZE, np.int32))
    assert abs((cores == 1).sum() / (np.pi * core**2) - 1) < 0.06
    assert ((cores == 0) | (cores == drawn)).all()


@pytest.mark.parametrize("bright", [False, True])
@pytest.mark.parametrize("speckle", [0.0, 0.2])
def test_no_core_is_invented_in_a_solid_particle(bright: bool, speckle: float) -> None:
    found = outline(movie(body(), bright=bright, speckle=speckle), bright)
    assert found.kinds == {1: "solid"}
    assert np.isnan(found.core_diameter_px).all()
    assert np.isnan(found.void_diameter_px).all()
    assert found.core_outline(0) is None


def test_a_void_without_a_shell_is_hollow_and_has_no_core() -> None:
    found = outline(movie(body(void=20.0)))
    assert found.kinds == {1: "hollow"}
    assert np.isnan(found.core_diameter_px).all()
    assert np.allclose(found.void_diameter_px, 40, rtol=0.06)


def test_a_core_is_found_at_low_dose_from_all_frames_together() -> None:
    found = outline(movie(body(32.0, 0.5, 16.0), frames=16, dose=8))
    assert found.kinds == {1: "core-shell"}
    assert found.core_diameter_px.mean() == pytest.approx(64, rel=0.03)


def test_a_core_too_faint_to_be_sure_of_is_not_reported() -> None:
    assert outline(movie(body(32.0, 0.02), dose=30)).kinds == {1: "solid"}


def test_the_profile_of_a_ball_is_its_chord() -> None:
    ball = np.array([1.0, 1e-4, 0.0, 2.0, 0.0, 0.0, 0.8, 0.3, 0.0, 0.0])
    rho = (np.arange(100) + 0.5) * 0.01
    assert np.allclose(
        body_profiles(ball[None], 100, np.array([0.01]), dark=False)[0], 2 * np.sqrt(1 - rho**2), atol=0.02
    )
    assert np.allclose(body_profiles(ball[None], 100, np.array([0.01]), dark=True)[0, :90], 0.0 * rho[:90], atol=1e-9)


def test_a_plate_is_no_hollow_particle_and_its_edge_is_where_it_stands() -> None:
    found = outline(movie(40 * disc(SIZE, *CENTRE, RADIUS)))
    assert found.kinds == {1: "solid"}
    assert np.allclose(np.sqrt(found.area_px / np.pi), RADIUS, rtol=0.006)


@pytest.mark.parametrize("frames", [1, 3])
def test_a_single_picture_shows_a_clear_core_and_no_other(frames: int) -> None:
    found = outline(movie(body(32.0), frames=frames))
    assert found.kinds == {1: "core-shell"}
    assert np.allclose(found.core_diameter_px, 64, rtol=0.015)
    assert outline(movie(body(), frames=frames, speckle=0.2)).kinds == {1: "solid"}


def test_a_core_is_placed_right_where_a_pedestal_lies_under_the_picture() -> None:
    counts = [frame + 30 for frame in movie(body(34.0, 0.4), dose=170)]
    found = outline(counts)
    assert found.kinds == {1: "core-shell"}
    assert np.allclose(found.core_diameter_px, 68, rtol=0.01)


def test_a_core_that_a_front_eats_away_is_followed() -> None:
    true = np.linspace(36.0, 22.0, 20)
    rng = np.random.default_rng(3)
    clean = [gaussian_filter(np.exp(-0.012 * body(core)), 1.0) for core in true]
    found = outline([rng.poisson(200 * c).astype(np.float32) for c in clean])
    assert found.kinds == {1: "core-shell"}
    assert np.allclose(found.core_diameter_px, 2 * true, rtol=0.03)


def test_the_stated_uncertainty_covers_what_speckle_does() -> None:
    found = outline(movie(body(32.0), frames=10, speckle=0.1))
    assert found.kinds == {1: "core-shell"}
    error = np.abs(found.core_diameter_px - 64)
    assert (error < 1.96 * found.core_diameter_sd_px).all()
    assert (found.core_diameter_sd_px < 4).all()
