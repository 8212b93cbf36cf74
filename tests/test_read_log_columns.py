from __future__ import annotations

import pytest

from tem_track.read.heating.columns import best_column, column_meaning, is_unit_row, temperature_scale


@pytest.mark.parametrize(
    ("name", "quantity", "unit"),
    [
        ("time_s", "time", "s"),
        ("t(ms)", "time", "ms"),
        ("Time", "time", ""),
        ("Time [min]", "time", "min"),
        ("elapsed_h", "time", "h"),
        ("Experiment time", "time", ""),
        ("Zeit/s", "time", "s"),
        ("seconds", "time", "seconds"),
        ("TimeStamp", "time", ""),
        ("temperature_C", "temperature", "C"),
        ("T (°C)", "temperature", "°C"),
        ("T (ºC)", "temperature", "°C"),
        ("T", "temperature", ""),
        ("temp_K", "temperature", "K"),
        ("Tmeas[C]", "temperature", "C"),
        ("Channel A Temperature", "temperature", ""),
        ("Temperature Measured (degC)", "temperature", "degC"),
        ("Temperatur in °C", "temperature", "°C"),
        ("°C", "temperature", "°C"),
        ("Date", "date", ""),
    ],
)
def test_names_people_and_programs_write(name: str, quantity: str, unit: str) -> None:
    meaning = column_meaning(name)
    assert (meaning.quantity, meaning.unit) == (quantity, unit)


@pytest.mark.parametrize(
    "name", ["c", "sample", "Rheat[ohm]", "Vheat[V]", "Pheat [mW]", "Notes", "Fnr", "Channel#1", ""]
)
def test_other_columns_are_neither(name: str) -> None:
    assert column_meaning(name).quantity == ""


def test_the_measured_temperature_is_preferred_to_the_programmed_one() -> None:
    assert best_column(["time", "Tset[C]", "Tmeas[C]"], "temperature") == (2, [])
    assert best_column(["time", "T1 (C)", "T2 (C)"], "temperature") == (1, [2])
    assert best_column(["TimeStamp", "Experiment time", "T"], "time") == (1, [])


@pytest.mark.parametrize(("unit", "reading"), [("C", 100.0), ("degC", 100.0), ("K", 373.15), ("deg F", 212.0)])
def test_scales(unit: str, reading: float) -> None:
    scale = temperature_scale(unit)
    assert scale is not None
    assert scale[0] * reading + scale[1] == pytest.approx(100.0)
    assert temperature_scale("mbar") is None


def test_a_line_of_units_is_told_from_a_header_and_from_numbers() -> None:
    assert is_unit_row(["s", "°C"])
    assert is_unit_row(["[s]", "(K)", ""])
    assert not is_unit_row(["time", "temperature"])
    assert not is_unit_row(["1", "20"])
