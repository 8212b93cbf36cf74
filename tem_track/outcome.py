"""What a finished run has to say for itself: the lines of the closing summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tem_track.movie import Movie
from tem_track.tables import Table, row_count


@dataclass(frozen=True)
class Outcome:
    """The closing summary of one run.

    Attributes
    ----------
    movie_name : str
    folder : Path
        The run folder.
    facts : tuple of (name, value)
        What was found, in words with units.
    attention : tuple of str
        What a person should look at before using the numbers.
    unchanged : bool
        The run folder held this very run already; nothing was done.
    """

    movie_name: str
    folder: Path
    facts: tuple[tuple[str, str], ...] = ()
    attention: tuple[str, ...] = ()
    unchanged: bool = False


# Stages that measure nothing: they draw for the eye.
PICTURE_STAGES = ("overlay movie", "figures", "report")


def movie_facts(movie: Movie) -> list[tuple[str, str]]:
    """Return the lines about the recording: size, calibration, time."""
    frames, height, width = movie.shape
    size = movie.calibration.pixel_size_nm
    span = f"{movie.times_s[-1]:.6g} s ({movie.time_source})" if movie.timed else "no frame interval known"
    return [
        ("movie", f"{frames} frames of {width} x {height} px, {movie.dtype}, {movie.format}"),
        ("pixel size", f"{size:.5g} nm ({movie.calibration.source})" if size else "not known: lengths in px"),
        ("duration", span if frames > 1 else "single image: particles are measured, there are no curves"),
        *_temperature_facts(movie),
    ]


def _temperature_facts(movie: Movie) -> list[tuple[str, str]]:
    if movie.temperatures_c is None:
        return []
    first, last = float(movie.temperatures_c[0]), float(movie.temperatures_c[-1])
    return [("temperature", f"{first:.1f} to {last:.1f} degC ({movie.temperature_source})")]


def drift_facts(drift: Table) -> list[tuple[str, str]]:
    """Return the line about the drift: largest displacement and how well it is known."""
    path = np.hypot(drift["dy_px"], drift["dx_px"])
    if len(path) < 2 or not np.isfinite(path).any():
        return []
    return [("drift", f"up to {np.nanmax(path):.1f} px, known to {np.nanmedian(drift['drift_sd_px']):.2f} px (median)")]


def particle_facts(particles: Table) -> list[tuple[str, str]]:
    """Return the lines about the particles: how many of each kind and fate, final V/V0 per kind."""
    if row_count(particles) == 0:
        return [("particles", "none")]
    kinds = ", ".join(f"{n} {kind}" for kind, n in _counts(particles["kind"]).items())
    lines = [("particles", f"{row_count(particles)} ({kinds})")]
    fates = {fate: n for fate, n in _counts(particles["fate"]).items() if fate != "whole"}
    if fates:
        lines.append(("fates", ", ".join(f"{n} {fate}" for fate, n in fates.items())))
    for kind in _counts(particles["kind"]):
        rows = (particles["kind"] == kind) & np.isfinite(particles["final_volume_ratio"])
        if rows.any():
            final = particles["final_volume_ratio"][rows]
            low, high = particles["final_volume_ratio_low"][rows], particles["final_volume_ratio_high"][rows]
            one = f"{final[0]:.3f} (95 %: {low[0]:.3f} to {high[0]:.3f})"
            lines.append(
                (f"final V/V0, {kind}", one if len(final) == 1 else f"{final.mean():.3f} (mean of {len(final)})")
            )
    return lines


def theory_facts(means: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return the lines about theory: measured minus expected V/V0 of the complete reaction, per kind."""
    lines = []
    for mean in means:
        if mean["level"] != "complete":
            continue
        low, high = mean["difference_low"], mean["difference_high"]
        interval = f" (95 %: {low:+.3f} to {high:+.3f})" if np.isfinite(low + high) else " (uncertainty not known)"
        what = f"{mean['kind']} {mean['body']}"
        count = f", mean of {mean['particles']}" if mean["particles"] > 1 else ""
        expected = f", expected {mean['expected_volume_ratio']:.3f}"
        lines.append((f"minus theory, {what}", f"{mean['difference']:+.3f}{interval}{expected}{count}"))
    return lines or [("minus theory", "no particle that can be compared (see theory.csv)")]


def front_facts(summary: Mapping[str, Any], tables: Mapping[str, Table]) -> list[tuple[str, str]]:
    """Return the lines about a front: grains, onset, first crossing, speeds."""
    reached = tables["front/front.csv"]["degraded_fraction"]
    reached = reached[np.isfinite(reached)]
    share = f"{reached[-1]:.1%} of the field at the end" if len(reached) else "not known"
    lines = [
        ("grains", str(row_count(tables["front/grains.csv"]))),
        ("degraded", share),
        ("nuclei, crossings", f"{row_count(tables['front/nuclei.csv'])}, {row_count(tables['front/crossings.csv'])}"),
    ]
    # Where no front can be told, none of them is a finding.
    lines = lines if summary.get("grains") is not None else []
    for words, name, unit in (
        ("onset", "onset_temperature_c", "°C"),
        ("first crossing", "crossing_temperature_c", "°C"),
        ("boundary / interior speed", "boundary_interior_ratio", ""),
    ):
        if summary.get(name) is not None:
            low, high = summary.get(f"{name}_low"), summary.get(f"{name}_high")
            interval = f" (95 %: {low:.4g} to {high:.4g})" if low is not None and high is not None else ""
            lines.append((words, f"{summary[name]:.4g} {unit}".strip() + interval))
    if summary.get("dark_fraction_first") is not None:
        lines.append(("dark share", f"{summary['dark_fraction_first']:.1%} to {summary['dark_fraction_last']:.1%}"))
    if summary.get("dark_places_first") is not None:
        lines.append(("dark places", f"{summary['dark_places_first']:.0f} to {summary['dark_places_last']:.0f}"))
    return lines


def growth_facts(growth: Table) -> list[tuple[str, str]]:
    """Return the lines about objects that grow: how many, and of the largest onset and final area."""
    if row_count(growth) == 0:
        return [("objects", "none")]
    lines = [("objects", str(row_count(growth)))]
    largest = int(np.argmax(growth["final_area_px"]))
    name = f", object {growth['track_id'][largest]}" if row_count(growth) > 1 else ""
    onset, low, high = (float(growth[f"onset{part}_c"][largest]) for part in ("", "_low", "_high"))
    if np.isfinite(onset):
        interval = f"95 %: {low:.1f} to {high:.1f}" if np.isfinite(low) else f"95 %: below {high:.1f}"
        lines.append((f"onset of growth{name}", f"{onset:.1f} degC ({interval})"))
    area, sd = growth["final_area_nm2"][largest], growth["final_area_sd_nm2"][largest]
    if np.isfinite(area):
        lines.append((f"final area{name}", f"{area:.4g} nm2 (± {sd:.2g})"))
    else:
        lines.append((f"final area{name}", f"{growth['final_area_px'][largest]:.4g} px"))
    return lines


def attention_lines(movie: Movie, tables: Mapping[str, Table], warnings: Sequence[str] = ()) -> list[str]:
    """Return what needs attention: unusable and unregistered frames, particles lost, missing calibration."""
    lines = []
    drift, particles = tables["drift.csv"], tables.get("particles.csv", {})
    unusable = np.flatnonzero(drift["usable"] == 0)
    if len(unusable):
        reasons = _counts(np.array([_kind_of(str(drift["reason"][k])) for k in unusable], object))
        words = ", ".join(f"{n} {reason or 'without a reason'}" for reason, n in reasons.items())
        lines.append(f"{len(unusable)} of {len(drift['frame'])} frames not usable: {words} (see drift.csv)")
    lost = np.flatnonzero(~np.isfinite(drift["dy_px"]))
    if len(lost):
        lines.append(f"{counted(len(lost), 'frame')} could not be registered: {ranges(lost)}")
    if row_count(particles):
        gone = particles["track_id"][particles["fate"] == "lost"]
        if len(gone):
            lines.append(f"{counted(len(gone), 'particle')} lost before the end: tracks {ranges(gone)}")
    return [*lines, *movie.warnings, *warnings]


def counted(number: int, what: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "frame"), counted(2, "frame")
    ('1 frame', '2 frames')
    """
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def ranges(numbers: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> str:
    """Return whole numbers as text with runs joined.

    >>> ranges(np.array([1, 2, 3, 7]))
    '1-3, 7'
    """
    runs = np.split(numbers, np.flatnonzero(np.diff(numbers) != 1) + 1)
    words = [f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs if len(run)]
    return ", ".join(words[:8]) + (f" and {len(words) - 8} more" if len(words) > 8 else "")


def _kind_of(reason: str) -> str:
    """Return a reason without what is particular to its frame: "repeats frame 3" is "repeats an earlier frame"."""
    kind = reason.split(" of ")[0]
    return "repeats an earlier frame" if kind.startswith("repeats frame") else kind


def _counts(words: np.ndarray[tuple[int, ...], np.dtype[np.object_]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for word in words:
        counts[str(word)] = counts.get(str(word), 0) + 1
    return counts


def speed_words(frames: int, seconds: Mapping[str, float]) -> str:
    """Return in words how fast a movie of so many frames went, and what took most of the time.

    >>> speed_words(100, {"survey": 1.0, "outlines": 3.0, "figures": 1.0})
    '20 frames/s, 25 without pictures; most of it outlines (60 %)'
    """
    whole = sum(seconds.values())
    measuring = sum(spent for stage, spent in seconds.items() if stage not in PICTURE_STAGES)
    if min(whole, measuring) <= 0:
        return "not known"
    slowest = max(seconds, key=lambda stage: seconds[stage])
    rates = f"{frames / whole:.3g} frames/s, {frames / measuring:.3g} without pictures"
    return f"{rates}; most of it {slowest} ({seconds[slowest] / whole:.0%})".replace("%", " %")
