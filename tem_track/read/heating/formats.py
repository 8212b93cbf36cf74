"""What is particular to the logs of heating holders: DENSsolutions Digiheater and Impulse, Protochips.

Strategy: each maker's file is brought into the plain form (names of columns, rows, what is known of clock and units);
everything after that is the same for all logs. RosettaSciIO reads one version of each and puts the readings on an even
grid of times; heating holders do not keep one, so the times of the rows are kept here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from tem_track.errors import InputError
from tem_track.read.heating.clock import is_clock, moment
from tem_track.read.heating.table import LogTable, read_table

_DIGIHEATER = re.compile(r"Digiheater\s+([\d.]+)", re.IGNORECASE)
_DIGIHEATER_NAME = re.compile(r"\S+(?:\s*\[[^\]]*\])?")
# "Time units = Milliseconds": what Protochips writes into the notes of the first rows.
_PROTOCHIPS_NOTE = re.compile(r"([^=]+)=(.*)")


@dataclass(frozen=True)
class MakersLog:
    """A maker's log in the plain form.

    Attributes
    ----------
    format : str
    table : LogTable
    time_unit, temperature_unit : str
        What the maker's file says or is known to mean; "" where the column names say it.
    start : datetime or None
        Date and time of log time 0, where the file states it apart from its rows.
    day : datetime or None
        Day of the first row, where the rows have times of day only.
    """

    format: str
    table: LogTable
    time_unit: str = ""
    temperature_unit: str = ""
    start: datetime | None = None
    day: datetime | None = None


def makers_log(path: Path, lines: Sequence[str]) -> MakersLog:
    """Return the log in plain form; what no maker's signs are found in is a plain table.

    Raises
    ------
    InputError
        A maker's log that is cut off or lacks what the maker always writes.
    """
    top = list(lines[:200])
    if any(_DIGIHEATER.search(line) for line in top):
        return _digiheater(path.name, lines)
    first = next((line for line in top if line.strip()), "")
    if re.match(r"\s*Time\s*,\s*Notes\s*,", first, re.IGNORECASE):
        return _protochips(path.name, lines)
    table = read_table(path.name, lines)
    if {"timestamp", "experiment time"} <= {name.lower() for name in table.names}:
        # DENSsolutions Impulse: times in s since the experiment began, temperatures in degC
        # (https://hyperspy.org/rosettasciio/supported_formats/impulse.html).
        start = _impulse_start(path)
        return MakersLog("DENSsolutions Impulse log", table, "s", "degC", start)
    return MakersLog("table", table)


def _digiheater(name: str, lines: Sequence[str]) -> MakersLog:
    """Return a Digiheater log; its columns come in several orders, its state column ("norm", "fine") has no name."""
    at = next(i for i, line in enumerate(lines) if _DIGIHEATER.search(line))
    version = _DIGIHEATER.search(lines[at])
    header = next((i for i in range(at, min(at + 20, len(lines))) if lines[i].lstrip().startswith("sample")), None)
    if header is None or version is None:
        raise InputError(f"{name}: a Digiheater log without its line of column names: cut off or damaged")
    names = tuple(_DIGIHEATER_NAME.findall(lines[header]))
    rows = []
    for line in lines[header + 1 :]:
        fields = [one for one in line.split() if is_clock(one) or any(sign.isdigit() for sign in one)]
        if fields:
            rows.append(fields)
    table = LogTable(names, rows, header + 2, tuple(lines[:header]))
    day = moment(lines[at].split("\t")[0].strip())
    return MakersLog(f"DENSsolutions Digiheater {version.group(1)} log", table, day=day)


def _protochips(name: str, lines: Sequence[str]) -> MakersLog:
    """Return a Protochips log: units, date and start in the notes of the first rows, which hold no readings."""
    table = read_table(name, lines)
    facts: dict[str, str] = {}
    rows = []
    for row in table.rows:
        note = _PROTOCHIPS_NOTE.fullmatch(row[1]) if len(row) > 1 else None
        if note:
            facts.setdefault(note.group(1).strip().lower(), note.group(2).strip())
        if not (note and row[0] == "0"):
            rows.append(row)
    if "time units" not in facts:
        raise InputError(f"{name}: a Protochips log that does not say its time units: cut off or damaged")
    date = next((value for key, value in facts.items() if key.startswith("date")), "")
    clock = next((value for key, value in facts.items() if key.startswith("time (")), "")
    return MakersLog(
        "Protochips log",
        replace(table, rows=rows),
        facts["time units"].rstrip("s") + "s",
        facts.get("temperature units", ""),
        moment(f"{date} {clock}"),
    )


def _impulse_start(path: Path) -> datetime | None:
    """Return when the experiment began, from the metadata file that Impulse writes beside its data."""
    beside = path.with_name(re.sub(r"_[^_]*$", "", path.stem) + "_Metadata.log")
    try:
        text = beside.read_text(encoding="utf-8", errors="replace") if beside.stat().st_size < 2**20 else ""
    except OSError:
        return None
    facts = dict(line.split(",", 1) for line in text.splitlines() if "," in line)
    date, clock = facts.get("Experiment date", "").strip(), facts.get("Experiment time", "").strip()
    # Impulse writes the day first, with dashes.
    day = re.fullmatch(r"(\d{2})-(\d{2})-(\d{4})", date)
    return moment(f"{day.group(3)}-{day.group(2)}-{day.group(1)} {clock}") if day else None
