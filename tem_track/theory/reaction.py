"""Reactions: what a particle is made of before and after each stage, and the V/V0 that follows from its phases.

A path is what a chemist writes, ``CuO + 2 Li -> 1/2 Cu2O + 1/2 Li2O + Li -> Cu + Li2O``: one arrow per stage. Ions and
gases that come and go have no volume in the particle. The ions may be left out altogether: the reservoir outside the
particle has as many as it takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isnan, nan, sqrt
from typing import TypeAlias

from tem_track.errors import SettingsError
from tem_track.theory.phases import Phase

Amounts: TypeAlias = Mapping[str, float]
"""Formula units of each phase."""
# Carriers of rechargeable cells: the counter electrode supplies them, so an equation may leave them out.
CARRIERS = ("Li", "Na", "K")
# 1/3 is written as 0.333 and 2/3 as 0.667: three digits are good to 0.001; a wrong equation is off by far more.
_BALANCE = 2e-3


@dataclass(frozen=True)
class Reaction:
    """What the particle is made of before, and after each stage.

    Attributes
    ----------
    name : str
    before : mapping of phase to formula units
    after : tuple of such mappings
        One per stage, the last one complete.
    source : str
        Where the path is from.
    note : str
        What it assumes, if anything.
    """

    name: str
    before: Amounts
    after: tuple[Amounts, ...]
    source: str = ""
    note: str = ""

    def __str__(self) -> str:
        return " -> ".join(amounts_text(amounts) for amounts in (self.before, *self.after))


@dataclass(frozen=True)
class Level:
    """The expected state after a stage.

    Attributes
    ----------
    stage : int
        From 1.
    label : str
        ``"stage 1"``, ..., ``"complete"``.
    volume_ratio, volume_ratio_sd : float
        V/V0 and its standard uncertainty from that of the cells; NaN where a cell has none.
    taken_up : mapping of element to float
        Carriers taken up since the start, atoms per formula unit of the solids before; negative where they leave.
    amounts : mapping of phase to formula units
    """

    stage: int
    label: str
    volume_ratio: float
    volume_ratio_sd: float
    taken_up: Mapping[str, float]
    amounts: Amounts


def levels(reaction: Reaction, phases: Mapping[str, Phase]) -> tuple[Level, ...]:
    """Return what unit cells say of each stage of a reaction.

    Notes
    -----
    V/V0 = sum of n v over the phases after, over the same sum before; v is the volume of a formula unit. Its
    uncertainty is sqrt(sum((n_after - R n_before)^2 u(v)^2)) / V_before with R = V/V0: a phase that stands on both
    sides counts once.
    """
    last = len(reaction.after)
    before = volume(reaction.before, phases)
    units = sum(amount for name, amount in reaction.before.items() if phases[name].volume)
    found = []
    for stage, after in enumerate(reaction.after, start=1):
        ratio = volume(after, phases) / before
        up = {
            element: change / units
            for element, change in _differences(reaction.before, after, phases).items()
            if element in CARRIERS and abs(change) > _BALANCE
        }
        label = "complete" if stage == last else f"stage {stage}"
        sd = _ratio_sd(reaction.before, after, ratio, phases) / before
        found.append(Level(stage, label, ratio, sd, up, after))
    return tuple(found)


def volume(amounts: Amounts, phases: Mapping[str, Phase]) -> float:
    """Return the volume of an amount of phases, A^3."""
    return sum(amount * phases[name].volume for name, amount in amounts.items())


def check_balance(reaction: Reaction, phases: Mapping[str, Phase], uptake: Amounts | None = None) -> None:
    """Raise SettingsError unless every element but the carriers is conserved from before to after each stage.

    Parameters
    ----------
    reaction : Reaction
    phases : mapping of str to Phase
    uptake : mapping of element to atoms, optional
        Carriers that the equation says are taken up in all; they have to be what the products hold.
    """
    for stage, after in enumerate(reaction.after, start=1):
        where = f"reaction {reaction.name!r}" + (f", stage {stage}" if len(reaction.after) > 1 else "")
        wrong = {e: d for e, d in _differences(reaction.before, after, phases).items() if e not in CARRIERS}
        _refuse_difference(where, wrong, reaction.before, after, phases)
    held = _differences(reaction.before, reaction.after[-1], phases)
    for element, written in (uptake or {}).items():
        if not _same(written, held.get(element, 0.0)):
            raise SettingsError(
                f"reaction {reaction.name!r} is not balanced: it takes up {written:g} {element} "
                f"but its products hold {held.get(element, 0.0):g} more"
            )


def amounts_text(amounts: Amounts) -> str:
    """Return amounts as a side of an equation.

    >>> amounts_text({"Ni": 1, "Cu2O": 0.65})
    'Ni + 0.65 Cu2O'
    """
    return " + ".join(name if amount == 1 else f"{amount:.4g} {name}" for name, amount in amounts.items())


def _differences(before: Amounts, after: Amounts, phases: Mapping[str, Phase]) -> dict[str, float]:
    """Return the atoms of each element after minus before."""
    first, last = _atoms(before, phases), _atoms(after, phases)
    return {element: last.get(element, 0.0) - first.get(element, 0.0) for element in (*first, *last)}


def _atoms(amounts: Amounts, phases: Mapping[str, Phase]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, amount in amounts.items():
        for element, count in phases[name].atoms.items():
            found[element] = found.get(element, 0.0) + amount * count
    return found


def _refuse_difference(
    where: str, wrong: Mapping[str, float], before: Amounts, after: Amounts, phases: Mapping[str, Phase]
) -> None:
    first, last = _atoms(before, phases), _atoms(after, phases)
    bad = [e for e in wrong if not _same(first.get(e, 0.0), last.get(e, 0.0))]
    if bad:
        words = ", ".join(f"{e} {first.get(e, 0.0):g} before and {last.get(e, 0.0):g} after" for e in bad)
        raise SettingsError(f"{where} is not balanced: {words}")


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= _BALANCE * max(abs(one), abs(other))


def _ratio_sd(before: Amounts, after: Amounts, ratio: float, phases: Mapping[str, Phase]) -> float:
    """Return the standard uncertainty of V - R V0, A^3; NaN where a volume that matters has none."""
    terms: Iterable[tuple[float, float]] = (
        (after.get(name, 0.0) - ratio * before.get(name, 0.0), phases[name].volume_sd) for name in {**before, **after}
    )
    total = 0.0
    for weight, sd in terms:
        if weight and isnan(sd):
            return nan
        total += (weight * sd) ** 2 if weight else 0.0
    return sqrt(total)
