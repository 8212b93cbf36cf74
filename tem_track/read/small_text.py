"""The rows of a small table that a person wrote: times of frames, states of images."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from tem_track.errors import InputError

# Ten million frames with their times take 200 MB; what never ends (a device, a pipe) is stopped here.
_LARGEST_BYTES = 2**28


def read_rows(path: Path) -> list[tuple[int, list[str]]]:
    """Return the rows of a CSV that hold anything, each with its number from 1.

    Parameters
    ----------
    path : Path
        UTF-8, with or without the byte-order mark that spreadsheets put in front.

    Raises
    ------
    InputError
        Missing, not text in UTF-8, no CSV, or absurdly large.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read: {error.strerror or error}") from error
    if len(content) > _LARGEST_BYTES:
        raise InputError(f"{path.name}: over {_LARGEST_BYTES >> 20} MiB, too large for such a table")
    try:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path.name}: not a CSV text file") from error
    return [(number, row) for number, row in enumerate(rows, 1) if any(cell.strip() for cell in row)]
