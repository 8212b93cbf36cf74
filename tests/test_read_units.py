from __future__ import annotations

import pytest

from tem_track.errors import InputError
from tem_track.read.units import is_reciprocal, nm_per_unit, parse_duration, parse_length, seconds_per_unit


@pytest.mark.parametrize(
    ("text", "nm"),
    [
        ("0.5nm", 0.5),
        ("2 um", 2000),
        ("2µm", 2000),
        ("2\u03bcm", 2000),
        ("3A", 0.3),
        ("3 Å", 0.3),
        ("3 \u212b", 0.3),
        ("1e-1 angstrom", 0.01),
        (" 40pm ", 0.04),
        (".5NM", 0.5),
        ("5.nm", 5.0),
    ],
)
def test_lengths_in_every_unit(text: str, nm: float) -> None:
    assert parse_length(text) == pytest.approx(nm, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "s"), [("400ms", 0.4), ("2 s", 2), ("5us", 5e-6), ("5 µs", 5e-6), ("2min", 120), ("1.5h", 5400)]
)
def test_durations_in_every_unit(text: str, s: float) -> None:
    assert parse_duration(text) == pytest.approx(s, rel=1e-12)


@pytest.mark.parametrize(
    "text", ["", "nm", "0.5", "0.5 px", "0nm", "-1nm", "1,5nm", "1nm2", "nan nm", "1e999nm", "2 m"]
)
def test_what_is_not_a_length_says_what_is_accepted(text: str) -> None:
    with pytest.raises(InputError, match=r"0\.5nm"):
        parse_length(text)


def test_a_bare_number_asks_for_the_unit() -> None:
    with pytest.raises(InputError, match="no unit"):
        parse_duration("0.4")


def test_units_of_files() -> None:
    assert nm_per_unit("\\u00B5m") == nm_per_unit("micron") == nm_per_unit("[um]") == 1000
    assert nm_per_unit("pixel") is None
    assert seconds_per_unit("sec") == 1
    assert seconds_per_unit("frame") is None


def test_reciprocal_units_are_told_from_lengths() -> None:
    assert all(is_reciprocal(unit) for unit in ("1/nm", "1 / µm", "nm^-1", "Å⁻¹", "mrad"))
    assert not any(is_reciprocal(unit) for unit in ("nm", "", "µm", "s", "pixel"))
