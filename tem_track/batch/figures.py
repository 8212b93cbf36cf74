"""Figures that compare conditions: mean curves with their spread on one plot, final values, temperatures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tem_track.batch.conditions import finals_of, front_mean, front_values, group_particles
from tem_track.batch.curves import ALL_KINDS, GroupCurve
from tem_track.batch.finished import Group
from tem_track.batch.means import Mean
from tem_track.tables import Table, row_count
from tem_track.write.figure_style import (
    COLUMN_MM,
    FAINT,
    GREY,
    drawn_words,
    journal_style,
    new_figure,
    ratio_axis,
    time_label,
)

COMPARISONS = {
    "volume_ratio": "Mean V/V0 of each condition. The dark band is the 95 % interval of the mean, from how the movies "
    "differ where there are several; the light one the spread between particles (standard deviation).",
    "final_volume_ratio": "Final V/V0 of every particle whose V0 and end were seen; the mean with its 95 % interval.",
    "degraded_fraction": "Mean degraded fraction of each condition on heating; thin lines are its movies; the band "
    "is the 95 % interval of the mean from how three or more movies differ.",
    "temperatures": "Onset of degradation and first crossing of a grain boundary in every movie, with the mean of each "
    "condition and its 95 % interval.",
}
"""What the figures show, by name, in their order on the page."""

# Okabe and Ito, in an order in which neighbours differ most; more conditions than colours are told apart by dashes.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
_DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1, 1.2)))
# Curves beyond this many only hide each other.
_MOST_CURVES = 14
# The interval of two values is that of a distribution without a variance (Student, one degree of freedom).
_FEWEST_FOR_BAND = 3
# A mean that shoots up for a moment, as where a particle is mistaken, does not set the scale of the others.
_SCALE_PERCENT = (10.0, 90.0)
# A curve is drawn while at least this share of its movies goes into it: its end would jump with every movie that ends.
_SHARE_OF_MOVIES = 0.5
# Points of a strip beyond this many only blacken it.
_MOST_POINTS = 400
# Letters of a condition that fit beside a curve.
_LONGEST = 60
_ROW_MM, _HEIGHT_MM = 9.0, 62.0


def comparison_figures(
    groups: Sequence[Group], curves: Sequence[GroupCurve], fronts: Sequence[GroupCurve]
) -> Iterator[tuple[str, Figure]]:
    """Yield the figures that the groups have something to show in, with their names."""
    shown = _one_kind_each(curves)
    if shown:
        yield "volume_ratio", _volume_figure(shown)
    finals = [(group, finals_of(particles)) for group in groups if row_count(particles := group_particles(group))]
    finals = [(group, found) for group, found in finals if found.mean.count]
    if finals:
        rows = [(group.label, found.values.tolist(), found.mean) for group, found in finals]
        yield "final_volume_ratio", _strip_figure([("Final volume ratio V/V$_0$", rows)])
    if fronts:
        yield "degraded_fraction", _front_figure(fronts)
    panels = []
    for name, words in (("onset_temperature_c", "Onset (°C)"), ("crossing_temperature_c", "First crossing (°C)")):
        rows = [(g.label, [v for _, v, _, _ in front_values(g, name)], front_mean(g, name)) for g in groups]
        if any(values for _, values, _ in rows):
            panels.append((words, [row for row in rows if row[1]]))
    if panels:
        yield "temperatures", _strip_figure(panels)


def _one_kind_each(curves: Sequence[GroupCurve]) -> list[tuple[str, GroupCurve]]:
    """Return the curves to draw with their names: each kind for itself where a group holds several."""
    found = []
    for values in dict.fromkeys(curve.group.values for curve in curves):
        own = {str(curve.table["kind"][0]): curve for curve in curves if curve.group.values == values}
        label = next(iter(own.values())).group.label
        kinds = [kind for kind in own if kind != ALL_KINDS]
        for kind in kinds if len(kinds) > 1 else [ALL_KINDS]:
            name = f"{label}, {kind}" if len(kinds) > 1 else label
            found.append((name, own[kind]))
    # Those with the most particles, should there be too many.
    most = sorted(range(len(found)), key=lambda i: -int(found[i][1].table["particles"].max()))[:_MOST_CURVES]
    return [found[i] for i in sorted(most)]


def _volume_figure(curves: Sequence[tuple[str, GroupCurve]]) -> Figure:
    with journal_style():
        figure = new_figure(COLUMN_MM * 1.5, _HEIGHT_MM + 3.2 * len(curves))
        axes = figure.subplots()
        timed = bool(np.isfinite(curves[0][1].table["time_s"]).any())
        for number, (name, curve) in enumerate(curves):
            table = curve.table
            rows = table["movies"] >= _SHARE_OF_MOVIES * table["movies"].max()
            x = table["time_s" if timed else "frame"][rows]
            mean, sd = table["volume_ratio_mean"][rows], table["volume_ratio_sd"][rows]
            colour = _COLOURS[number % len(_COLOURS)]
            _band(axes, x, mean - sd, mean + sd, colour, 0.12)
            _band(axes, x, table["volume_ratio_low"][rows], table["volume_ratio_high"][rows], colour, 0.28)
            particles, movies = int(table["particles"].max()), int(table["movies"].max())
            label = f"{_plain(name)} (n = {particles} in {movies} movie{'s' if movies > 1 else ''})"
            axes.plot(x, mean, color=colour, linestyle=_dashes(number), label=label)
        ratio_axis(axes, time_label(timed))
        axes.set_ylim(*_scale([curve.table for _, curve in curves], axes.get_ylim()))
        _legend(axes)
    return figure


def _scale(tables: Sequence[Table], whole: tuple[float, float]) -> tuple[float, float]:
    """Return the limits of an axis that shows the usual run of every curve, no wider than all of them need."""
    ends = []
    for table in tables:
        mean, sd = table["volume_ratio_mean"], np.nan_to_num(table["volume_ratio_sd"])
        for edge in (mean - sd, mean + sd, table["volume_ratio_low"], table["volume_ratio_high"]):
            edge = np.where(np.isfinite(edge), edge, mean)
            ends += np.percentile(edge, _SCALE_PERCENT).tolist()
    margin = 0.15 * (max(ends) - min(ends)) + 0.05
    return max(min(ends) - margin, whole[0]), min(max(ends) + margin, whole[1])


def _front_figure(curves: Sequence[GroupCurve]) -> Figure:
    with journal_style():
        figure = new_figure(COLUMN_MM * 1.5, _HEIGHT_MM + 3.2 * len(curves))
        axes = figure.subplots()
        for number, curve in enumerate(curves[:_MOST_CURVES]):
            table = curve.table
            rows = table["movies"] >= _SHARE_OF_MOVIES * table["movies"].max()
            x, colour = table["temperature_c"][rows], _COLOURS[number % len(_COLOURS)]
            several = rows & (table["movies"] >= _FEWEST_FOR_BAND)
            low, high = table["degraded_fraction_low"][several], table["degraded_fraction_high"][several]
            _band(axes, table["temperature_c"][several], low, high, colour, 0.2)
            movies = int(table["movies"].max())
            for own_x, own_y in curve.movies if movies > 1 else ():
                axes.plot(own_x, own_y, color=colour, linewidth=0.5, alpha=0.5)
            label = f"{_plain(curve.group.label)} ({movies} movie{'s' if movies > 1 else ''})"
            axes.plot(x, table["degraded_fraction_mean"][rows], color=colour, linestyle=_dashes(number), label=label)
        axes.set_xlabel("Temperature (°C)")
        axes.set_ylabel("Degraded fraction")
        axes.set_ylim(-0.02, 1.02)
        _legend(axes)
    return figure


def _strip_figure(panels: Sequence[tuple[str, Sequence[tuple[str, Sequence[float], Mean]]]]) -> Figure:
    """Return a row of values for each group, with the mean and its 95 % interval beside them; a panel per quantity."""
    most = max(len(rows) for _, rows in panels)
    with journal_style():
        figure = new_figure(COLUMN_MM * (1.2 if len(panels) == 1 else 1.9), 16 + _ROW_MM * most)
        for axes, (words, rows) in zip(np.atleast_1d(figure.subplots(1, len(panels))), panels, strict=True):
            for number, (_, values, mean) in enumerate(rows):
                colour = _COLOURS[number % len(_COLOURS)]
                shown = np.asarray(values)[:: -(-len(values) // _MOST_POINTS)]
                # Dots side by side in the order of the table: no chance in a figure.
                heights = number - 0.16 - 0.2 * (np.arange(len(shown)) % 5) / 4
                axes.plot(shown, heights, "o", color=colour, alpha=0.45, markersize=2.5, markeredgewidth=0)
                ends = np.nan_to_num([[mean.value - mean.low], [mean.high - mean.value]])
                axes.errorbar([mean.value], [number + 0.1], xerr=ends, fmt="o", color=colour, markersize=4, capsize=2.5)
                place = {"xytext": (0, -4.5), "textcoords": "offset points", "ha": "center", "va": "top"}
                axes.annotate(f"{mean.value:.4g}", (mean.value, number + 0.1), fontsize=6, color=GREY, **place)
            axes.set_yticks(range(len(rows)), [f"{_plain(name)}\nn = {mean.count}" for name, _, mean in rows])
            axes.set_ylim(len(rows) - 0.4, -0.6)
            axes.set_xlabel(words)
            axes.grid(axis="x", color=FAINT, linewidth=0.3, alpha=0.5)
    return figure


def _band(axes: Axes, x: Any, low: Any, high: Any, colour: str, alpha: float) -> None:
    known = np.isfinite(low) & np.isfinite(high)
    if known.any():
        axes.fill_between(x, low, high, where=known, color=colour, alpha=alpha, linewidth=0)


def _legend(axes: Axes) -> None:
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), handlelength=1.8, borderaxespad=0.2)


def _dashes(number: int) -> Any:
    return _DASHES[number // len(_COLOURS) % len(_DASHES)]


def _plain(text: str) -> str:
    """Return words of the user that fit a legend and are drawn as they are."""
    return drawn_words(text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "...")
