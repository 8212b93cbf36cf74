"""Formulas and cells: counts of atoms and volumes with closed-form answers."""

from __future__ import annotations

from math import isnan, radians, sin, sqrt

import pytest

from tem_track.errors import SettingsError
from tem_track.theory.formula import ELEMENTS, atoms
from tem_track.theory.phases import PHASES, Phase, cell_volume


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("NiO", {"Ni": 1, "O": 1}),
        ("Li2O", {"Li": 2, "O": 1}),
        ("Ca(OH)2", {"Ca": 1, "O": 2, "H": 2}),
        ("LiNi0.5Mn1.5O4", {"Li": 1, "Ni": 0.5, "Mn": 1.5, "O": 4}),
        ("Co(Ni(OH)2)3", {"Co": 1, "Ni": 3, "O": 6, "H": 6}),
        ("CO2", {"C": 1, "O": 2}),
        ("Co", {"Co": 1}),
    ],
)
def test_atoms_of_a_formula(formula: str, expected: dict[str, float]) -> None:
    assert atoms(formula) == expected


@pytest.mark.parametrize("text", ["", "nio", "Ni-O", "Ca(OH", "OH)2", "Xx2O", "Ni O", "2NiO", "()"])
def test_what_is_no_formula_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(SettingsError, match="not a chemical formula") as error:
        atoms(text)
    assert "\n" not in str(error.value)


def test_there_are_118_elements() -> None:
    assert len(ELEMENTS) == 118
    assert {"H", "Li", "O", "Ni", "Cu", "Og"} <= ELEMENTS


def test_cell_volumes() -> None:
    assert cell_volume((2, 3, 4)) == pytest.approx(24)
    assert cell_volume((2, 3, 4), (90, 100, 90)) == pytest.approx(24 * sin(radians(100)))
    assert cell_volume((2, 2, 5), (90, 90, 120)) == pytest.approx(4 * 5 * sqrt(3) / 2)
    # A rhombohedron of 60 degrees is the primitive cell of a face-centred cube of edge a sqrt(2).
    assert cell_volume((1, 1, 1), (60, 60, 60)) == pytest.approx(sqrt(2) ** 3 / 4)
    assert isnan(cell_volume((1, 1, 1), (30, 30, 90)))


def test_the_cells_of_the_project_table() -> None:
    assert PHASES["NiO"].volume == pytest.approx(4.1769**3 / 4)
    assert PHASES["Cu2O"].volume == pytest.approx(4.2696**3 / 2)
    assert PHASES["CuO"].volume == pytest.approx(4.6837 * 3.4226 * 5.1288 * 0.98617 / 4, rel=1e-5)
    assert all(phase.source for phase in PHASES.values())


def test_the_molar_volume_gives_back_the_density() -> None:
    # Nickel: 58.6934 g/mol over its X-ray density of 8.91 g/cm3 (CRC Handbook).
    assert PHASES["Ni"].molar_volume == pytest.approx(58.6934 / 8.91, rel=2e-3)


def test_a_phase_scales_with_its_formula_units() -> None:
    whole = Phase("A", "NiO", 80.0, 4, "test", cell_volume_sd=0.4)
    assert (whole.volume, whole.volume_sd) == (20.0, 0.1)
