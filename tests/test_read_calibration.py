from __future__ import annotations

import numpy as np
import pytest

from tem_track.errors import InputError
from tem_track.read.calibration import calibrated
from tem_track.read.recording import ReadFrames, Recording, Scale


def recording(scale: Scale | None = None, reciprocal: bool = False) -> Recording:
    shape = (1, 4, 4)
    frames = ReadFrames(shape, lambda k: np.zeros((4, 4)), "m", serial=False)
    return Recording(frames, shape, np.dtype(float), "test", scale=scale, reciprocal=reciprocal)


def test_the_option_comes_before_the_file() -> None:
    calibration = calibrated("m", recording(Scale(2.0, 2.0, "file")), 0.5)
    assert (calibration.pixel_size_nm, calibration.source) == (0.5, "--pixel-size")


def test_the_option_settles_impossible_and_oblong_pixels() -> None:
    for scale in (Scale(1e6, 1e6, "file"), Scale(1.0, 2.0, "file")):
        with pytest.raises(InputError, match="--pixel-size"):
            calibrated("m", recording(scale), None)
        assert calibrated("m", recording(scale), 0.5).pixel_size_nm == 0.5


def test_one_per_cent_between_x_and_y_is_accepted() -> None:
    assert calibrated("m", recording(Scale(1.0, 1.009, "file")), None).pixel_size_nm == pytest.approx(1.0045, abs=1e-4)
    with pytest.raises(InputError, match="not square"):
        calibrated("m", recording(Scale(1.0, 1.011, "file")), None)


def test_a_print_resolution_is_no_calibration_and_no_error() -> None:
    print_scale = recording(Scale(352_778, 352_778, "72 dpi", binding=False))
    assert calibrated("m", print_scale, None).pixel_size_nm is None
    assert print_scale.notes


def test_a_doubtful_scale_is_used_with_a_warning() -> None:
    doubtful = recording(Scale(0.1, 0.1, "MRC axes", doubt="check it"))
    assert calibrated("m", doubtful, None).pixel_size_nm == pytest.approx(0.1)
    assert doubtful.warnings == ["check it"]


def test_a_diffraction_pattern_is_refused_even_with_the_option() -> None:
    with pytest.raises(InputError, match="diffraction"):
        calibrated("m", recording(reciprocal=True), 0.5)


@pytest.mark.parametrize("size", [0.0, -1.0, float("nan"), float("inf")])
def test_the_option_must_be_above_zero(size: float) -> None:
    with pytest.raises(InputError, match="above zero"):
        calibrated("m", recording(), size)
