"""Chemical formulas to counts of atoms."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from tem_track.errors import SettingsError

# IUPAC periodic table of 2022, all 118.
ELEMENTS = frozenset(
    re.findall(
        "[A-Z][a-z]?",
        "HHeLiBeBCNOFNeNaMgAlSiPSClArKCaScTiVCrMnFeCoNiCuZnGaGeAsSeBrKrRbSrYZrNbMoTcRuRhPdAgCdInSnSbTeIXeCsBaLaCePrNd"
        "PmSmEuGdTbDyHoErTmYbLuHfTaWReOsIrPtAuHgTlPbBiPoAtRnFrRaAcThPaUNpPuAmCmBkCfEsFmMdNoLrRfDbSgBhHsMtDsRgCnNhFlMcLv"
        "TsOg",
    )
)
_PART = re.compile(r"([A-Z][a-z]?)(\d+\.?\d*|\.\d+)?|(\()|\)(\d+\.?\d*|\.\d+)?")


def atoms(formula: str) -> Mapping[str, float]:
    """Return how many atoms of each element one formula unit holds.

    Parameters
    ----------
    formula : str
        Elements with counts, decimal ones too, and round brackets: ``"Li2O"``, ``"Ca(OH)2"``, ``"Li0.5CoO2"``.

    Raises
    ------
    SettingsError
        It is no formula, or an element does not exist.

    Examples
    --------
    >>> atoms("Ca(OH)2")
    {'Ca': 1.0, 'O': 2.0, 'H': 2.0}
    """
    levels: list[Counter[str]] = [Counter()]
    at = 0
    while at < len(formula):
        part = _PART.match(formula, at)
        if part is None or (part[0][0] == ")" and len(levels) == 1):
            raise SettingsError(f"{formula!r} is not a chemical formula such as NiO or Ca(OH)2")
        at = part.end()
        if part[3]:
            levels.append(Counter())
        elif part[1]:
            _add(levels[-1], {_element(part[1], formula): 1.0}, part[2])
        else:
            inner = levels.pop()
            _add(levels[-1], inner, part[4])
    if len(levels) > 1 or not levels[0]:
        raise SettingsError(f"{formula!r} is not a chemical formula such as NiO or Ca(OH)2")
    return dict(levels[0])


def _element(symbol: str, formula: str) -> str:
    if symbol not in ELEMENTS:
        raise SettingsError(f"{formula!r} is not a chemical formula: there is no element {symbol}")
    return symbol


def _add(counts: Counter[str], more: Mapping[str, float], times: str | None) -> None:
    for element, count in more.items():
        counts[element] += count * float(times or 1)  # type: ignore[assignment]
