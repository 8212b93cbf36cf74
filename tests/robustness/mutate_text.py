"""Attacks on text: what spreadsheets, careless programs and hostile people put into tables, logs and settings."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

Rng: TypeAlias = np.random.Generator
Attack: TypeAlias = Callable[[str, Rng], str]

WORDS = (
    *(
        "=cmd|' /C calc'!A0",
        "<script>alert(1)</script>",
        "../../../../etc/passwd",
        "\x1b[31m\x1b]0;x\x07",
        "[bold]x[/]",
    ),
    *("\u202egnp.exe", "\x00", "\ufeff", "1e999", "-1e999", "nan", "inf", "-0", "1_000", "\u0663", "½", "0x10", "1,5"),
    *("9" * 400, "{}", "[[", "'''", '"""', "%s%n", "${HOME}", "`id`", "\r", "\x85\u2028", "\udce4", "a" * 5000, ""),
    *("99:99:99", "2020-13-45 25:61:61", "1e308", "4e-324", "true", "[input]", 'x = "', "1970-01-01T00:00:00+99:99"),
    *("[bold]x[/]", "-", "\uff11", "12:00:00+25:00", "9999-12-31 23:59:59"),
)
_SIGNS = " \t0a.,:-+=<\"'\\_/"
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0")
_ENCODINGS = ("utf-16-le", "utf-16-be", "utf-16", "utf-32", "cp1252", "utf-7", "cp437", "utf-8-sig")


def attacked(content: bytes, rng: Rng) -> bytes:
    """Return a text with one to three attacks, in some encoding."""
    text = content.decode("utf-8", "surrogateescape")
    for _ in range(int(rng.choice([1, 1, 2, 3]))):
        text = _ATTACKS[int(rng.integers(len(_ATTACKS)))](text, rng)
    encoded = text.encode("utf-8", "surrogateescape")
    if rng.random() < 0.15:
        encoding = _ENCODINGS[int(rng.integers(len(_ENCODINGS)))]
        encoded = text.encode(encoding, "replace")
    if rng.random() < 0.1:
        encoded = _MARKS[int(rng.integers(len(_MARKS)))] + encoded
    return encoded


def _word(rng: Rng) -> str:
    return WORDS[int(rng.integers(len(WORDS)))]


def _insert(text: str, rng: Rng) -> str:
    at = int(rng.integers(len(text) + 1))
    return text[:at] + _word(rng) + text[at:]


def _replace_field(text: str, rng: Rng) -> str:
    fields = list(re.finditer(r"[^,;\t\n=]+", text))
    if not fields:
        return text
    # The first fields name columns and settings: they are hit as often as all others.
    field = fields[int(rng.integers(min(len(fields), 6) if rng.random() < 0.5 else len(fields)))]
    return text[: field.start()] + _word(rng) + text[field.end() :]


def _replace_all(text: str, rng: Rng) -> str:
    old, new = (("\n", "\r"), (",", ";"), (".", ","), ("\n", ""), (",", "\t"), ("\n", "\n\n"), ("0", "O"), ("=", ":"))[
        int(rng.integers(8))
    ]
    return text.replace(old, new)


def _cut(text: str, rng: Rng) -> str:
    return text[: int(rng.integers(len(text) + 1))]


def _long_line(text: str, rng: Rng) -> str:
    at = int(rng.integers(len(text) + 1))
    return text[:at] + (_word(rng) or ",") * int(rng.choice([10, 1000, 50000 // max(1, len(_word(rng)))])) + text[at:]


def _many_lines(text: str, rng: Rng) -> str:
    lines = text.splitlines(keepends=True) or [""]
    return text + lines[int(rng.integers(len(lines)))] * int(rng.choice([1, 100, 20000]))


def _shuffle(text: str, rng: Rng) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(lines[k] for k in rng.permutation(len(lines)))


def _run(text: str, rng: Rng) -> str:
    """Put in one sign many times: what makes a search go back and forth."""
    at, sign = int(rng.integers(len(text) + 1)), _SIGNS[int(rng.integers(len(_SIGNS)))]
    return text[:at] + sign * int(rng.choice([300, 9000, 60000])) + text[at:]


def _nest(text: str, rng: Rng) -> str:
    depth, sign = int(rng.choice([10, 300, 20000])), "[{(\"'"[int(rng.integers(5))]
    at = int(rng.integers(len(text) + 1))
    return text[:at] + sign * depth + text[at:]


def _bytes(text: str, rng: Rng) -> str:
    raw = bytearray(text.encode("utf-8", "surrogateescape"))
    for _ in range(int(rng.choice([1, 3, 20]))):
        if raw:
            raw[int(rng.integers(len(raw)))] = int(rng.integers(256))
    return raw.decode("utf-8", "surrogateescape")


def _number(text: str, rng: Rng) -> str:
    numbers = list(re.finditer(r"-?\d+(\.\d+)?", text))
    if not numbers:
        return text
    found = numbers[int(rng.integers(len(numbers)))]
    value = ("1e308", "-1", "1e-320", "9" * 25, "0", "-273.16", "4e9", "1.7976931348623157e309")[int(rng.integers(8))]
    return text[: found.start()] + value + text[found.end() :]


_ATTACKS: tuple[Attack, ...] = (
    *(
        _insert,
        _insert,
        _replace_field,
        _replace_field,
        _replace_all,
        _cut,
        _long_line,
        _many_lines,
        _shuffle,
        _nest,
        _run,
    ),
    *(_bytes, _number, _number),
)
