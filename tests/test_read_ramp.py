from __future__ import annotations

import numpy as np
import pytest

from tem_track.errors import InputError
from tem_track.read.heating.ramp import ramp_temperatures

TIMES_S = np.array([0.0, 30.0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("450C+2C/s", [450, 510]),
        ("723.15K+2K/s", [450, 510]),
        ("450C + 20C/min", [450, 460]),
        ("450°C-0.5K/s", [450, 435]),
        ("450 degC", [450, 450]),
        ("-20C+1C/s", [-20, 10]),
        ("32F+1.8F/s", [0, 30]),
    ],
)
def test_ramps(text: str, expected: list[float]) -> None:
    np.testing.assert_allclose(ramp_temperatures(text, TIMES_S), expected, atol=1e-9)


@pytest.mark.parametrize(
    "text", ["", "450", "450C+2", "450C+2C", "450C+2s/C", "450C*2C/s", "450V+2C/s", "450C+2C/furlong", "-270C-1C/s"]
)
def test_what_is_no_ramp(text: str) -> None:
    with pytest.raises(InputError, match="--ramp"):
        ramp_temperatures(text, TIMES_S)
