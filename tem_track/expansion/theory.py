"""V/V0 of reactions from unit cells: sum of product volumes over sum of reactant volumes, per formula unit.

Lithium is a reservoir outside the particle: it has no volume on the left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import radians, sin
from types import MappingProxyType


@dataclass(frozen=True)
class Cell:
    """A conventional unit cell: edges in angstrom, beta in degrees (alpha = gamma = 90), formula units inside."""

    a: float
    b: float
    c: float
    formula_units: int
    beta_deg: float = 90.0

    @property
    def volume_per_formula(self) -> float:
        """Volume of one formula unit, cubic angstrom."""
        return self.a * self.b * self.c * sin(radians(self.beta_deg)) / self.formula_units


def cubic(a: float, formula_units: int) -> Cell:
    """Return a cubic cell of edge a in angstrom."""
    return Cell(a, a, a, formula_units)


# Room-temperature cell constants of the table in METHODS.md (lithiation of NiO and CuO).
CELLS: Mapping[str, Cell] = MappingProxyType(
    {
        "NiO": cubic(4.1769, 4),
        "Ni": cubic(3.5238, 4),
        "Cu": cubic(3.6149, 4),
        "Cu2O": cubic(4.2696, 2),
        "CuO": Cell(4.6837, 3.4226, 5.1288, 4, beta_deg=99.54),
        "Li2O": cubic(4.619, 4),
    }
)

Phases = Mapping[str, float]
"""Formula units of each phase."""


@dataclass(frozen=True)
class Reaction:
    """What the particle is made of before, and after each stage."""

    before: Phases
    after: Sequence[Phases]


# Ni : Cu of the core-shell particles, 1 : 1.3. Stage 1 turns the CuO shell into Cu2O, stage 2 all into metal and Li2O.
_CU_PER_NI = 1.3

REACTIONS: Mapping[str, Reaction] = MappingProxyType(
    {
        "NiO": Reaction({"NiO": 1}, ({"Ni": 1, "Li2O": 1},)),
        "CuO": Reaction({"CuO": 1}, ({"Cu2O": 0.5, "Li2O": 0.5}, {"Cu": 1, "Li2O": 1})),
        "NiO@CuO": Reaction(
            {"NiO": 1, "CuO": _CU_PER_NI},
            (
                {"NiO": 1, "Cu2O": 0.5 * _CU_PER_NI, "Li2O": 0.5 * _CU_PER_NI},
                {"Ni": 1, "Cu": _CU_PER_NI, "Li2O": 1 + _CU_PER_NI},
            ),
        ),
    }
)


def phase_volume(phases: Phases, cells: Mapping[str, Cell] = CELLS) -> float:
    """Return the volume of an amount of phases, cubic angstrom.

    Raises
    ------
    KeyError
        A phase without a cell.
    """
    missing = sorted(set(phases) - set(cells))
    if missing:
        raise KeyError(f"no unit cell for {', '.join(missing)}; known: {', '.join(sorted(cells))}")
    return sum(amount * cells[name].volume_per_formula for name, amount in phases.items())


def volume_ratios(reaction: Reaction, cells: Mapping[str, Cell] = CELLS) -> tuple[float, ...]:
    """Return V/V0 after each stage of a reaction.

    >>> [round(r, 2) for r in volume_ratios(REACTIONS["CuO"])]
    [1.57, 1.8]
    """
    before = phase_volume(reaction.before, cells)
    return tuple(phase_volume(after, cells) / before for after in reaction.after)
