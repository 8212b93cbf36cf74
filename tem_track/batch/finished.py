"""The finished runs of a batch, as what puts them together sees them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


@dataclass(frozen=True)
class FinishedRun:
    """One movie whose run folder is complete.

    Attributes
    ----------
    movie : str
        Path relative to the folder of the movies.
    folder : Path
        Its run folder.
    conditions : mapping of str to str
    """

    movie: str
    folder: Path
    conditions: Mapping[str, str]


@dataclass(frozen=True)
class Group:
    """Movies of the same conditions.

    Attributes
    ----------
    values : tuple of str
        Of the conditions they are parted by; empty where there are none.
    runs : tuple of FinishedRun
    """

    values: tuple[str, ...]
    runs: tuple[FinishedRun, ...]

    @property
    def label(self) -> str:
        """Return the conditions in words."""
        return ", ".join(value for value in self.values if value) or ("not stated" if self.values else "all movies")


def groups_of(runs: Sequence[FinishedRun], by: Sequence[str]) -> list[Group]:
    """Return the runs parted by conditions, numbers by their value and words by their letters."""
    found: dict[tuple[str, ...], list[FinishedRun]] = {}
    for run in runs:
        found.setdefault(tuple(run.conditions.get(name, "") for name in by), []).append(run)
    return [Group(values, tuple(found[values])) for values in sorted(found, key=_order)]


def is_number(text: str) -> bool:
    """Return whether a cell is a plain number.

    >>> [is_number(text) for text in ("-0.5", "2e3", "=1", "NiO", "+1+1", "")]
    [True, True, False, False, False, False]
    """
    return bool(_NUMBER.fullmatch(text))


def numeric_conditions(runs: Sequence[Mapping[str, str]], conditions: Sequence[str]) -> frozenset[str]:
    """Return the conditions whose every value is a number or not stated."""
    stated = {name: [run.get(name, "") for run in runs if run.get(name, "")] for name in conditions}
    return frozenset(name for name, values in stated.items() if values and all(map(is_number, values)))


def _order(values: tuple[str, ...]) -> tuple[tuple[int, float, str], ...]:
    return tuple((0, float(value), value) if is_number(value) else (1, 0.0, value) for value in values)
