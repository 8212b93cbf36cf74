"""Phases and reactions that users add in TOML, each with its source.

For example::

    [phases.Co3O4]
    edges_angstrom = 8.084            # cubic; or [a, b, c], with angles_deg = [alpha, beta, gamma] where not 90
    formula_units = 8
    volume_sd_angstrom3 = 0.3         # optional: standard uncertainty of the cell volume
    source = "where the cell is from, with its DOI"

    [phases."a-Li15Si4"]
    formula = "Li15Si4"               # where it is not the name
    molar_volume_cm3_per_mol = 91.0   # instead of a cell, where only a density is known
    source = "..."

    [reactions.Co3O4]
    equation = "Co3O4 + 8 Li -> 3 Co + 4 Li2O"
    source = "..."

    [reactions.half]
    mixture = {NiO = 1, Co3O4 = 0.5}  # moles of the starting solids
    source = "..."
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite, nan
from typing import Any

from tem_track.errors import SettingsError
from tem_track.settings import parsed_toml
from tem_track.theory.book import Book
from tem_track.theory.equation import parse_equation
from tem_track.theory.formula import atoms
from tem_track.theory.guess import guess
from tem_track.theory.phases import CM3_PER_MOL_PER_A3, Phase, cell_volume

_PHASE_KEYS = (
    "formula",
    "edges_angstrom",
    "angles_deg",
    "volume_angstrom3",
    "volume_sd_angstrom3",
    "formula_units",
    "molar_volume_cm3_per_mol",
    "molar_volume_sd_cm3_per_mol",
    "source",
)
_VOLUMES = ("edges_angstrom", "volume_angstrom3", "molar_volume_cm3_per_mol")
_REACTION_KEYS = ("equation", "mixture", "source", "note")
# What an equation or a mixture could not tell from its own signs and amounts.
_PHASE_NAME = re.compile(r"[^\s\d+:;,=>→*][^\s+:;,=>→]*")
_REACTION_NAME = re.compile(r"[^\s:;,=>→]([^:;,=>→]*[^\s:;,=>→])?")
_RIGHT_ANGLES = [90.0, 90.0, 90.0]


def with_additions(book: Book, text: str, source: str) -> Book:
    """Return a book with the phases and reactions of a TOML text put over it.

    Parameters
    ----------
    book : Book
    text : str
        TOML as in the description of this module.
    source : str
        Name of the file, for messages.

    Raises
    ------
    SettingsError
        Not TOML, an unknown key (with a guess), a missing source, an impossible value, or a reaction that is not
        balanced.
    """
    tables = parsed_toml(text, source)
    _only(tables, ("phases", "reactions"), source)
    added = {
        name: _phase(name, values, f"{source}: phases.{name}") for name, values in _groups(tables, "phases", source)
    }
    book = Book({**book.phases, **added}, book.reactions)
    for name, values in _groups(tables, "reactions", source):
        book = _with_reaction(book, name, values, f"{source}: reactions.{name}")
    return book


def _groups(tables: Mapping[str, Any], kind: str, source: str) -> list[tuple[str, Mapping[str, Any]]]:
    groups = tables.get(kind, {})
    if not isinstance(groups, Mapping):
        raise SettingsError(f"{source}: {kind} must be groups, [{kind}.NAME]")
    for name, values in groups.items():
        if not isinstance(values, Mapping):
            raise SettingsError(f"{source}: {kind}.{name} must be a group, [{kind}.{name}]")
    return list(groups.items())


def _with_reaction(book: Book, name: str, values: Mapping[str, Any], where: str) -> Book:
    _only(values, _REACTION_KEYS, where)
    if not _REACTION_NAME.fullmatch(name):
        raise SettingsError(f"{where}: a reaction's name has no : ; , = or > in it")
    origin, note = _words(values, "source", where), _words(values, "note", where, "")
    if ("equation" in values) == ("mixture" in values):
        raise SettingsError(f"{where}: needs either an equation or a mixture")
    try:
        if "equation" in values:
            equation = _words(values, "equation", where)
            reaction = parse_equation(equation, book.species, name=name, source=origin, note=note)
        else:
            moles = values["mixture"]
            if not isinstance(moles, Mapping) or not moles:
                raise SettingsError("mixture must be a table such as {NiO = 1, CuO = 1.3}")
            parts = {part: _number(moles, part, "moles") for part in moles}
            reaction = book.mixture(parts, name=name, source=origin)
    except SettingsError as error:
        raise SettingsError(f"{where}: {error}") from error
    return Book(book.phases, {**book.reactions, name: reaction})


def _phase(name: str, values: Mapping[str, Any], where: str) -> Phase:
    _only(values, _PHASE_KEYS, where)
    if not _PHASE_NAME.fullmatch(name):
        raise SettingsError(f"{where}: a phase's name begins with no digit and has no space, + : ; , = or > in it")
    formula, source = _words(values, "formula", where, name), _words(values, "source", where)
    try:
        atoms(formula)
    except SettingsError as error:
        raise SettingsError(f"{where}: {error}") from error
    given = [key for key in _VOLUMES if key in values]
    if len(given) != 1:
        raise SettingsError(f"{where}: needs one of {', '.join(_VOLUMES)}")
    if given == ["molar_volume_cm3_per_mol"]:
        volume = _number(values, "molar_volume_cm3_per_mol", where) / CM3_PER_MOL_PER_A3
        sd = _sd(values, "molar_volume_sd_cm3_per_mol", where) / CM3_PER_MOL_PER_A3
        return Phase(name, formula, volume, 1, source, sd, "molar volume")
    units = _number(values, "formula_units", where)
    volume, cell = _cell(values, where) if given == ["edges_angstrom"] else _plain_volume(values, where)
    return Phase(name, formula, volume, units, source, _sd(values, "volume_sd_angstrom3", where), cell)


def _plain_volume(values: Mapping[str, Any], where: str) -> tuple[float, str]:
    return _number(values, "volume_angstrom3", where), "cell volume"


def _cell(values: Mapping[str, Any], where: str) -> tuple[float, str]:
    """Return the cell volume in A^3 from edges and angles, and the cell in words."""
    edges = values["edges_angstrom"]
    edges = edges if isinstance(edges, list) else [edges] * 3
    angles = values.get("angles_deg", _RIGHT_ANGLES)
    three = isinstance(angles, list) and len(edges) == len(angles) == 3
    if not three or not all(_positive(number) for number in (*edges, *angles)):
        raise SettingsError(f"{where}: edges_angstrom must be one edge or [a, b, c], angles_deg [alpha, beta, gamma]")
    volume = cell_volume(edges, angles)
    if not volume > 0:
        raise SettingsError(f"{where}: no cell has the angles {angles}")
    words = f"a {edges[0]:g} Å" if len(set(edges)) == 1 else "a {:g} b {:g} c {:g} Å".format(*edges)
    turned = "" if angles == _RIGHT_ANGLES else ", α {:g} β {:g} γ {:g}°".format(*angles)
    return volume, words + turned


def _only(values: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in values:
        if key not in known:
            raise SettingsError(f"{where}: unknown key {key!r}{guess(key, known)}")


def _words(values: Mapping[str, Any], key: str, where: str, default: str | None = None) -> str:
    words = values.get(key, default)
    if words is None:
        raise SettingsError(f"{where}: {key} is missing")
    if not isinstance(words, str) or not (words.strip() or default == ""):
        raise SettingsError(f"{where}: {key} must be text")
    return words


def _number(values: Mapping[str, Any], key: str, where: str) -> float:
    if key not in values:
        raise SettingsError(f"{where}: {key} is missing")
    if not _positive(values[key]):
        raise SettingsError(f"{where}: {key} must be a number above 0")
    return float(values[key])


def _sd(values: Mapping[str, Any], key: str, where: str) -> float:
    return _number(values, key, where) if key in values else nan


def _positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and value > 0
