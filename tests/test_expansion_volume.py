from __future__ import annotations

import numpy as np
import pytest

from tem_track.expansion import volume


def test_a_disc_of_radius_r_is_a_ball_of_radius_r() -> None:
    area = np.pi * np.array([1.0, 10.0]) ** 2
    assert volume.envelope_volume(area, "sphere") == pytest.approx(4 / 3 * np.pi * np.array([1.0, 1000.0]))


def test_spheroid_of_semi_axes_a_and_b() -> None:
    a, b = 6.0, 3.0
    found = volume.envelope_volume(np.array([np.pi * a * b]), "spheroid", np.array([2 * a]), np.array([2 * b]))
    assert found == pytest.approx([4 / 3 * np.pi * a * b**2])


def test_spheroid_without_axes_is_a_sphere() -> None:
    area = np.array([100.0])
    nothing = np.array([np.nan])
    assert volume.envelope_volume(area, "spheroid", nothing, nothing) == volume.envelope_volume(area, "sphere")


@pytest.mark.parametrize(("model", "power"), [("sphere", 1.5), ("spheroid", 1.5), ("film", 1.0)])
def test_volume_scales_with_area(model: str, power: float) -> None:
    one, four = (volume.envelope_volume(np.array([a]), model, np.array([3.0]), np.array([2.0])) for a in (50.0, 200.0))
    assert four / one == pytest.approx([4**power])
    assert volume.volume_exponent(model) == power


def test_unknown_model() -> None:
    with pytest.raises(ValueError, match="cube"):
        volume.envelope_volume(np.array([1.0]), "cube")


def test_diameter_error_is_the_derivative() -> None:
    area, sd = np.array([500.0]), np.array([1e-3])
    step = volume.equivalent_diameter(area + sd) - volume.equivalent_diameter(area)
    assert volume.diameter_sd(area, sd) == pytest.approx(step, rel=1e-5)


def test_core_shell_and_void_make_the_envelope() -> None:
    outer, core, void = np.array([10.0, 10.0]), np.array([8.0, 8.0]), np.array([4.0, np.nan])
    sd = np.array([0.1, 0.1])
    envelope = volume.ball_volume(outer)
    found = volume.parts(envelope, outer, sd, core, sd, void, sd)
    assert found["shell"][0] == pytest.approx(volume.ball_volume(outer) - volume.ball_volume(core))
    total = found["core"][0] + found["shell"][0] + np.nan_to_num(found["void"][0])
    assert total == pytest.approx(envelope)
    assert np.isnan(found["void"][0][1])
    # d(d^3) = 3 d^2 times pi/6, core 8 and void 4, each off by 0.1.
    assert found["core"][1][0] == pytest.approx(np.pi / 2 * 0.1 * np.hypot(64, 16))


@pytest.mark.parametrize("model", ["sphere", "spheroid", "film"])
def test_a_fitted_ratio_below_zero_is_not_known_under_any_model(model: str) -> None:
    assert np.isnan(list(volume.ratio_by_model(-0.2, model, 1.2, 1.1).values())).all()
    assert volume.ratio_by_model(1.0, model, 1.2, 1.2)["film"] == pytest.approx(1.0)
