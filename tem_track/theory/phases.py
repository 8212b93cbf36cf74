"""Phases: what volume a formula unit takes up, from the unit cell or the molar volume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import cos, nan, radians, sqrt

from tem_track.theory.formula import atoms

# Avogadro's number times 1e-24 cm3/A3 (exact in the SI since 2019): cm3/mol per A3 and formula unit.
CM3_PER_MOL_PER_A3 = 0.602214076


@dataclass(frozen=True)
class Phase:
    """A solid of known composition and volume; a gas has the volume 0, since it is not in the particle.

    Attributes
    ----------
    name, formula : str
        The name is what reactions call it; polymorphs share a formula.
    cell_volume : float
        Volume of the conventional unit cell, A^3.
    formula_units : float
        Formula units in that cell, Z.
    source : str
        Where the cell is from.
    cell_volume_sd : float
        Standard uncertainty of `cell_volume`, A^3; NaN where the source gives none.
    cell : str
        The cell constants in words, for the listing.
    """

    name: str
    formula: str
    cell_volume: float
    formula_units: float
    source: str
    cell_volume_sd: float = nan
    cell: str = ""

    @property
    def volume(self) -> float:
        """Volume of one formula unit, A^3."""
        return self.cell_volume / self.formula_units

    @property
    def volume_sd(self) -> float:
        """Standard uncertainty of it, A^3; NaN where it is not known."""
        return self.cell_volume_sd / self.formula_units

    @property
    def molar_volume(self) -> float:
        """Volume of one mole of formula units, cm^3/mol."""
        return self.volume * CM3_PER_MOL_PER_A3

    @cached_property
    def atoms(self) -> Mapping[str, float]:
        """Atoms of each element in one formula unit."""
        return atoms(self.formula)


def cell_volume(edges: Sequence[float], angles_deg: Sequence[float] = (90.0, 90.0, 90.0)) -> float:
    """Return the volume of a unit cell, A^3.

    Parameters
    ----------
    edges : (3,) float
        a, b, c in A.
    angles_deg : (3,) float
        alpha, beta, gamma in degrees.

    Notes
    -----
    V = a b c sqrt(1 - cos^2 alpha - cos^2 beta - cos^2 gamma + 2 cos alpha cos beta cos gamma). NaN where three such
    angles cannot meet in a corner.

    >>> round(cell_volume((2.0, 3.0, 4.0), (90.0, 90.0, 30.0)), 9)
    12.0
    """
    p, q, r = (cos(radians(angle)) for angle in angles_deg)
    square = 1 - p * p - q * q - r * r + 2 * p * q * r
    return edges[0] * edges[1] * edges[2] * sqrt(square) if square > 0 else nan


def cubic(formula: str, edge: float, formula_units: int, source: str) -> Phase:
    """Return a cubic phase of edge a in A."""
    return Phase(formula, formula, edge**3, formula_units, source, cell=f"a {edge:g} Å")


def monoclinic(
    formula: str, edges: tuple[float, float, float], beta_deg: float, formula_units: int, source: str
) -> Phase:
    """Return a monoclinic phase of edges a, b, c in A and angle beta in degrees."""
    words = " ".join(f"{name} {edge:g}" for name, edge in zip("abc", edges, strict=True))
    volume = cell_volume(edges, (90.0, beta_deg, 90.0))
    return Phase(formula, formula, volume, formula_units, source, cell=f"{words} Å, β {beta_deg:g}°")


# Gases of heating and gas cells: they count in the balance of an equation and nowhere else.
_GASES = ("O2", "H2", "N2", "H2O", "CO", "CO2")

# Room temperature, as tabulated; the tables give no uncertainty, so none is made up.
_TABLE = "tabulated cell constants, room temperature"
PHASES: Mapping[str, Phase] = {
    phase.name: phase
    for phase in (
        cubic("NiO", 4.1769, 4, _TABLE),
        cubic("Ni", 3.5238, 4, _TABLE),
        monoclinic(
            "CuO",
            (4.6837, 3.4226, 5.1288),
            99.54,
            4,
            "Åsbrink and Norrby 1970, Acta Cryst. B 26, 8, doi:10.1107/S0567740870001838",
        ),
        cubic("Cu2O", 4.2696, 2, _TABLE),
        cubic("Cu", 3.6149, 4, _TABLE),
        cubic("Li2O", 4.619, 4, _TABLE),
    )
}
GASES: Mapping[str, Phase] = {name: Phase(name, name, 0.0, 1, "gas, outside the particle", 0.0) for name in _GASES}
