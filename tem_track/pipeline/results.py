"""The run folder of a measured movie, file by file, `run.json` last."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import cv2
import numpy as np

from tem_track.movie import FloatArray, Movie
from tem_track.outcome import attention_lines
from tem_track.pipeline.measure import Measurement
from tem_track.pipeline.reporter import Clock, Reporter
from tem_track.pipeline.rows import drift_rows, event_rows, without_times
from tem_track.pipeline.sensitivity import sensitivity_record
from tem_track.pipeline.theory import Theory
from tem_track.pipeline.uncertainty import uncertainty_budget
from tem_track.settings import Settings
from tem_track.tables import OPTIONAL_SCHEMAS, SCHEMAS, Table, row_count
from tem_track.write.expected_levels import ExpectedLevel
from tem_track.write.files import RunFolder
from tem_track.write.overlay import DrawnParticle, OverlayFrame, status_text, write_overlay
from tem_track.write.run import run_record, write_run_json
from tem_track.write.stacks import write_label_stack
from tem_track.write.tables import write_table


def write_results(
    folder: RunFolder,
    movie: Movie,
    measured: Measurement,
    settings: Settings,
    reporter: Reporter,
    clock: Clock,
    *,
    identity: Mapping[str, Any],
    sources: Mapping[str, Mapping[str, str]],
    command: Sequence[str],
    started: datetime,
    theory: Theory | None = None,
    sensitivity: Table | None = None,
) -> dict[str, Table]:
    """Write everything a run leaves behind and return its tables by file name.

    Raises
    ------
    OutputError
        The folder cannot be written; it is then left recognisably unfinished.
    """
    tables = run_tables(movie, measured)
    if theory:
        tables["theory.csv"] = theory.compared(tables)
    if sensitivity is not None:
        tables["sensitivity.csv"] = sensitivity
    with clock.stage("tables and labels"):
        for name, table in tables.items():
            write_table(folder.file(name), {**SCHEMAS, **OPTIONAL_SCHEMAS}[name], table)
        _write_labels(folder, movie, measured)
    pictures = overlay_pictures(movie, measured)
    if settings.output.overlay:
        with clock.stage("overlay movie"):
            write_overlay(
                folder.file("overlay"),
                movie.frames,
                pictures,
                pixel_size_nm=movie.calibration.pixel_size_nm,
                usable=measured.quality.usable,
                progress=reporter.stage("overlay movie", len(movie)),
            )
    if settings.output.figures:
        with clock.stage("figures"):
            _write_figures(folder, movie, measured, tables, pictures, theory.lines if theory else ())
    warnings = attention_lines(movie, tables["drift.csv"], tables["particles.csv"], measured.warnings)
    record = run_record(
        movie,
        settings,
        identity=identity,
        command=command,
        sources=sources,
        seconds=clock.seconds,
        warnings=warnings,
        outcome=_outcome(measured, tables),
        started=started,
        theory=theory.record(tables["theory.csv"]) if theory else None,
        uncertainty=uncertainty_budget(tables["particles.csv"]),
        sensitivity=None if sensitivity is None else sensitivity_record(sensitivity),
    )
    with clock.stage("report"):
        _write_report(folder, record, tables)
    write_run_json(folder.file("run.json"), record)
    folder.finish()
    return tables


def run_tables(movie: Movie, measured: Measurement) -> dict[str, Table]:
    """Return the tables of a run by file name; a single image has no curves and so no stages or population."""
    expansion = measured.expansion
    return {
        "drift.csv": drift_rows(movie, measured.quality, measured.drift),
        "tracks.csv": without_times(expansion.tracks, movie.timed),
        "particles.csv": expansion.particles,
        "stages.csv": expansion.stages,
        "events.csv": event_rows(measured.tracks, expansion.onset_events, movie.timed),
        "expansion.csv": without_times(expansion.population, movie.timed),
    }


def overlay_pictures(movie: Movie, measured: Measurement) -> Callable[[int], OverlayFrame]:
    """Return the function that says what is drawn over frame k."""
    bridged: dict[int, list[int]] = {}
    rows = measured.expansion.tracks
    for k, track, state in zip(rows["frame"].tolist(), rows["track_id"].tolist(), rows["state"].tolist(), strict=True):
        if state == "inferred":
            bridged.setdefault(k, []).append(track)

    def picture(k: int) -> OverlayFrame:
        outlines = measured.outlines
        particles = [
            DrawnParticle(int(outlines.track_id[i]), outlines.outline(i), outlines.core_outline(i))
            for i in outlines.rows_of_frame(k)
        ]
        if k in bridged:
            labels = measured.labels[k]
            particles += [
                DrawnParticle(track, contour, inferred=True)
                for track in bridged[k]
                for contour in _contours(labels == track)
            ]
        temperature = None if movie.temperatures_c is None else float(movie.temperatures_c[k])
        status = status_text(k, len(movie), float(movie.times_s[k]) if movie.timed else None, temperature)
        return OverlayFrame(particles, status, measured.quality.reason[k] or measured.drift.reason[k])

    return picture


def _contours(mask: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> list[FloatArray]:
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return [contour[:, 0, ::-1].astype(np.float64) for contour in found if len(contour) > 2]


def _write_labels(folder: RunFolder, movie: Movie, measured: Measurement) -> None:
    interval = float(np.median(np.diff(movie.times_s))) if movie.timed and len(movie) > 1 else None
    stacks = {"labels.tif": measured.labels}
    if np.isfinite(measured.outlines.core_ratio).any():
        stacks["cores.tif"] = measured.cores
    for name, stack in stacks.items():
        write_label_stack(
            folder.file(name),
            stack,
            shape=movie.shape,
            largest=int(measured.tracks.rows["track_id"].max()),
            pixel_size_nm=movie.calibration.pixel_size_nm,
            frame_interval_s=interval,
        )


def _write_figures(
    folder: RunFolder,
    movie: Movie,
    measured: Measurement,
    tables: Mapping[str, Table],
    pictures: Callable[[int], OverlayFrame],
    expected: Sequence[ExpectedLevel],
) -> None:
    from tem_track.write.figure_style import save_figure
    from tem_track.write.figures import run_figures

    for name, figure in run_figures(
        tables,
        movie.frames,
        pictures,
        usable=measured.quality.usable,
        pixel_size_nm=movie.calibration.pixel_size_nm,
        timed=movie.timed,
        expected=expected,
    ):
        save_figure(figure, folder.file(f"figures/{name}"))


def _write_report(folder: RunFolder, record: Mapping[str, Any], tables: Mapping[str, Table]) -> None:
    from tem_track.write.report import write_report

    write_report(folder, record, tables)


def _outcome(measured: Measurement, tables: Mapping[str, Table]) -> dict[str, Any]:
    appearance = measured.appearance
    return {
        "particles": row_count(tables["particles.csv"]),
        "frames_unusable": int((tables["drift.csv"]["usable"] == 0).sum()),
        "polarity": appearance.polarity,
        "polarity_reason": appearance.polarity_reason,
        "particle_like": appearance.particle_like,
        "particle_like_reason": appearance.reason,
        "size_limits_px": [appearance.min_diameter_px, appearance.max_diameter_px],
    }
