"""What a misspelt name was probably meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def guess(name: str, known: Iterable[str]) -> str:
    """Return the nearest known names in words, or all of them where none is near.

    >>> guess("Nio", ["NiO", "CuO"])
    "; did you mean 'NiO'?"
    """
    known = list(known)
    if same := [other for other in known if other.lower() == name.lower()]:
        return f"; did you mean {same[0]!r}?"
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"
