"""The run folder of a measured movie, file by file, `run.json` last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np

from tem_track.movie import Movie
from tem_track.outcome import attention_lines
from tem_track.pipeline.checkpoints import Checkpoints
from tem_track.pipeline.part import Part
from tem_track.pipeline.reporter import Clock, Reporter
from tem_track.settings import Settings
from tem_track.tables import OPTIONAL_SCHEMAS, SCHEMAS, Table
from tem_track.write.drawing import OverlayFrame
from tem_track.write.files import RunFolder
from tem_track.write.overlay import write_overlay
from tem_track.write.run import frames_per_s, rounded, run_record, write_run_json
from tem_track.write.run_files import OVERLAY_NAMES
from tem_track.write.tables import write_table


def write_results(
    folder: RunFolder,
    movie: Movie,
    parts: Sequence[Part],
    settings: Settings,
    reporter: Reporter,
    clock: Clock,
    *,
    identity: Mapping[str, Any],
    sources: Mapping[str, Mapping[str, str]],
    command: Sequence[str],
    started: datetime,
    analysis: str,
    key: str,
    kept: Checkpoints,
) -> dict[str, Table]:
    """Write everything a run leaves behind and return its tables by file name.

    Parameters
    ----------
    parts : sequence of Part
        What was analysed; the drift of the last one stands in the run folder.
    analysis : str
        Why these parts, in words.
    key : str
        What the run is known by, for a later one to tell whether it is up to date.
    kept : Checkpoints
        Of the run's stages.

    Raises
    ------
    OutputError
        The folder cannot be written; it is then left recognisably unfinished.
    """
    tables = {name: table for part in parts for name, table in part.tables().items()}
    with clock.stage("tables and labels"):
        for name, table in tables.items():
            write_table(folder.file(name), {**SCHEMAS, **OPTIONAL_SCHEMAS}[name], table)
        for part in parts:
            part.write_files(folder)
    if settings.output.overlay:
        kept.file("overlay", folder.file(OVERLAY_NAMES[0]), lambda: _write_overlay(folder, movie, parts, reporter))
    # What is kept of other analyses and settings is no part of this run.
    kept.forget_others()
    if settings.output.figures:
        with clock.stage("figures"):
            _write_figures(folder, parts, tables)
    warnings = [text for part in parts for text in part.warnings]
    record = run_record(
        movie,
        settings,
        identity=identity,
        command=command,
        sources=sources,
        seconds=clock.seconds,
        warnings=attention_lines(movie, tables, list(dict.fromkeys(warnings))),
        outcome={"analysis": analysis} | {k: v for part in parts for k, v in part.outcome(tables).items()},
        started=started,
        blocks={name: block for part in parts for name, block in part.record(tables).items()},
    )
    with clock.stage("report"):
        _write_report(folder, record, tables)
    # Last, so that it can say what the run consists of.
    pace = frames_per_s(len(movie), clock.seconds)
    ending = {"seconds": rounded(clock.seconds), "frames_per_s": pace, "key": key, "files": folder.standing()}
    write_run_json(folder.file("run.json"), record | ending)
    return tables


def _write_overlay(folder: RunFolder, movie: Movie, parts: Sequence[Part], reporter: Reporter) -> None:
    write_overlay(
        folder.file("overlay"),
        movie.frames,
        lambda k: _together([part.picture(k) for part in parts]),
        pixel_size_nm=movie.calibration.pixel_size_nm,
        usable=np.logical_and.reduce([part.usable for part in parts]),
        progress=reporter.stage("overlay movie", len(movie)),
    )


def _together(pictures: Sequence[OverlayFrame]) -> OverlayFrame:
    """Return what several parts draw over one frame as one drawing."""
    return replace(
        pictures[0],
        particles=[particle for picture in pictures for particle in picture.particles],
        lines=[line for picture in pictures for line in picture.lines],
        areas=[area for picture in pictures for area in picture.areas],
        warning=next((picture.warning for picture in pictures if picture.warning), ""),
    )


def _write_figures(folder: RunFolder, parts: Sequence[Part], tables: Mapping[str, Table]) -> None:
    from tem_track.write.figure_style import save_figure

    for part in parts:
        for name, figure in part.figures(tables):
            save_figure(figure, folder.file(f"figures/{name}"))


def _write_report(folder: RunFolder, record: Mapping[str, Any], tables: Mapping[str, Table]) -> None:
    from tem_track.write.report import write_report

    write_report(folder, record, tables)
