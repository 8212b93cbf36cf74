"""A column of a table: its name, which ends in its unit, its type, its meaning and its digits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Column:
    """One column: its name (with the unit at the end), what it holds, how many decimals a CSV needs."""

    name: str
    kind: Literal["int", "float", "text"]
    meaning: str
    digits: int = 6
    """Significant digits written for a float."""


# Six digits suit a measurement; a clock that runs for hours at a thousand frames a second, and a position in a frame of
# 4096 px known to 0.001 px, need more.
_MORE_DIGITS: Mapping[str, int] = {"time_s": 12, "y_px": 8, "x_px": 8, "y_specimen_px": 8, "x_specimen_px": 8}


def columns_of(*rows: tuple[str, str, str]) -> tuple[Column, ...]:
    """Return columns from (name, kind, meaning) each, with the digits that their quantity needs."""
    return tuple(Column(name, kind, meaning, _MORE_DIGITS.get(name, 6)) for name, kind, meaning in rows)  # type: ignore[arg-type]
