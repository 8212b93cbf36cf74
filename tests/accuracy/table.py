"""The figures as Markdown tables by tier, and their place in the README."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .score import Figure, Figures, Share, mean_of

BEGIN, END = "<!-- accuracy: begin -->", "<!-- accuracy: end -->"
HEATING_BEGIN, HEATING_END = "<!-- heating accuracy: begin -->", "<!-- heating accuracy: end -->"


@dataclass(frozen=True)
class Heading:
    """A column: figure, words, decimals, and how movies come together in their tier's row.

    ``mean`` averages, ``sum`` adds counts, ``worst`` takes the largest; shares always add up.
    """

    figure: str
    words: str
    decimals: int = 1
    pooled: str = "mean"


FINDING = (
    Heading("drift", "drift RMSE, px", 3),
    Heading("f1", "detection F1", 3),
    Heading("iou", "mean IoU", 3),
    Heading("switches", "identity switches", 0, "sum"),
    Heading("idf1", "IDF1", 3),
    Heading("events", "fractures, mergers found"),
    Heading("events_invented", "invented", 0, "sum"),
    Heading("kinds", "kind right"),
)
MEASURING = (
    Heading("area_bias", "area bias, %"),
    Heading("curve_error", "V/V0 curve, %"),
    Heading("final_error", "final V/V0, %"),
    Heading("core_error", "core diameter, %"),
    Heading("shell_error", "shell thickness, %"),
    Heading("onset_error", "onset, frames"),
    Heading("stage_error", "stage change, frames"),
    Heading("stages_missed", "onsets, changes missed", 0, "sum"),
    Heading("stages_invented", "invented", 0, "sum"),
)
HOLDING = (
    Heading("area_inside", "area"),
    Heading("ratio_inside", "V/V0"),
    Heading("final_inside", "final V/V0"),
    Heading("core_inside", "core diameter"),
    Heading("measured", "rows measured"),
    Heading("bad_frames", "frames judged rightly"),
)
COST = (
    Heading("seconds", "seconds", 1, "sum"),
    Heading("frames_per_s", "frames/s"),
    Heading("peak_mb", "peak memory, MB", 0, "worst"),
)
FRONT = (
    Heading("drift", "drift RMSE, px", 3),
    Heading("arrival_error", "arrival time, frames", 2),
    Heading("arrival_bias", "bias, frames", 2),
    Heading("mask_iou", "degraded mask IoU", 3),
    Heading("reached_iou", "reached IoU", 3),
    Heading("false_reached", "wrongly reached, %", 2),
    Heading("false_area", "degraded before anything was, %", 3),
    Heading("onset_error", "onset, degC"),
    Heading("crossing_error", "first crossing, degC"),
    Heading("ratio_error", "speed ratio, %"),
    Heading("half_error", "grain's half, degC"),
    Heading("energy_error", "activation energy, eV", 2),
)
EVENTS = (
    Heading("grains", "grains found"),
    Heading("grains_right", "of those found, right"),
    Heading("crossings", "crossings found"),
    Heading("crossings_right", "right"),
    Heading("nuclei", "nuclei found"),
    Heading("nuclei_right", "right"),
    Heading("onset_missed", "onset missed", 0, "sum"),
    Heading("onset_invented", "invented", 0, "sum"),
    Heading("crossing_missed", "crossing missed", 0, "sum"),
    Heading("crossing_invented", "invented", 0, "sum"),
    Heading("onset_inside", "onset inside its interval"),
    Heading("crossing_inside", "crossing inside"),
    Heading("energy_inside", "energy inside"),
    Heading("bad_frames", "frames judged rightly"),
)
CRYSTAL = (
    Heading("drift", "drift RMSE, px", 3),
    Heading("crystal_area", "area, %"),
    Heading("crystal_final", "final area, %"),
    Heading("crystal_onset", "onset, degC"),
    Heading("crystal_missed", "missed", 0, "sum"),
)
ALONE = (
    Heading("drift.rough", "drift survey, px", 2),
    Heading("drift.drift", "drift refined, px", 3),
    Heading("detection.f1", "detection F1", 3),
    Heading("detection.iou", "IoU", 3),
    Heading("tracking.switches", "tracking switches", 0, "sum"),
    Heading("tracking.events", "events"),
    Heading("tracking.events_invented", "invented", 0, "sum"),
    Heading("outlines.area_bias", "outlines area bias, %"),
    Heading("outlines.curve_error", "curve, %"),
    Heading("outlines.area_inside", "area inside"),
    Heading("outlines.core_error", "core, %"),
    Heading("outlines.shell_error", "shell, %"),
    Heading("outlines.core_inside", "core inside"),
    Heading("outlines.kinds", "kind"),
    Heading("expansion.final_error", "expansion final, %"),
    Heading("expansion.final_inside", "final inside"),
    Heading("expansion.stage_error", "stage change, frames"),
    Heading("expansion.stages_missed", "missed", 0, "sum"),
    Heading("expansion.stages_invented", "invented", 0, "sum"),
)


def markdown(headings: Sequence[Heading], movies: Mapping[str, Mapping[str, Figures]]) -> str:
    """Return a table with a row per movie and one per tier.

    Parameters
    ----------
    movies : mapping of tier to mapping of movie name to figures
        A movie that could not be run has no figures: its row says so.
    """
    used = [h for h in headings if any(h.figure in f for tier in movies.values() for f in tier.values())]
    lines = ["| movie | " + " | ".join(h.words for h in used) + " |", "|---" * (len(used) + 1) + "|"]
    for tier, rows in movies.items():
        for name, figures in rows.items():
            cells = [cell(figures.get(h.figure, float("nan")), h) if figures else "failed" for h in used]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        pooled = [cell(together(h, list(rows.values())), h) for h in used]
        lines.append(f"| **{tier}** | " + " | ".join(f"**{c}**" if c else "" for c in pooled) + " |")
    return "\n".join(lines)


def together(heading: Heading, figures: Sequence[Figures]) -> Figure:
    """Return one figure of several movies."""
    values = [f[heading.figure] for f in figures if heading.figure in f]
    shares = [v for v in values if isinstance(v, Share)]
    if shares:
        return sum(shares, Share(0, 0))
    numbers = [float(v) for v in values if not isinstance(v, Share) and np.isfinite(float(v))]
    if not numbers:
        return float("nan")
    return {"mean": mean_of(numbers), "sum": float(sum(numbers)), "worst": max(numbers)}[heading.pooled]


def cell(figure: Figure, heading: Heading) -> str:
    """Return a figure in words: small shares as "3 of 4", large ones in per cent; nothing where there is none.

    >>> cell(Share(3, 4), FINDING[0]), cell(Share(940, 1000), FINDING[0]), cell(float("nan"), FINDING[0])
    ('3 of 4', '94.0 %', '')
    """
    if isinstance(figure, Share):
        if not figure.total:
            return ""
        return f"{figure.hits} of {figure.total}" if figure.total < 100 else f"{100 * figure.value:.1f} %"
    return f"{figure:.{heading.decimals}f}" if np.isfinite(figure) else ""


def put_into(readme: str, text: str, begin: str = BEGIN, end: str = END) -> str:
    """Return the README with the text between two marker comments replaced.

    Raises
    ------
    ValueError
        The README lacks the markers.
    """
    if readme.count(begin) != 1 or readme.count(end) != 1 or readme.index(begin) > readme.index(end):
        raise ValueError(f"README.md must hold {begin} and {end} once each, in this order")
    before, rest = readme.split(begin)
    return f"{before}{begin}\n\n{text.strip()}\n\n{end}{rest.split(end)[1]}"
