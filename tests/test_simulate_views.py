"""Views of one specimen: places, areas and attenuation are those of the specimen, however it is turned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tem_track.errors import SettingsError
from tem_track.simulate import LithiationScene, View, simulate_views

SCENE = LithiationScene(
    nio=3,
    core_shell=2,
    nio_diameter_nm=50.0,
    core_shell_diameter_nm=60.0,
    height_px=360,
    width_px=360,
    pixel_size_nm=1.0,
    frames=20,
    frame_interval_s=45.0,
    support="none",
    noise=False,
    speckle=0.0,
    vignetting=0.0,
    fixed_pattern=0.0,
    flicker=0.0,
    psf_px=0.0,
    background=0.0,
    offset_counts=0.0,
    seed=6,
)
VIEW = View(0, 200, 200, 1.2, (180.0, 180.0), dose_per_px=30000.0)
TURNED = replace(VIEW, frame=19, rotation_deg=70.0, pixel_size_nm=1.05, mirrored=True, stated_pixel_size_nm=1.1)


def test_particles_stand_where_the_truth_says() -> None:
    for view in (VIEW, TURNED):
        ((movie, truth),) = simulate_views(SCENE, (view,))
        frame = movie.frames[0].astype(float)
        assert frame.shape == movie.shape[1:] == (200, 200)
        path = np.log(view.dose_per_px / np.maximum(frame, 1)) / SCENE.attenuation_per_nm
        yy, xx = np.indices(path.shape)
        whole = np.flatnonzero(truth["whole"])
        assert len(whole)
        for i in whole:
            away = np.hypot(yy - truth["y_px"][i], xx - truth["x_px"][i])
            near = away < 0.62 * truth["equivalent_diameter_px"][i]
            weight = np.where(near, path, 0)
            centre = (yy * weight).sum() / weight.sum(), (xx * weight).sum() / weight.sum()
            assert centre == pytest.approx((truth["y_px"][i], truth["x_px"][i]), abs=0.6)
            assert ((path > 1.5) & near).sum() == pytest.approx(truth["area_px"][i], rel=0.05)


def test_areas_of_two_views_tell_the_volume_ratio() -> None:
    (_, before), (after_movie, after) = simulate_views(SCENE, (VIEW, TURNED))
    both = np.intersect1d(before["particle"], after["particle"])
    assert len(both)
    for particle in both:
        first, then = (t["area_px"][t["particle"] == particle][0] for t in (before, after))
        ratio = (then * 1.05**2 / (first * 1.2**2)) ** 1.5
        assert ratio == pytest.approx(float(after["volume_ratio"][after["particle"] == particle][0]), rel=1e-6)
    assert after_movie.calibration.pixel_size_nm == 1.1


def test_the_way_to_the_view_and_back_is_one() -> None:
    places = np.array([[100.0, 140.0], [180.0, 180.0], [201.0, 95.0]])
    back = TURNED.matrix_to_specimen(1, 1.0)
    seen = TURNED.to_view(places)[:, ::-1]
    assert (seen @ back[:, :2].T + back[:, 2])[:, ::-1] == pytest.approx(places)


@pytest.mark.parametrize(
    ("view", "said"),
    [
        (replace(VIEW, frame=20), "frames 0 to 19"),
        (replace(VIEW, pixel_size_nm=0.9), "larger than a view's"),
        (replace(VIEW, centre_nm=(90.0, 180.0)), "beyond the specimen"),
    ],
)
def test_impossible_views_are_refused(view: View, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        simulate_views(SCENE, (view,))
