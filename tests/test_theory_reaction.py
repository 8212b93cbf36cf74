"""V/V0 of reactions: the figures of the project table, balance, uncertainty, mixtures."""

from __future__ import annotations

from math import isnan, sqrt

import pytest

from tem_track.errors import SettingsError
from tem_track.theory import Book, Phase, Reaction, built_in, levels
from tem_track.theory.equation import parse_equation


def ratios(request: str, book: Book | None = None) -> list[float]:
    book = book or built_in()
    return [level.volume_ratio for level in levels(book.reaction(request), book.species)]


def toy(sd: float = 0.0) -> dict[str, Phase]:
    """Two phases of one element: B takes up four times the room of A."""
    return {
        "A": Phase("A", "Ni", 10.0, 1, "test", sd),
        "B": Phase("B", "Ni", 40.0, 1, "test", 2 * sd),
        "A2": Phase("A2", "Ni2", 30.0, 1, "test", sd),
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [("NiO", [1.95]), ("CuO", [1.57, 1.80]), ("NiO@CuO", [1.34, 1.86]), ("NiO:1,CuO:1.3", [1.34, 1.86])],
)
def test_the_ratios_of_the_project_table(name: str, expected: list[float]) -> None:
    assert [round(ratio, 2) for ratio in ratios(name)] == expected


def test_cuprous_oxide_makes_up_the_rest_of_the_path_of_cupric_oxide() -> None:
    book = built_in()
    v = {name: phase.volume for name, phase in book.phases.items()}
    first, complete = ratios("CuO")
    shrunk = (complete * v["CuO"] - v["Li2O"] / 2) / (first * v["CuO"] - v["Li2O"] / 2)
    assert 2 * v["Cu"] / v["Cu2O"] + v["Li2O"] / v["Cu2O"] == pytest.approx(ratios("Cu2O")[0])
    assert shrunk == pytest.approx((v["Cu"] + v["Li2O"] / 2) / (v["Cu2O"] / 2))


def test_lithium_taken_up_is_counted_per_formula_unit() -> None:
    book = built_in()
    first, complete = levels(book.reaction("CuO"), book.species)
    assert first.taken_up == pytest.approx({"Li": 1})
    assert complete.taken_up == pytest.approx({"Li": 2})
    (left,) = levels(book.reaction("Ni + Li2O -> NiO + 2 Li"), book.species)
    assert left.taken_up == pytest.approx({"Li": -1})


@pytest.mark.parametrize(
    "text",
    [
        "NiO + 2 Li -> Ni + Li2O",
        "NiO+2Li->Ni+Li2O",
        "NiO -> Ni + Li2O",
        "NiO + 2 Li+ + 2 e- → Ni + Li2O",
        "2 NiO + 4 Li => 2 Ni + 2*Li2O",
        "1/2 NiO -> 0.5 Ni + 1/2 Li2O",
        "0.5 NiO + .5 NiO + 2 Li -> Ni + Li2O",
    ],
)
def test_an_equation_is_read_however_it_is_written(text: str) -> None:
    assert ratios(text) == pytest.approx(ratios("NiO"))


def test_reversing_a_reaction_inverts_its_ratio() -> None:
    assert ratios("Ni + Li2O -> NiO + 2 Li")[0] == pytest.approx(1 / ratios("NiO")[0])


def test_a_gas_counts_in_the_balance_and_not_in_the_volume() -> None:
    v = built_in().phases
    assert ratios("2 Cu + 1/2 O2 -> Cu2O")[0] == pytest.approx(v["Cu2O"].volume / (2 * v["Cu"].volume))
    with pytest.raises(SettingsError, match=r"not balanced: O 0 before and 1 after"):
        ratios("2 Cu -> Cu2O")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("NiO -> Ni", "not balanced: O 1 before and 0 after"),
        ("NiO + 2 Li -> Cu + Li2O", "Ni 1 before and 0 after, Cu 0 before and 1 after"),
        ("NiO + 3 Li -> Ni + Li2O", "takes up 3 Li but its products hold 2 more"),
        ("CuO + 2 Li -> Cu2O + Li2O -> Cu + Li2O", "stage 1 is not balanced"),
        ("Ni0 -> Ni", "phase 'Ni0'; did you mean 'Ni"),
        ("nio + 2 Li -> Ni + Li2O", "did you mean 'NiO'"),
        ("NiO ->", "an empty side"),
        ("2 -> NiO", "not an amount of a phase"),
        ("0 NiO -> NiO", "no amount of NiO"),
        ("1/0 NiO -> NiO", "no amount of NiO"),
        ("O2 -> O2", "nothing solid"),
        ("2 Li -> Li2O", "nothing solid"),
        ("NiO@Cu", "did you mean 'NiO@CuO'"),
        ("NiO:1,Cu0:2", "no reaction 'Cu0'; did you mean 'CuO'"),
        ("NiO:1;CuO:2", "NAME:MOLES"),
        ("NiO:-1,CuO:2", "no amount of NiO"),
        ("NiO:1e,CuO:2", "NAME:MOLES"),
        ("NiO:nan", "NAME:MOLES"),
    ],
)
def test_what_cannot_be_computed_is_refused_in_one_line(text: str, words: str) -> None:
    with pytest.raises(SettingsError) as error:
        ratios(text)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_thirds_may_be_rounded_but_not_wrong() -> None:
    phases = {"A": Phase("A", "NiO", 1, 1, ""), "B": Phase("B", "Ni3O3", 1, 1, "")}
    parse_equation("A -> 0.333 B", phases)
    with pytest.raises(SettingsError, match="not balanced"):
        parse_equation("A -> 0.34 B", phases)


def test_a_carrier_that_is_a_phase_has_a_volume() -> None:
    phases = {**built_in().species, "Li": Phase("Li", "Li", 43.2, 2, "body-centred cube of 3.51 A")}
    (level,) = levels(parse_equation("NiO + 2 Li -> Ni + Li2O", phases), phases)
    v = {name: phases[name].volume for name in ("NiO", "Li", "Ni", "Li2O")}
    assert level.volume_ratio == pytest.approx((v["Ni"] + v["Li2O"]) / (v["NiO"] + 43.2))


def test_uncertainties_of_cells_propagate() -> None:
    phases = toy(sd=0.1)
    (level,) = levels(Reaction("r", {"A": 1}, ({"B": 1},)), phases)
    assert level.volume_ratio == 4.0
    assert level.volume_ratio_sd == pytest.approx(4 * sqrt((0.1 / 10) ** 2 + (0.2 / 40) ** 2))


def test_a_phase_that_stays_adds_no_uncertainty_of_its_own() -> None:
    phases = toy(sd=0.1)
    (level,) = levels(Reaction("r", {"A": 1}, ({"A": 1},)), phases)
    assert (level.volume_ratio, level.volume_ratio_sd) == (1.0, 0.0)


def test_one_unknown_uncertainty_makes_the_whole_unknown() -> None:
    phases = toy(sd=0.1) | {"B": Phase("B", "Ni", 40.0, 1, "test")}
    assert isnan(levels(Reaction("r", {"A": 1}, ({"B": 1},)), phases)[0].volume_ratio_sd)
    assert isnan(levels(built_in().reaction("NiO"), built_in().species)[0].volume_ratio_sd)


def test_a_mixture_weighs_volumes_and_not_ratios() -> None:
    phases = toy()
    reactions = {"one": Reaction("one", {"A": 1}, ({"B": 1},)), "two": Reaction("two", {"A2": 2}, ({"A2": 2},))}
    mixed = Book(phases, reactions).mixture({"one": 1, "two": 3}, name="m")
    (level,) = levels(mixed, phases)
    # 10 + 3 x 30 becomes 40 + 3 x 30; the two starting units of "two" are one mole each.
    assert level.volume_ratio == pytest.approx(130 / 100)
    assert mixed.note == ""


def test_the_order_of_stages_in_a_mixture_is_said_to_be_assumed() -> None:
    assert "coincide" in built_in().reaction("NiO:1,CuO:1.3").note
    assert built_in().reaction("NiO@CuO").note == ""


def test_the_complete_ratio_of_a_mixture_lies_between_its_parts() -> None:
    assert ratios("NiO:1,CuO:1e-4")[-1] == pytest.approx(ratios("NiO")[-1], abs=1e-4)
    assert ratios("CuO")[-1] < ratios("NiO:1,CuO:1")[-1] < ratios("NiO")[-1]
