"""`report.html`: the whole run on one page that needs nothing beside it but the overlay movie.

Figures are embedded, there is no script and no outside resource, and every word that comes from the movie, its name or
its metadata is escaped. No clock reading is on the page, so that the same run gives the same page; `run.json` has them.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tem_track.tables import (
    DRIFT,
    EVENTS,
    GROWTH,
    OPTIONAL_SCHEMAS,
    PARTICLES,
    STAGES,
    THEORY,
    Table,
    select_rows,
)
from tem_track.write.files import RunFolder, write_text
from tem_track.write.report_budget import budget_html, sensitivity_html
from tem_track.write.report_page import (
    CAPTIONS,
    NOTHING_RUNS,
    columns_named,
    escaped,
    facts_html,
    heading,
    in_words,
    section,
    table_html,
    without_unit,
)
from tem_track.write.report_style import STYLE
from tem_track.write.run_files import FIGURE_NAMES, OVERLAY_NAMES

# Two one-column figures of 85 mm at 300 dpi fit side by side on the page at this scale.
_SHOWN_SCALE = 0.465
# A finding with more letters than this does not fit the tiles at the top and is listed further down.
_SHORT = 20
_PARTICLE_COLUMNS = (
    "track_id",
    "kind",
    "first_frame",
    "last_frame",
    "initial_equivalent_diameter_nm",
    "onset_s",
    "stage_count",
    "stage_change_s",
    "complete_s",
    "final_volume_ratio",
    "final_volume_ratio_low",
    "final_volume_ratio_high",
    "max_rate_per_s",
    "shape_holds",
    "fate",
)
_THEORY_COLUMNS = (
    "track_id",
    "kind",
    "level",
    "body",
    "volume_ratio",
    "expected_volume_ratio",
    "difference",
    "difference_low",
    "difference_high",
    "remark",
)
# What stands at the top of a heated film's page: name there, name in the summary, unit.
_HEADLINES = (
    ("onset", "onset_temperature_c", " °C"),
    ("first crossing", "crossing_temperature_c", " °C"),
    ("boundary / interior speed", "boundary_interior_ratio", ""),
    ("activation energy", "activation_energy_ev", " eV"),
)
_UNUSABLE_COLUMNS = ("frame", "time_s", "reason")


@dataclass(frozen=True)
class ReportFigure:
    """A figure of the report.

    Attributes
    ----------
    name : str
        As in `CAPTIONS`.
    png : bytes
        The picture.
    caption : str
        Instead of the one in `CAPTIONS`.
    """

    name: str
    png: bytes
    caption: str = ""


def write_report(folder: RunFolder, record: Mapping[str, Any], tables: Mapping[str, Table]) -> None:
    """Write `report.html` of a run whose figures and overlay movie are written, whole or not at all.

    Parameters
    ----------
    folder : RunFolder
        The figures and the overlay movie that it holds are shown.
    record : mapping
        The content of `run.json`, see `tem_track.write.run.run_record`.
    tables : mapping of str to Table
        By file name: ``drift.csv``, ``particles.csv``, ``stages.csv``, ``events.csv``; those missing are left out.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    pictures = {name: folder.path / "figures" / f"{name}.png" for name in FIGURE_NAMES}
    figures = [ReportFigure(name, path.read_bytes()) for name, path in pictures.items() if path.is_file()]
    overlay = next((name for name in OVERLAY_NAMES if (folder.path / name).is_file()), "")
    write_text(folder.file("report.html"), report_html(record, tables, figures, overlay))


def report_html(
    record: Mapping[str, Any], tables: Mapping[str, Table], figures: Sequence[ReportFigure] = (), overlay: str = ""
) -> str:
    """Return the report as one HTML page.

    Parameters
    ----------
    record, tables
        As for `write_report`.
    figures : sequence of ReportFigure
        In the order shown.
    overlay : str
        Name of the overlay movie relative to the page; empty if there is none.
    """
    name = str(record.get("input", {}).get("name", "")) or "movie"
    parts = [
        _header(name, record),
        _warnings(record.get("warnings", ())),
        section("Movie with outlines", _video(overlay)),
        section("Figures", "".join(map(_figure, figures))),
        section("Particles", table_html("particles.csv", columns_named(PARTICLES, _PARTICLE_COLUMNS), tables)),
        section("Growth", table_html("growth.csv", GROWTH, tables)),
        section("Front", _front(record.get("front"), tables)),
        section("Theory beside measurement", _theory(record.get("theory"), tables)),
        section("What the interval of the final V/V0 is made of", budget_html(record.get("uncertainty"))),
        section("Sensitivity of the final V/V0", sensitivity_html(record.get("sensitivity"))),
        section("Stages", table_html("stages.csv", STAGES, tables)),
        section("Events", table_html("events.csv", EVENTS, tables)),
        section("Frames not usable", _unusable(tables)),
        section("Findings", facts_html([fact for fact in _findings(record) if len(fact[1]) > _SHORT])),
        section("Calibration and input", facts_html(_input_facts(record))),
        section("Settings", _settings(record.get("settings", {}))),
        section("Software", facts_html(_software_facts(record))),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"{NOTHING_RUNS}\n"
        f"<title>{escaped(name)} · tem-track</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(filter(None, parts))
        + "\n</main>\n</body>\n</html>\n"
    )


def _header(name: str, record: Mapping[str, Any]) -> str:
    facts = "".join(
        f"<li><b>{escaped(value)}</b><span>{escaped(label)}</span></li>" for label, value in _key_facts(record)
    )
    return (
        f"<header><p class=kicker>tem-track {escaped(record.get('version', ''))}</p>"
        f"<h1>{escaped(name)}</h1><ul class=facts>{facts}</ul></header>"
    )


def _key_facts(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    movie = record.get("movie", {})
    shape = movie.get("shape") or []
    facts = []
    if len(shape) == 3:
        facts += [("frames", f"{shape[0]}"), ("px", f"{shape[2]} × {shape[1]}")]
    if movie.get("duration_s"):
        facts.append(("duration", f"{movie['duration_s']:.4g} s"))
    size = record.get("calibration", {}).get("pixel_size_nm")
    facts.append(("pixel size", f"{size:.4g} nm" if size else "not known"))
    return facts + _heating_facts(record) + [fact for fact in _findings(record) if len(fact[1]) <= _SHORT]


def _heating_facts(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the numbers that a heating series is made for, those that the movie shows."""
    front, growth = record.get("front") or {}, record.get("growth") or ()
    facts = [
        (label, f"{front[name]:.4g}{unit}")
        for label, name, unit in _HEADLINES
        if isinstance(front.get(name), int | float) and math.isfinite(front[name])
    ]
    for label, name, form in (("dark share", "dark_fraction", ".1%"), ("dark places", "dark_places", ".0f")):
        ends = [front.get(f"{name}_{end}") for end in ("first", "last")]
        if all(isinstance(value, int | float) for value in ends):
            facts.append((label, " to ".join(format(value, form) for value in ends)))
    if growth:
        largest = max(growth, key=lambda row: row["final_area_px"])
        facts += [
            (label, f"{largest[name]:.4g}{unit}")
            for label, name, unit in (("onset of growth", "onset_c", " °C"), ("final area", "final_area_nm2", " nm²"))
            if math.isfinite(largest[name])
        ]
    return facts


def _findings(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(str(name).replace("_", " "), in_words(value)) for name, value in record.get("outcome", {}).items()]


def _warnings(warnings: Sequence[str]) -> str:
    if not warnings:
        return ""
    items = "".join(f"<li>{escaped(w)}</li>" for w in warnings)
    return f"<section class=warn><h2>Needs your attention</h2><ul>{items}</ul></section>"


def _video(overlay: str) -> str:
    if not overlay:
        return ""
    return (
        f'<video src="{escaped(overlay)}" controls loop muted playsinline preload="metadata"></video>'
        f'<p class=note>If it does not play here, open <a href="{escaped(overlay)}">{escaped(overlay)}</a> beside this '
        "page.</p>"
    )


def _figure(figure: ReportFigure) -> str:
    caption = figure.caption or CAPTIONS.get(figure.name, figure.name)
    picture = base64.b64encode(figure.png).decode("ascii")
    width = round(_png_width(figure.png) * _SHOWN_SCALE)
    return (
        f'<figure><img src="data:image/png;base64,{picture}" width="{width}" alt="{escaped(caption)}">'
        f"<figcaption>{escaped(caption)}</figcaption></figure>"
    )


def _png_width(png: bytes) -> int:
    """Return the width in px that a PNG states (bytes 16 to 19, in its header chunk)."""
    return int.from_bytes(png[16:20], "big")


def _unusable(tables: Mapping[str, Table]) -> str:
    drift = tables.get("drift.csv")
    if drift is None:
        return ""
    chosen = {"drift.csv": select_rows(drift, drift["usable"] == 0)}
    return table_html("drift.csv", columns_named(DRIFT, _UNUSABLE_COLUMNS), chosen)


def _theory(theory: Mapping[str, Any] | None, tables: Mapping[str, Table]) -> str:
    """Return the expected reaction, measured minus expected per kind, and the table of the particles."""
    if not theory:
        return ""
    facts = [fact for reaction in theory["reactions"] for fact in _reaction_facts(reaction)]
    facts += [(f"Minus theory, {_compared_name(mean)}", _compared_words(mean)) for mean in theory["compared"]]
    return facts_html(facts) + table_html("theory.csv", columns_named(THEORY, _THEORY_COLUMNS), tables)


def _front(front: Mapping[str, Any] | None, tables: Mapping[str, Table]) -> str:
    """Return the numbers of the front with their intervals, what the movie does not show, and its tables."""
    if not front:
        return ""
    names = [name for name in front if not name.endswith(("_low", "_high"))]
    facts = [(heading(n), _with_interval(front, n)) for n in names if isinstance(front[n], int | float | str)]
    unknown = ", ".join(dict.fromkeys(without_unit(n) for n in names if front[n] is None))
    facts += [("not shown by this movie", unknown)] if unknown else []
    tabled = ("front/grains.csv", "front/crossings.csv", "front/nuclei.csv", "front/dark.csv")
    shown = "".join(table_html(name, OPTIONAL_SCHEMAS[name], tables) for name in tabled)
    rows = "".join(f"<dt>{name}</dt><dd>{escaped(value)}</dd>" for name, value in facts)
    return f"<dl>{rows}</dl>{shown}"


def _with_interval(front: Mapping[str, Any], name: str) -> str:
    low, high = front.get(f"{name}_low"), front.get(f"{name}_high")
    if low is None or high is None or not math.isfinite(low + high):
        return in_words(front[name])
    return f"{in_words(front[name])} (95 %: {in_words(float(low))} to {in_words(float(high))})"


def _reaction_facts(reaction: Mapping[str, Any]) -> list[tuple[str, Any]]:
    levels = [f"{level['label']} {level['volume_ratio']:.3f} ({level['phases']})" for level in reaction["levels"]]
    cells: dict[str, list[str]] = {}
    for phase in reaction["phases"]:
        cells.setdefault(phase["source"], []).append(phase["name"])
    return [
        (f"Reaction of {reaction['kind'] or 'all'} particles", f"{reaction['reaction']}: {reaction['path']}"),
        ("Expected V/V0", "; ".join(levels)),
        ("Assumes", reaction["note"]),
        ("Source", reaction["source"]),
        ("Cells", "; ".join(f"{', '.join(names)}: {source}" for source, names in cells.items())),
    ]


def _compared_name(mean: Mapping[str, Any]) -> str:
    return f"{mean['kind']} {mean['body']}, {mean['level']}"


def _compared_words(mean: Mapping[str, Any]) -> str:
    low, high = mean["difference_low"], mean["difference_high"]
    # None where the record was read back from run.json.
    known = low is not None and high is not None and math.isfinite(low + high)
    interval = f" (95 %: {low:+.3f} to {high:+.3f})" if known else " (uncertainty not known)"
    return f"{mean['difference']:+.3f}{interval}, n = {mean['particles']}"


def _input_facts(record: Mapping[str, Any]) -> list[tuple[str, Any]]:
    source, movie, calibration = (record.get(k, {}) for k in ("input", "movie", "calibration"))
    size = calibration.get("pixel_size_nm")
    stated = f"{size:.6g} nm" if size else "not known: results are in px"
    return [
        ("Pixel size", f"{stated} ({calibration.get('source', 'not given')})"),
        ("Times", movie.get("time_source")),
        ("Temperatures", movie.get("temperature_source")),
        ("Format", source.get("format")),
        ("Pixel type", movie.get("dtype")),
        ("Read as", list(source.get("notes", ()))),
        ("Size", f"{source['bytes']:,} bytes".replace(",", " ") if "bytes" in source else None),
        ("SHA-256", source.get("sha256")),
    ]


def _software_facts(record: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [
        ("Command", " ".join(map(str, record.get("command", ())))),
        ("tem-track", record.get("version")),
        ("Python", record.get("python")),
        ("Platform", record.get("platform")),
        ("Libraries", [f"{name} {version}" for name, version in record.get("libraries", {}).items()]),
    ]


def _settings(settings: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    rows = "".join(
        f"<tr><td>{escaped(stage)}.{escaped(name)}</td><td>{escaped(in_words(setting.get('value')))}</td>"
        f"<td>{escaped(setting.get('source', ''))}</td></tr>"
        for stage, group in settings.items()
        for name, setting in group.items()
    )
    if not rows:
        return ""
    head = "<tr><th>setting</th><th>value</th><th>from</th></tr>"
    return (
        "<details><summary>every setting in force</summary><div class=scroll>"
        f"<table><thead>{head}</thead><tbody>{rows}</tbody></table></div></details>"
    )
