r"""Words from outside, made so that a terminal shows them and obeys none of them.

Names of files and what is written in them may hold anything: line ends, escape sequences that recolour or retitle a
terminal, marks that turn the direction of writing (``\u202egnp.exe`` reads as ``exe.png``), bytes that are no text.
"""

from __future__ import annotations

import re

# Control characters (C0, C1, delete), marks that a reader does not see but that reorder what is around them (Unicode
# Standard Annex 9), line and paragraph separators, and surrogates, which stand for bytes that are no UTF-8.
_NOT_SHOWN = "\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff"
_OBEYED = re.compile(f"[\x00-\x1f{_NOT_SHOWN}]")
_OBEYED_IN_JSON = re.compile(f"[{_NOT_SHOWN}]")


def visible(text: str) -> str:
    r"""Return a text in which everything that a terminal would obey is spelt out.

    >>> print(visible("a\x1b[31mb\n\u202ec"))
    a\x1b[31mb\n\u202ec
    """
    return _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def visible_json(text: str) -> str:
    r"""Return JSON that means the same, with everything that a terminal would obey, or UTF-8 cannot hold, spelt out.

    >>> print(visible_json('"\u202ec"'))
    "\u202ec"
    """
    return _OBEYED_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def one_visible_line(text: str, longest: int) -> str:
    """Return a text as one visible line, its middle left out where it is too long.

    The end is kept, since that is where a message says what to do.
    """
    line = visible(" ".join(text.split()))
    if len(line) <= longest:
        return line
    half = (longest - 5) // 2
    return f"{line[: longest - 5 - half]} ... {line[len(line) - half :]}"
