"""`index.html`: the whole batch on one page, with links to the reports of its runs.

The page needs nothing beside it but those reports: figures are embedded, curves are drawn in it, there is no script,
and every word that comes from a file's name or a manifest is escaped.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

import tem_track
from tem_track.movie import FloatArray
from tem_track.tables import EXPANSION, FRONT, Column, Table
from tem_track.write.report_page import (
    NOTHING_RUNS,
    columns_named,
    escaped,
    facts_html,
    heading,
    in_words,
    section,
    table_html,
)
from tem_track.write.report_style import STYLE
from tem_track.write.tables import read_table

_SPARK_PX, _SPARK_POINTS = (96, 24), 48
# Two figures side by side, as in the report of a run.
_SHOWN_SCALE = 0.465
# What a row shows of `batch.csv` besides movie, conditions and status, where any movie has it.
_SHOWN = (
    *("frames", "frames_unusable", "particles", "final_volume_ratio_mean", "degraded_fraction_final"),
    *("onset_temperature_c", "crossing_temperature_c", "objects", "growth_onset_c", "warnings"),
)
_MORE_STYLE = """
td.failed { color: #c62828; } td.reason { white-space: normal; min-width: 24em; }
svg.spark { display: block; } svg.spark polyline { fill: none; stroke: var(--accent); stroke-width: 1.4; }
main { max-width: 1280px; }
"""


def index_html(
    title: str,
    rows: Sequence[Mapping[str, Any]],
    conditions: Sequence[str],
    sparks: Mapping[str, str],
    means: tuple[Sequence[Column], Table],
    figures: Sequence[tuple[str, str, bytes]],
    facts: Sequence[tuple[str, Any]],
    files: Sequence[str],
) -> str:
    """Return the page.

    Parameters
    ----------
    title : str
    rows : sequence of mapping
        Rows of `batch.csv`.
    conditions : sequence of str
    sparks : mapping of str to str
        Small curves by movie, as SVG.
    means : (columns, Table)
        `conditions.csv`.
    figures : sequence of (name, caption, png)
    facts : sequence of (name, value)
        Said at the end.
    files : sequence of str
        Tables that stand beside the page.
    """
    failed = [row for row in rows if row["status"] == "failed"]
    waiting = sum(row["status"] == "waiting" for row in rows)
    counts = [("movies", len(rows)), ("done", len(rows) - len(failed) - waiting), ("failed", len(failed))]
    counts += [("not come to yet", waiting)] if waiting else []
    tiles = "".join(f"<li><b>{number}</b><span>{name}</span></li>" for name, number in counts)
    parts = [
        f"<header><p class=kicker>tem-track {escaped(tem_track.__version__)} · a folder of movies</p>"
        f"<h1>{escaped(title)}</h1><ul class=facts>{tiles}</ul></header>",
        _failures(failed),
        section("Comparison", "".join(_figure(*figure) for figure in figures)),
        section("Conditions", table_html("conditions.csv", means[0], {"conditions.csv": means[1]})),
        section("Movies", _movies(rows, conditions, sparks)),
        section("Tables", _files(files)),
        section("About", facts_html(facts)),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n{NOTHING_RUNS}\n'
        f"<title>{escaped(title)} · tem-track</title>\n<style>{STYLE}{_MORE_STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(filter(None, parts))
        + "\n</main>\n</body>\n</html>\n"
    )


def spark_of(folder: Path) -> str:
    """Return the mean V/V0, or the degraded fraction, of a run as a small SVG curve; empty where there is none."""
    for name, columns, column in (
        ("expansion.csv", EXPANSION, "volume_ratio_mean"),
        ("front/front.csv", FRONT, "degraded_fraction"),
    ):
        if (folder / name).is_file():
            table = read_table(folder / name, columns_named(columns, ("frame", column)))
            known = np.isfinite(table[column])
            if known.sum() > 1:
                return _spark(table["frame"][known].astype(np.float64), table[column][known])
    return ""


def _spark(x: FloatArray, y: FloatArray) -> str:
    width, height = _SPARK_PX
    chosen = np.unique(np.linspace(0, len(x) - 1, _SPARK_POINTS).round().astype(int))
    across = 2 + (x[chosen] - x[0]) / max(x[-1] - x[0], 1e-12) * (width - 4)
    span = max(float(np.ptp(y)), 1e-6)
    down = 2 + (y.max() - y[chosen]) / span * (height - 4)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(across, down, strict=True))
    words = f"{y[0]:.3g} to {y[-1]:.3g}"
    return (
        f'<svg class=spark width="{width}" height="{height}" role="img" aria-label="{words}"><title>{words}</title>'
        f'<polyline points="{points}"/></svg>'
    )


def _failures(failed: Sequence[Mapping[str, Any]]) -> str:
    if not failed:
        return ""
    items = "".join(f"<li><b>{escaped(row['movie'])}</b>: {escaped(row['reason'])}</li>" for row in failed)
    return f"<section class=warn><h2>Failed</h2><ul>{items}</ul></section>"


def _movies(rows: Sequence[Mapping[str, Any]], conditions: Sequence[str], sparks: Mapping[str, str]) -> str:
    shown = [name for name in _SHOWN if any(row.get(name) is not None for row in rows)]
    names = ["movie", *conditions, "status", *shown]
    numeric = set(shown)
    head = "".join(f"<th{' class=num' if name in numeric else ''}>{heading(name)}</th>" for name in names)
    head += "<th>V/V0 or degraded fraction</th>" if any(sparks.values()) else ""
    body = "".join(_movie_row(row, conditions, shown, sparks) for row in rows)
    return f"<div class=scroll><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _movie_row(
    row: Mapping[str, Any], conditions: Sequence[str], shown: Sequence[str], sparks: Mapping[str, str]
) -> str:
    name = escaped(row["movie"])
    if row.get("run_folder"):
        name = f'<a href="{escaped(quote(row["run_folder"]))}/report.html">{name}</a>'
    cells = [f"<td>{name}</td>", *(f"<td>{escaped(row.get(condition, ''))}</td>" for condition in conditions)]
    if row["status"] == "failed":
        cells.append("<td class=failed>failed</td>")
        cells.append(f"<td class=reason colspan={len(shown) + 1}>{escaped(row['reason'])}</td>")
        return f"<tr>{''.join(cells)}</tr>"
    cells.append(f"<td>{escaped(row['status'])}</td>")
    for column in shown:
        value = row.get(column)
        cells.append(f"<td class=num>{'' if value is None else escaped(in_words(value))}</td>")
    cells.append(f"<td>{sparks.get(row['movie'], '')}</td>" if any(sparks.values()) else "")
    return f"<tr>{''.join(cells)}</tr>"


def _figure(name: str, caption: str, png: bytes) -> str:
    # A PNG states its width in bytes 16 to 19.
    width = round(int.from_bytes(png[16:20], "big") * _SHOWN_SCALE)
    picture = base64.b64encode(png).decode("ascii")
    links = f'<a href="figures/{name}.png">PNG</a> <a href="figures/{name}.svg">SVG</a>'
    return (
        f'<figure><img src="data:image/png;base64,{picture}" width="{width}" alt="{escaped(caption)}">'
        f"<figcaption>{escaped(caption)} {links}</figcaption></figure>"
    )


def _files(files: Sequence[str]) -> str:
    items = "".join(f'<li><a href="{escaped(quote(name))}">{escaped(name)}</a></li>' for name in files)
    return f"<ul>{items}</ul>" if items else ""
