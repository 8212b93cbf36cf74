"""The book of phases and reactions: what is built in, what the user adds, and how a request is found in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tem_track.errors import SettingsError
from tem_track.theory.equation import is_equation, parse_equation
from tem_track.theory.guess import guess
from tem_track.theory.mixture import mixture
from tem_track.theory.phases import GASES, PHASES, Phase
from tem_track.theory.reaction import Reaction

_PART = re.compile(r"\s*([^:,]+?)\s*:\s*([0-9.eE+-]+)\s*")
_METHODS = "conversion to metal and Li2O, cells as tabulated"
_PAPER = "NiO@CuO lithiation paper, Ni:Cu = 1:1.3 from EELS, two stages from ex situ diffraction at 1.2 and 0.5 V"


@dataclass(frozen=True)
class Book:
    """Phases and reactions by name.

    Attributes
    ----------
    phases : mapping of str to Phase
        Solids; gases are known besides.
    reactions : mapping of str to Reaction
    """

    phases: Mapping[str, Phase] = field(default_factory=lambda: PHASES)
    reactions: Mapping[str, Reaction] = field(default_factory=dict)

    @property
    def species(self) -> Mapping[str, Phase]:
        """Everything an equation may name: phases and gases; a phase of the user's comes before a gas."""
        return {**GASES, **self.phases}

    def reaction(self, request: str) -> Reaction:
        """Return the reaction of a request: a name, an equation, or a mixture.

        Parameters
        ----------
        request : str
            ``"NiO"``, ``"NiO + 2 Li -> Ni + Li2O"`` or, in moles of the starting solids, ``"NiO:1, CuO:1.3"``.

        Raises
        ------
        SettingsError
            Not known (with a guess), not balanced, or not readable.
        """
        request = request.strip()
        if request in self.reactions:
            return self.reactions[request]
        if is_equation(request):
            return parse_equation(request, self.species)
        if ":" in request:
            return self.mixture(_moles(request), name=request)
        raise SettingsError(
            f"no reaction {request!r}{guess(request, self.reactions)}; "
            "or write an equation such as 'NiO + 2 Li -> Ni + Li2O', a mixture such as NiO:1,CuO:1.3, "
            "or give your own with --phases FILE"
        )

    def mixture(self, moles: Mapping[str, float], *, name: str, source: str = "command line") -> Reaction:
        """Return the reaction of a mixture of known reactions, given in moles of the starting solids.

        Raises
        ------
        SettingsError
            A part is not known, or an amount is not above zero.
        """
        for part, amount in moles.items():
            if part not in self.reactions:
                raise SettingsError(f"mixture {name!r}: no reaction {part!r}{guess(part, self.reactions)}")
            if not 0 < amount < 1e6:
                raise SettingsError(f"mixture {name!r}: {amount:g} is no amount of {part}")
        parts = {part: (self.reactions[part], amount) for part, amount in moles.items()}
        return mixture(parts, self.species, name=name, source=source)


def built_in() -> Book:
    """Return the book of the built-in phases and reactions."""
    bare = Book()
    equations = {
        "NiO": ("NiO + 2 Li -> Ni + Li2O", _METHODS),
        "CuO": ("CuO + 2 Li -> 1/2 Cu2O + 1/2 Li2O + Li -> Cu + Li2O", _METHODS),
        "Cu2O": ("Cu2O + 2 Li -> 2 Cu + Li2O", "second half of the path of CuO"),
        # Amounts per mole of Ni.
        "NiO@CuO": (
            "NiO + 1.3 CuO + 4.6 Li -> NiO + 0.65 Cu2O + 0.65 Li2O + 3.3 Li -> Ni + 1.3 Cu + 2.3 Li2O",
            _PAPER,
        ),
    }
    reactions = {
        name: parse_equation(equation, bare.species, name=name, source=source)
        for name, (equation, source) in equations.items()
    }
    return Book(bare.phases, reactions)


def _moles(request: str) -> dict[str, float]:
    moles: dict[str, float] = {}
    for text in request.split(","):
        found = _PART.fullmatch(text)
        try:
            amount = float(found[2]) if found else float("nan")
        except ValueError:
            amount = float("nan")
        if found is None or amount != amount:
            raise SettingsError(f"{text.strip()!r} is no part of a mixture: write NAME:MOLES, such as NiO:1,CuO:1.3")
        moles[found[1]] = moles.get(found[1], 0.0) + amount
    return moles
