"""Phases and reactions of the user's: read with their source, refused in one line."""

from __future__ import annotations

import pytest

from tem_track.errors import SettingsError
from tem_track.theory import additions, built_in, levels, with_additions
from tem_track.theory.phases import CM3_PER_MOL_PER_A3

PHASE = '[phases.CoO]\nedges_angstrom = 4.26\nformula_units = 4\nsource = "s"\n'


def test_the_example_of_the_module_is_read() -> None:
    assert additions.__doc__
    example = additions.__doc__.split("For example::")[1]
    missing = '[phases.Co]\nvolume_angstrom3 = 44.5\nformula_units = 4\nsource = "s"\n'
    book = with_additions(built_in(), missing + "\n".join(line.strip() for line in example.splitlines()), "my.toml")
    assert book.phases["Co3O4"].volume == pytest.approx(8.084**3 / 8)
    assert book.phases["Co3O4"].cell_volume_sd == 0.3
    assert book.phases["a-Li15Si4"].molar_volume == pytest.approx(91.0)
    v = {name: phase.volume for name, phase in book.phases.items()}
    (level,) = levels(book.reaction("Co3O4"), book.species)
    assert level.volume_ratio == pytest.approx((3 * v["Co"] + 4 * v["Li2O"]) / v["Co3O4"])
    assert "half" in book.reactions


def test_a_cell_of_the_users_takes_the_place_of_the_built_in_one() -> None:
    book = with_additions(built_in(), '[phases.NiO]\nvolume_angstrom3 = 72\nformula_units = 4\nsource = "s"\n', "f")
    (level,) = levels(book.reaction("NiO"), book.species)
    v = built_in().phases
    assert level.volume_ratio == pytest.approx((v["Ni"].volume + v["Li2O"].volume) / 18.0)


def test_cells_of_lower_symmetry_and_molar_volumes() -> None:
    text = (
        '[phases.h]\nformula = "CoO"\nedges_angstrom = [3, 3, 5]\nangles_deg = [90, 90, 120]\n'
        'formula_units = 2\nsource = "s"\n'
        '[phases.m]\nformula = "CoO"\nmolar_volume_cm3_per_mol = 10\nmolar_volume_sd_cm3_per_mol = 0.1\nsource = "s"\n'
    )
    phases = with_additions(built_in(), text, "f").phases
    assert phases["h"].volume == pytest.approx(45 * 3**0.5 / 4)
    assert phases["m"].volume == pytest.approx(10 / CM3_PER_MOL_PER_A3)
    assert phases["m"].volume_sd == pytest.approx(0.1 / CM3_PER_MOL_PER_A3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[phases", "not valid TOML"),
        ("[phase.X]", "unknown key 'phase'; did you mean 'phases'"),
        ("phases = 3", "must be groups"),
        ("[phases]\nNiO = 3", "must be a group"),
        (PHASE.replace("edges_angstrom", "edge_angstrom"), "did you mean 'edges_angstrom'"),
        (PHASE.replace('source = "s"', ""), "source is missing"),
        (PHASE.replace('"s"', '""'), "source must be text"),
        (PHASE.replace("formula_units = 4", ""), "formula_units is missing"),
        (PHASE.replace("4.26", '"4.26"'), "edges_angstrom must be one edge"),
        (PHASE.replace("4.26", "[4, 4]"), "edges_angstrom must be one edge"),
        (PHASE.replace("4.26", "-4.26"), "edges_angstrom must be one edge"),
        (PHASE.replace("4.26", "nan"), "edges_angstrom must be one edge"),
        (PHASE + "angles_deg = [30, 30, 90]", "no cell has the angles"),
        (PHASE + "volume_angstrom3 = 70", "needs one of"),
        (PHASE + "volume_sd_angstrom3 = true", "must be a number above 0"),
        (PHASE.replace("CoO", "Xx"), "no element X"),
        (PHASE.replace("CoO", '"2H-CoO"'), "begins with no digit"),
        (PHASE.replace("CoO", '"Co+O"'), "has no space, +"),
        ('[reactions."a:b"]\nsource = "s"', "has no :"),
        ('[reactions.r]\nsource = "s"', "either an equation or a mixture"),
        ('[reactions.r]\nequation = "NiO -> Ni"\nsource = "s"', "reactions.r: reaction 'r' is not balanced"),
        ('[reactions.r]\nequation = "CoO -> Co"\nsource = "s"', "no volume known for the phase 'CoO'"),
        ('[reactions.r]\nmixture = {Nio = 1}\nsource = "s"', "did you mean 'NiO'"),
        ('[reactions.r]\nmixture = {NiO = "a"}\nsource = "s"', "must be a number above 0"),
        ('[reactions.r]\nmixture = 3\nsource = "s"', "must be a table"),
        ('[reactions.r]\nequation = "NiO -> Ni + Li2O"', "source is missing"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line_that_names_it(text: str, words: str) -> None:
    with pytest.raises(SettingsError) as error:
        with_additions(built_in(), text, "my.toml")
    assert words in str(error.value)
    assert str(error.value).startswith("my.toml: ")
    assert "\n" not in str(error.value)
