"""Equations as people write them to reactions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction

from tem_track.errors import SettingsError
from tem_track.theory.guess import guess
from tem_track.theory.phases import Phase
from tem_track.theory.reaction import CARRIERS, Amounts, Reaction, check_balance

_ARROW = re.compile(r"->|=>|→|⟶")
# A plus between two terms: what follows begins with a number or a name. The charge of an ion is followed by neither.
_PLUS = re.compile(r"\+(?=\s*[\w.(])")
_TERM = re.compile(r"(?P<amount>\d+\s*/\s*\d+|\d+\.?\d*|\.\d+)?\s*\*?\s*(?P<name>[^\s\d].*)")
_CHARGE = re.compile(r"\^?\d*[+-]$")


def is_equation(text: str) -> bool:
    """Return whether a text has an arrow in it, as an equation does."""
    return _ARROW.search(text) is not None


def parse_equation(
    text: str, phases: Mapping[str, Phase], *, name: str = "", source: str = "command line", note: str = ""
) -> Reaction:
    """Return the reaction that an equation describes, checked for balance.

    Parameters
    ----------
    text : str
        ``"NiO + 2 Li -> Ni + Li2O"``; one arrow per stage; amounts as ``2``, ``0.5`` or ``1/2``. Li, Na and K are the
        reservoir's unless they are phases of their own; they, and electrons, may be left out.
    phases : mapping of str to Phase
    name, source, note : str
        Of the reaction; the name is the equation itself by default.

    Raises
    ------
    SettingsError
        Not an equation, a phase that is not known (with a guess), or not balanced.
    """
    sides = [_side(part, text, phases) for part in _ARROW.split(text)]
    if len(sides) < 2:
        raise SettingsError(f"{text!r} is not an equation: write it as NiO + 2 Li -> Ni + Li2O")
    solids, carriers = zip(*sides, strict=True)
    if not any(phases[phase].volume for phase in solids[0]):
        raise SettingsError(f"{text!r}: nothing solid before the arrow")
    reaction = Reaction(name or " ".join(text.split()), solids[0], solids[1:], source, note)
    check_balance(reaction, phases, _taken_up(carriers[0], carriers[-1]))
    return reaction


def _side(part: str, text: str, phases: Mapping[str, Phase]) -> tuple[Amounts, Amounts]:
    """Return the phases and the carriers of one side of an equation."""
    solids: dict[str, float] = {}
    carriers: dict[str, float] = {}
    for term in _PLUS.split(part):
        amount, species = _term(term, text)
        ion = _CHARGE.sub("", species)
        if species in phases:
            solids[species] = solids.get(species, 0.0) + amount
        elif ion in CARRIERS:
            carriers[ion] = carriers.get(ion, 0.0) + amount
        elif ion != "e":
            raise SettingsError(unknown_phase(species, phases))
    return solids, carriers


def _term(term: str, text: str) -> tuple[float, str]:
    found = _TERM.fullmatch(term.strip())
    if found is None:
        raise SettingsError(f"{text!r}: {term.strip() or 'an empty side'!r} is not an amount of a phase")
    written = (found["amount"] or "1").replace(" ", "")
    try:
        amount = float(Fraction(written))
    except ZeroDivisionError:
        amount = 0.0
    if not 0 < amount < 1e6:
        raise SettingsError(f"{text!r}: {written} is no amount of {found['name']}")
    return amount, found["name"].strip()


def _taken_up(first: Amounts, last: Amounts) -> Amounts:
    return {element: first.get(element, 0.0) - last.get(element, 0.0) for element in {**first, **last}}


def unknown_phase(name: str, phases: Iterable[str]) -> str:
    """Return the one line for a phase without a volume."""
    return f"no volume known for the phase {name!r}{guess(name, phases)}; add it with its source in --phases FILE"
