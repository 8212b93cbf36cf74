"""A crystal in a void: shapes with exact areas, growth by temperature, pictures that show it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tem_track.errors import SettingsError
from tem_track.simulate import PrecipitateScene, PrecipitateSimulation, simulate_precipitate
from tem_track.simulate.facets import Facets, hexagon

SCENE = PrecipitateScene(height_px=200, width_px=220, void_nm=26.0, crystal_nm=12.0, seed=5)
# Without anything that changes from frame to frame.
QUIET = replace(SCENE, noise=False, flicker=0.0, drift_px=0.0, settling_px=0.0, vignetting=0.0, defocus_wander=0.0)


@pytest.fixture(scope="module")
def grown() -> PrecipitateSimulation:
    return simulate_precipitate(SCENE)


def test_a_square_of_facets_has_the_area_and_centroid_of_a_square() -> None:
    square = Facets(np.arange(4) * np.pi / 2, np.array([1.0, 1.0, 3.0, 1.0]))
    assert square.area() == pytest.approx(8)
    # The facet at pi looks to -x and stands 3 away.
    assert square.centroid() == pytest.approx([0.0, -1.0])
    depth = square.depth(np.zeros((1, 1), np.float32), np.array([[0.0, -2.5, 2.0]], np.float32))
    assert depth.ravel() == pytest.approx([1.0, 0.5, -1.0])


def test_hexagons_have_unit_area() -> None:
    assert hexagon(np.random.default_rng(1)).area() == pytest.approx(1)


def test_labels_have_the_area_and_centroid_of_the_truth(grown: PrecipitateSimulation) -> None:
    tracks = grown.truth.tracks
    for row in (20, 60, len(tracks["frame"]) - 1):
        label = grown.truth.labels(int(tracks["frame"][row]))
        assert label.sum() == pytest.approx(tracks["area_px"][row], rel=0.01)
        y, x = np.nonzero(label)
        assert (y.mean(), x.mean()) == pytest.approx((tracks["y_px"][row], tracks["x_px"][row]), abs=0.1)


def test_growth_starts_at_its_temperature_and_follows_the_law(grown: PrecipitateSimulation) -> None:
    tracks = grown.truth.tracks
    assert tracks["temperature_c"].min() == pytest.approx(450 + 2 * 1.2 / 2, abs=1.3)
    assert grown.truth.summary["onset_temperature_c"] == 450
    final = np.pi / 4 * 12.0**2
    wanted = final * (1 - np.exp(-(tracks["temperature_c"] - 450) / SCENE.growth_span_c))
    np.testing.assert_allclose(tracks["area_nm2"], wanted, rtol=1e-9)
    assert grown.truth.labels(0).sum() == 0


def test_the_crystal_stays_on_its_facet() -> None:
    simulation = simulate_precipitate(replace(QUIET, crystal_sunk=0.0))
    crystal = simulation.truth._crystal
    for k in (30, 60, 99):
        corners = crystal.centre(k) + crystal.size_px[k] * crystal.shape.corners()
        height = (corners - crystal.seat) @ crystal.inward
        assert height.min() == pytest.approx(0, abs=1e-9)
        assert (np.abs(height) < 1e-9).sum() == 2


def test_the_picture_is_dark_in_the_void_and_bright_in_the_crystal() -> None:
    simulation = simulate_precipitate(QUIET)
    frame, label = simulation.frames[99].astype(float), simulation.truth.labels(99) == 1
    matrix = np.median(frame[:20])
    void = simulation.frames[0].astype(float) < matrix / 2
    assert void.sum() * 0.2**2 == pytest.approx(np.pi / 4 * 26.0**2, rel=0.12)
    assert np.median(frame[label]) > 1.1 * matrix
    # Half way between is its outline: the picture gives the area back.
    middle = void & label
    level = (np.median(frame[middle]) + np.median(simulation.frames[0].astype(float)[middle])) / 2
    inside = frame[void] > level
    assert inside.sum() == pytest.approx(middle.sum(), rel=0.03)


def test_too_cold_a_movie_grows_nothing() -> None:
    simulation = simulate_precipitate(replace(QUIET, growth_c=900.0, frames=5))
    assert len(simulation.truth.tracks["frame"]) == 0
    assert simulation.truth.summary["onset_temperature_c"] is None
    assert (simulation.frames[0] == simulation.frames[4]).all()


def test_the_same_scene_gives_the_same_bytes(grown: PrecipitateSimulation) -> None:
    assert (simulate_precipitate(SCENE).frames[50] == grown.frames[50]).all()


def test_shares_beyond_one_are_refused() -> None:
    with pytest.raises(SettingsError, match="shares"):
        replace(SCENE, crystal_sunk=1.2)
