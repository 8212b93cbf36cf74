from __future__ import annotations

import pytest

from tem_track.expansion.theory import CELLS, REACTIONS, Reaction, cubic, phase_volume, volume_ratios


@pytest.mark.parametrize(("name", "expected"), [("NiO", [1.95]), ("CuO", [1.57, 1.80]), ("NiO@CuO", [1.34, 1.86])])
def test_the_ratios_of_the_paper(name: str, expected: list[float]) -> None:
    assert [round(ratio, 2) for ratio in volume_ratios(REACTIONS[name])] == expected


@pytest.mark.parametrize("name", REACTIONS)
def test_reactions_conserve_their_metals_and_oxygen(name: str) -> None:
    content = {
        "NiO": {"Ni": 1, "O": 1},
        "Ni": {"Ni": 1},
        "Cu": {"Cu": 1},
        "CuO": {"Cu": 1, "O": 1},
        "Cu2O": {"Cu": 2, "O": 1},
        "Li2O": {"O": 1},
    }

    def atoms(phases: dict[str, float]) -> dict[str, float]:
        return {e: sum(n * content[p].get(e, 0) for p, n in phases.items()) for e in ("Ni", "Cu", "O")}

    reaction = REACTIONS[name]
    for after in reaction.after:
        assert atoms(dict(after)) == pytest.approx(atoms(dict(reaction.before)))


def test_scaling_every_cell_leaves_the_ratio() -> None:
    cells = {"A": cubic(4.0, 4), "B": cubic(8.0, 4)}
    assert volume_ratios(Reaction({"A": 1}, ({"B": 1},)), cells) == pytest.approx((8.0,))


def test_an_unknown_phase_is_named() -> None:
    with pytest.raises(KeyError, match="no unit cell for Co3O4"):
        phase_volume({"Co3O4": 1})


def test_a_monoclinic_cell_is_smaller_than_its_box() -> None:
    cell = CELLS["CuO"]
    assert cell.volume_per_formula == pytest.approx(4.6837 * 3.4226 * 5.1288 * 0.98617 / 4, rel=1e-4)
