"""Levels of V/V0 that theory expects, as the figures take them; apart from the figures, which are slow to import."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class ExpectedLevel:
    """A V/V0 that theory expects: its name, its value, the kind of particle it is for (empty: all others)."""

    name: str
    volume_ratio: float
    kind: str = ""


def levels_of_kind(expected: Sequence[ExpectedLevel], kind: str) -> list[ExpectedLevel]:
    """Return the levels of one kind of particle; those for all others where it has none of its own."""
    return [e for e in expected if e.kind == kind] or [e for e in expected if not e.kind]
