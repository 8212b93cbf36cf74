"""Theory of a run: the reactions asked for, the levels it draws, what was measured minus that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from tem_track.errors import SettingsError
from tem_track.settings import settings_text
from tem_track.tables import KINDS, Table
from tem_track.theory import (
    Book,
    Level,
    Phase,
    Reaction,
    amounts_text,
    built_in,
    compare,
    kind_means,
    levels,
    with_additions,
)
from tem_track.write.expected_levels import ExpectedLevel

# Letters of a reaction's name that fit beside its line in a figure.
_SHORT_NAME = 16
# What stands before a reaction that is meant for one kind of particle only.
_FOR_KIND = re.compile(rf"\s*({'|'.join(KINDS)})\s*=(?!>)\s*(.*)", re.DOTALL)


@dataclass(frozen=True)
class Theory:
    """What a movie's particles are expected to do.

    Attributes
    ----------
    reactions : mapping of kind to Reaction
        The kind ``""`` stands for every kind that has none of its own.
    book : Book
    phases_file : str
        Name of the user's file, empty if there is none.
    """

    reactions: Mapping[str, Reaction]
    book: Book
    phases_file: str = ""

    @property
    def lines(self) -> tuple[ExpectedLevel, ...]:
        """Every level, as the figures draw them."""
        found = []
        for kind, reaction in self.reactions.items():
            # An equation is too long a name for a line in a figure.
            name = reaction.name if len(reaction.name) <= _SHORT_NAME else kind or "others"
            for level in levels(reaction, self.book.species):
                label = f"{name} {level.label}" if len(self.reactions) > 1 else level.label
                found.append(ExpectedLevel(label, level.volume_ratio, kind))
        return tuple(found)

    def compared(self, tables: Mapping[str, Table]) -> Table:
        """Return the THEORY table of a run's tables by file name."""
        expected = {kind: self._expected(kind) for kind in KINDS}
        return compare(tables["particles.csv"], tables["stages.csv"], tables["tracks.csv"], expected)

    def _expected(self, kind: str) -> tuple[Level, ...]:
        reaction = self.reactions.get(kind, self.reactions.get(""))
        return levels(reaction, self.book.species) if reaction else ()

    def record(self, table: Table) -> dict[str, Any]:
        """Return the block of `run.json`: reactions, phases with their sources, measured minus expected per kind."""
        reactions = [{"kind": kind, **reaction_facts(r, self.book)} for kind, r in self.reactions.items()]
        return {"reactions": reactions, "phases_file": self.phases_file, "compared": kind_means(table)}


def reaction_book(phases: Path | None = None) -> Book:
    """Return the built-in phases and reactions, with those of a TOML file put over them.

    Raises
    ------
    SettingsError
        The file cannot be read or says something impossible.
    """
    if phases is None:
        return built_in()
    return with_additions(built_in(), settings_text(phases), phases.name)


def expected_theory(request: str, phases: Path | None = None) -> Theory | None:
    """Return the theory of a request, None for an empty one.

    Parameters
    ----------
    request : str
        A name, an equation or a mixture; or several, each for one kind of particle:
        ``"core-shell = NiO@CuO; solid = NiO"``.
    phases : Path or None
        TOML with the user's own phases and reactions.

    Raises
    ------
    SettingsError
        The request or the file cannot be understood.
    """
    book = reaction_book(phases)
    reactions: dict[str, Reaction] = {}
    for part in filter(str.strip, request.split(";")):
        found = _FOR_KIND.fullmatch(part)
        kind, wanted = (found[1], found[2]) if found else ("", part)
        if kind in reactions:
            raise SettingsError(f"two reactions for {kind or 'all'} particles; write KIND=REACTION for each kind")
        reactions[kind] = book.reaction(wanted)
    return Theory(reactions, book, phases.name if phases else "") if reactions else None


def reaction_facts(reaction: Reaction, book: Book) -> dict[str, Any]:
    """Return JSON-ready facts about a reaction: its levels, the phases it stands on with their sources."""
    used = dict.fromkeys(name for amounts in (reaction.before, *reaction.after) for name in amounts)
    return {
        "reaction": reaction.name,
        "path": str(reaction),
        "source": reaction.source,
        "note": reaction.note,
        "levels": [_level_facts(level) for level in levels(reaction, book.species)],
        "phases": [phase_facts(book.species[name]) for name in used],
    }


def book_facts(book: Book) -> dict[str, list[dict[str, Any]]]:
    """Return JSON-ready facts about every reaction and phase of a book."""
    return {
        "reactions": [reaction_facts(reaction, book) for reaction in book.reactions.values()],
        "phases": [phase_facts(phase) for phase in book.phases.values()],
    }


def phase_facts(phase: Phase) -> dict[str, Any]:
    """Return JSON-ready facts about a phase; None where the uncertainty is not known."""
    return {
        "name": phase.name,
        "formula": phase.formula,
        "cell": phase.cell,
        "cell_volume_angstrom3": phase.cell_volume,
        "formula_units": phase.formula_units,
        "volume_angstrom3": phase.volume,
        "volume_sd_angstrom3": _known(phase.volume_sd),
        "molar_volume_cm3_per_mol": phase.molar_volume,
        "source": phase.source,
    }


def _level_facts(level: Level) -> dict[str, Any]:
    return {
        "stage": level.stage,
        "label": level.label,
        "phases": amounts_text(level.amounts),
        "volume_ratio": level.volume_ratio,
        "volume_ratio_sd": _known(level.volume_ratio_sd),
        "taken_up_per_formula_unit": dict(level.taken_up),
    }


def _known(number: float) -> float | None:
    return number if isfinite(number) else None
