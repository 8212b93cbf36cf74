"""The lines of a log that a holder's program or a person wrote: any encoding such programs use, text only."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from tem_track.errors import InputError

# A week of readings at 4 Hz with ten columns is half of this; as text and rows it takes some ten times its bytes.
_LARGEST_BYTES = 2**29
# Programs write some tens of columns of some twenty letters; what is far longer is no line of a table.
_LONGEST_LINE = 20_000
# Byte-order marks, and what programs on western Windows write without one.
_MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))
_WITHOUT_MARK = ("utf-8", "cp1252", "latin-1")
# Lines looked at to find the delimiter.
_SAMPLED_LINES = 200
_COMMENT = re.compile(r"\s*(?:#|%|//|!)+\s?")


def read_log_lines(path: Path) -> list[str]:
    """Return the lines of a text file without their ends, empty ones included (so that line numbers hold).

    Raises
    ------
    InputError
        Missing, empty, binary or absurdly large.
    """
    try:
        if path.is_dir():
            raise InputError(f"{path.name}: is a folder, not a temperature log")
        # What never ends (a device, a pipe) says that it is empty.
        with path.open("rb") as stream:
            content = stream.read(_LARGEST_BYTES + 1)
        if len(content) > _LARGEST_BYTES:
            raise InputError(f"{path.name}: over {_LARGEST_BYTES / 2**30:g} GiB, too large for a temperature log")
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read: {error.strerror or error}") from error
    text = _decoded(path.name, content)
    if not text.strip():
        raise InputError(f"{path.name}: is empty, not a temperature log")
    lines = text.splitlines()
    longest = max(map(len, lines))
    if longest > _LONGEST_LINE:
        raise InputError(f"{path.name}: a line of {longest} letters; a temperature log is a table with short lines")
    return lines


def _decoded(name: str, content: bytes) -> str:
    encodings = [encoding for mark, encoding in _MARKS if content.startswith(mark)] or list(_WITHOUT_MARK)
    # No text holds a zero byte; every image, video and array file does.
    if not encodings[0].startswith("utf-16") and b"\0" in content[: 2**20]:
        raise InputError(f"{name}: not a text file; a temperature log is text with a time and a temperature column")
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InputError(f"{name}: not a text file; a temperature log is text with a time and a temperature column")


def without_comment_sign(line: str) -> str:
    """Return a line without the sign that marks it as a comment: a header often stands behind one.

    >>> without_comment_sign("# time_s,temp_C"), without_comment_sign("1,2")
    ('time_s,temp_C', '1,2')
    """
    return _COMMENT.sub("", line, count=1) if _COMMENT.match(line) else line


def is_comment(line: str) -> bool:
    """Return whether a line begins with the sign of a comment."""
    return _COMMENT.match(line) is not None


def find_delimiter(lines: Sequence[str]) -> str | None:
    """Return what parts the fields of most lines: tab, semicolon, comma, bar, or None for blanks.

    The delimiter is the one that cuts the most lines into the same number (above one) of fields and, where several do,
    also the line with the columns' names: a decimal comma or a list within a field is not in that line.

    >>> find_delimiter(["1;2,5", "2;3,5"]), find_delimiter(["1,2", "3,4"]), find_delimiter(["1 2", "3  4"])
    (';', ',', None)
    """
    given = [line for line in lines if line.strip()]
    top, sample = given[:_SAMPLED_LINES], given[-_SAMPLED_LINES:]
    best, most = None, (0.0, False)
    for candidate in ("\t", ";", ",", "|", None):
        counts = [len(fields) for fields in split_lines(sample, candidate)]
        usual = max(set(counts), key=lambda n: (counts.count(n), n), default=0)
        if usual < 2 or (candidate == "," and _decimal_only(sample)):
            continue
        named = any(len(fields) == usual and not any(map(_is_value, fields)) for fields in split_lines(top, candidate))
        # To a tenth: a few lines with notes in them do not decide. Earlier candidates win a tie.
        score = (round(counts.count(usual) / len(counts), 1), named)
        if score > most:
            best, most = candidate, score
    return best


def _is_value(text: str) -> bool:
    return text[:1].isdigit() or text[:1] in "+-"


def split_lines(lines: Sequence[str], delimiter: str | None) -> Iterator[list[str]]:
    """Yield the fields of each line, blanks and quotes around them taken off; None cuts at runs of blanks."""
    if delimiter is None:
        yield from (line.split() for line in lines)
    elif any('"' in line for line in lines):
        # One line at a time: a quote that is never closed then spoils one line, not all that follow.
        for line in lines:
            fields = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
            yield [field.strip() for field in fields]
    else:
        yield from ([field.strip() for field in line.split(delimiter)] for line in lines)


def _decimal_only(lines: Sequence[str]) -> bool:
    """Return whether blanks part the fields of every line and commas only stand once within a field."""
    fields = [line.split() for line in lines]
    return all(len(one) > 1 and all(re.fullmatch(r"[^,]*(?:\d,\d[^,]*)?", text) for text in one) for one in fields)
