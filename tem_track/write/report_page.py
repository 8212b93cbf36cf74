"""The pieces a report's page is put together from: escaped words, tables, lists of facts, captions of figures."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

from tem_track.tables import Column, Table, row_count
from tem_track.visible import visible
from tem_track.write.tables import table_cells

# Rows of a table on the page; the rest is in the CSV, which the page names.
_ROWS_SHOWN = 200
# Digits that a person compares, rather than all that the CSV keeps.
_DIGITS_SHOWN = 4

NOTHING_RUNS = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"script-src 'none'; object-src 'none'; base-uri 'none'\">"
)
"""In the head of a page: no browser runs anything on it, whatever stands in it."""

CAPTIONS: Mapping[str, str] = {
    "front_arrival": "When each pixel degraded, with isochrones (white), grain boundaries (blue), nuclei and "
    "crossings; what never degraded is grey.",
    "front_montage": "Frames with the front (orange) and grain boundaries (blue).",
    "front_fraction": "Degraded fraction of the field, the zone along boundaries, the interiors, and each grain.",
    "front_distance": "Degraded fraction by distance to the nearest grain boundary: a front that follows boundaries "
    "begins at the bottom.",
    "front_speed": "Front speed on an Arrhenius plot. On a ramp temperature and extent rise together: a slope is no "
    "activation energy by itself.",
    "front_dark": "Share of the area that is darker than the foil around, and number of distinct dark places.",
    "front_dark_places": "Frames with their distinct dark places (orange); contrast changes both ways here, so that no "
    "front can be told.",
    "growth_area": "Projected area of each object that grew, with its 95 % band; the dashed line is the onset, its "
    "band the 95 % interval.",
    "growth_rate": "Rate of growth of each object, from straight lines through neighbouring frames, with its 95 % "
    "band.",
    "growth_map": "When each pixel became part of an object, over the image before.",
    "volume_ratio": "V/V0 of each particle against time; the band is the 95 % interval. A dotted curve belongs to a "
    "particle that the border of the field cuts.",
    "volume_ratio_particles": "Each particle on its own: onset and end of the first stage with their 95 % intervals, "
    "and the final V/V0.",
    "population": "Mean V/V0 of the whole particles of each kind; the band is the 95 % interval of the mean.",
    "core_shell": "Core diameter and shell thickness against time; the band is the 95 % interval.",
    "drift": "Where the specimen sits in each frame minus where it sat in frame 0.",
    "size_histogram": "Equivalent diameters at the start of the movie, of particles that the border does not cut.",
    "sensitivity": "By how much the final V/V0 of each particle (a dot) moves when one setting is shifted; grey: half "
    "the 95 % interval of the median particle. A dot beyond its own interval is red.",
    "outlines": "First, middle and last usable frame with the outlines (coloured) and cores (white) measured in them.",
}


def escaped(value: Any) -> str:
    """Return a value as text that HTML shows as it is, with signs that turn the direction of writing spelt out."""
    return html.escape(visible(str(value)), quote=True)


def in_words(value: Any) -> str:
    """Return a value as a person reads it; what is not finite is not known."""
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else "not known"
    if isinstance(value, list | tuple):
        return ", ".join(map(in_words, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "not known" if value is None else str(value)


def section(title: str, body: str) -> str:
    """Return a section of the page, nothing for an empty body."""
    return f"<section><h2>{escaped(title)}</h2>{body}</section>" if body else ""


def columns_named(columns: Sequence[Column], names: Sequence[str]) -> list[Column]:
    """Return the columns of the given names, in their order."""
    by_name = {c.name: c for c in columns}
    return [by_name[name] for name in names]


def table_html(file_name: str, columns: Sequence[Column], tables: Mapping[str, Table]) -> str:
    """Return the first rows of a table without its empty columns, with a link to its file."""
    table = tables.get(file_name)
    if table is None or not row_count(table):
        return ""
    rows = row_count(table)
    shown = {c.name: table[c.name][:_ROWS_SHOWN] for c in columns if c.name in table}
    short = [Column(c.name, c.kind, c.meaning, _DIGITS_SHOWN) for c in columns if c.name in table]
    cells = table_cells(short, shown)
    filled = [k for k in range(len(short)) if any(row[k] for row in cells)]
    head = "".join(_head(short[k]) for k in filled)
    body = "".join("<tr>" + "".join(_cell(row[k], short[k]) for k in filled) + "</tr>" for row in cells)
    rest = f"the first {_ROWS_SHOWN} of {rows} rows; all are" if rows > _ROWS_SHOWN else "also"
    return (
        f"<div class=scroll><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        f'<p class=note>{rest} in <a href="{escaped(file_name)}">{escaped(file_name)}</a></p>'
    )


# The unit at the end of a column's name, as a reader expects it.
_UNITS = {
    "_nm_per_s": "nm/s",
    "_nm2_per_s": "nm²/s",
    "_px_per_frame": "px/frame",
    "_ev": "eV",
    "_per_s": "1/s",
    "_nm2": "nm²",
    "_nm3": "nm³",
    "_nm": "nm",
    "_px": "px",
    "_s": "s",
    "_c": "°C",
}


def heading(name: str) -> str:
    """Return the name of a column with its unit set apart."""
    for ending, unit in _UNITS.items():
        if name.endswith(ending):
            return f"{escaped(name.removesuffix(ending).replace('_', ' '))} <i>{unit}</i>"
    return escaped(name.replace("_", " "))


def without_unit(name: str) -> str:
    """Return the name of a column as words, its unit left out.

    >>> without_unit("onset_temperature_c")
    'onset temperature'
    """
    ending = next((ending for ending in _UNITS if name.endswith(ending)), "")
    return name.removesuffix(ending).replace("_", " ")


def _head(column: Column) -> str:
    kind = "" if column.kind == "text" else " class=num"
    return f'<th{kind} title="{escaped(column.meaning)}">{heading(column.name)}</th>'


def _cell(text: str, column: Column) -> str:
    return f"<td>{escaped(text)}</td>" if column.kind == "text" else f"<td class=num>{escaped(text)}</td>"


def facts_html(facts: Sequence[tuple[str, Any]]) -> str:
    """Return a list of named facts; what is not known is left out."""
    rows = "".join(f"<dt>{escaped(k)}</dt><dd>{escaped(in_words(v))}</dd>" for k, v in facts if v not in (None, "", []))
    return f"<dl>{rows}</dl>" if rows else ""
