"""The tables of a run folder: their columns, types and meaning, declared once.

A table is a plain mapping of column name to a 1-D array, all of one length. The unit ends the name: ``_px _nm _nm2
_nm3 _s _c _per_s``; no ending is a count or a ratio. NaN (numbers) and "" (text) are written as empty cells.
"""

from __future__ import annotations

from collections.abc import Mapping

from tem_track.tables.column import Column
from tem_track.tables.heating import CROSSINGS, DARK, DISTANCE, FRONT, GRAINS, GROWTH, GROWTH_RATES, NUCLEI, VOIDS
from tem_track.tables.particles import DRIFT, EVENTS, EXPANSION, KINDS, PARTICLES, SENSITIVITY, STAGES, THEORY, TRACKS
from tem_track.tables.rows import Table, blank_table, row_count, select_rows, table_from_rows

__all__ = [
    "CROSSINGS",
    "DARK",
    "DISTANCE",
    "DRIFT",
    "EVENTS",
    "EXPANSION",
    "FRONT",
    "FRONT_SCHEMAS",
    "GRAINS",
    "GROWTH",
    "GROWTH_RATES",
    "GROWTH_SCHEMAS",
    "KINDS",
    "NUCLEI",
    "OPTIONAL_SCHEMAS",
    "PARTICLES",
    "SCHEMAS",
    "SENSITIVITY",
    "STAGES",
    "THEORY",
    "TRACKS",
    "VOIDS",
    "Column",
    "Table",
    "blank_table",
    "row_count",
    "select_rows",
    "table_from_rows",
]

SCHEMAS: Mapping[str, tuple[Column, ...]] = {
    "drift.csv": DRIFT,
    "tracks.csv": TRACKS,
    "particles.csv": PARTICLES,
    "stages.csv": STAGES,
    "events.csv": EVENTS,
    "expansion.csv": EXPANSION,
}
# Only where the front in a film was analysed.
FRONT_SCHEMAS: Mapping[str, tuple[Column, ...]] = {
    "front/front.csv": FRONT,
    "front/grains.csv": GRAINS,
    "front/crossings.csv": CROSSINGS,
    "front/nuclei.csv": NUCLEI,
    "front/distance.csv": DISTANCE,
    "front/voids.csv": VOIDS,
}
# Only where objects that grow were followed.
GROWTH_SCHEMAS: Mapping[str, tuple[Column, ...]] = {"growth.csv": GROWTH, "growth_rates.csv": GROWTH_RATES}
# Theory and sensitivity only where they were asked for.
OPTIONAL_SCHEMAS: Mapping[str, tuple[Column, ...]] = {
    "theory.csv": THEORY,
    "sensitivity.csv": SENSITIVITY,
    **FRONT_SCHEMAS,
    # Only where contrast changes both ways.
    "front/dark.csv": DARK,
    **GROWTH_SCHEMAS,
}
