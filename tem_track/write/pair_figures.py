"""The figures of a pair run: V/V0 against the state, and the same particles side by side in every image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from tem_track.movie import FloatArray, Image
from tem_track.tables import Table, row_count, select_rows
from tem_track.write.curves import apart
from tem_track.write.drawing import colour_of
from tem_track.write.figure_style import (
    COLUMN_MM,
    FAINT,
    GREY,
    PAGE_MM,
    TWO_SIDED_95,
    drawn_words,
    ink_of,
    journal_style,
    new_figure,
    ratio_axis,
)
from tem_track.write.outline_figure import draw_scale_bar

# Particles and images that a gallery shows at most.
_SHOWN, ACROSS = 6, 8
# Side of a panel of the gallery, px of the picture: 25 mm at 300 dpi.
_PANEL_PX = 300
# Numbers at the ends of lines closer than this part of the axis are moved apart.
_LABEL_GAP = 0.04
# A panel shows so many diameters of its particle at its largest.
_MARGIN = 1.5


@dataclass(frozen=True)
class Panel:
    """An image as a gallery shows it.

    Attributes
    ----------
    name, title : str
        Of the image in the tables, and in words.
    frame : (Y, X) float32
    matrix : (2, 3) float64
        From (x, y) px of the image to (x, y) px of the first image.
    outlines : mapping of particle to ((P, 2), (P, 2) or None)
        Outline and core (y, x), px of the image.
    """

    name: str
    title: str
    frame: Image
    matrix: FloatArray
    outlines: Mapping[int, tuple[FloatArray, FloatArray | None]]


def states_figure(pairs: Table, images: Table) -> Figure | None:
    """Return V/V0 against time, voltage or state, a line per particle with 95 % error bars, and the mean.

    Parameters
    ----------
    pairs, images : Table
        PAIRS and IMAGES of `tem_track.pair`.

    Returns
    -------
    Figure or None
        None where no particle has a V/V0 in two images.
    """
    rows = select_rows(pairs, np.isfinite(pairs["volume_ratio"]))
    numbers, counts = np.unique(rows["particle"], return_counts=True)
    numbers = numbers[counts > 1]
    if not len(numbers):
        return None
    places, label, ticks = state_axis(images)
    place = dict(zip(images["image"].tolist(), places.tolist(), strict=True))
    # Error bars of neighbouring particles side by side, not on top of each other.
    told_apart = len(numbers) <= 2 * _SHOWN
    step = 0.008 * float(np.ptp(places)) if told_apart else 0.0
    ends: dict[int, tuple[float, float]] = {}
    with journal_style():
        figure = new_figure(COLUMN_MM, 66)
        axes = figure.subplots()
        for i, number in enumerate(numbers.tolist()):
            mine = select_rows(rows, rows["particle"] == number)
            x = np.array([place[name] for name in mine["image"].tolist()]) + (i - (len(numbers) - 1) / 2) * step
            _draw_particle(axes, x, mine, number, told_apart)
            ends[number] = float(x[-1]), float(mine["volume_ratio"][-1])
        _draw_mean(axes, places, images)
        ratio_axis(axes, label)
        if told_apart:
            _number(axes, ends)
        if ticks:
            axes.set_xticks(places, ticks)
        if label.startswith("Voltage"):
            axes.invert_xaxis()
        axes.legend(loc="best")
    return figure


def state_axis(images: Table) -> tuple[FloatArray, str, list[str]]:
    """Return where each image stands on the axis, the axis' label, and the words below it (none for numbers).

    Time where it is known of all, else voltage, else the states as they were given.
    """
    times, volts = images["time_h"], images["voltage_v"]
    if np.isfinite(times).all() and np.ptp(times) > 0:
        return times, "Time (h)", []
    # On the way back a voltage comes a second time: one after the other is then clearer.
    falling = np.isfinite(volts).all() and (np.diff(volts) < 0).all()
    if falling:
        return volts, "Voltage (V)", []
    words = [
        f"{state or (f'{v:g} V' if np.isfinite(v) else name)}"
        for state, v, name in zip(images["state"], volts, images["image"], strict=True)
    ]
    return np.arange(len(words), dtype=np.float64), "State", [drawn_words(word[:16]) for word in words]


def _draw_particle(axes: Axes, x: FloatArray, rows: Table, number: int, told_apart: bool) -> None:
    colour = ink_of(number) if told_apart else FAINT
    middle = rows["volume_ratio"]
    ends = np.stack([middle - rows["volume_ratio_low"], rows["volume_ratio_high"] - middle])
    axes.errorbar(
        x, middle, yerr=ends, color=colour, linewidth=0.6, elinewidth=0.6, marker="o", markersize=2, capsize=1.2
    )


def _number(axes: Axes, ends: Mapping[int, tuple[float, float]]) -> None:
    """Write each particle's number at the end of its line, none over another."""
    low, high = axes.get_ylim()
    order = sorted(ends, key=lambda number: ends[number][1])
    heights = apart([ends[number][1] for number in order], _LABEL_GAP * (high - low))
    for number, height in zip(order, heights, strict=True):
        right = max(place for place, _ in ends.values())
        text = axes.annotate(str(number), (right, height), xytext=(6, 0), textcoords="offset points")
        text.set(color=ink_of(number), fontsize=6, va="center", annotation_clip=False)


def _draw_mean(axes: Axes, places: FloatArray, images: Table) -> None:
    known = np.isfinite(images["volume_ratio_mean"])
    half = TWO_SIDED_95 * np.nan_to_num(images["volume_ratio_sem"])
    axes.errorbar(
        places[known],
        images["volume_ratio_mean"][known],
        yerr=half[known],
        color="black",
        linewidth=1.2,
        marker="s",
        markersize=3,
        capsize=2,
        zorder=4,
        label="mean, 95 %",
    )


def gallery_figure(panels: Sequence[Panel], pairs: Table, pixel_size_nm: float) -> Figure | None:
    """Return the particles seen in the most images, a row each, as every image shows them: turned and scaled alike.

    Parameters
    ----------
    panels : sequence of Panel
        The first is the reference.
    pairs : Table
        PAIRS.
    pixel_size_nm : float
        Of the first image; NaN where it is not known.

    Returns
    -------
    Figure or None
        None where no particle is in two images.
    """
    panels = panels[:ACROSS]
    numbers = _worth_showing(panels, pairs)[:_SHOWN]
    if not numbers:
        return None
    side = min(PAGE_MM / len(panels), 34.0)
    with journal_style():
        figure = new_figure(side * len(panels), side * len(numbers) + 5)
        grid = figure.subplots(len(numbers), len(panels), squeeze=False)
        for axes_row, number in zip(grid, numbers, strict=True):
            centre, reach = _window(panels, number)
            for axes, panel in zip(axes_row, panels, strict=True):
                _draw_panel(axes, panel, number, centre, reach)
                axes.set_title(_words(pairs, panel, number), loc="left", fontsize=5.5, color=GREY)
            draw_scale_bar(axes_row[0], (_PANEL_PX, _PANEL_PX), None if np.isnan(pixel_size_nm) else (
                pixel_size_nm * 2 * reach / _PANEL_PX
            ))  # fmt: skip
    return figure


def _worth_showing(panels: Sequence[Panel], pairs: Table) -> list[int]:
    """Return the particles of the first image that another shows too, those with the most V/V0 first."""
    measured = pairs["particle"][np.isfinite(pairs["volume_ratio"])]
    shared = [n for n in panels[0].outlines if sum(n in panel.outlines for panel in panels) > 1]
    return sorted(shared, key=lambda n: (-int((measured == n).sum()), n))


def _window(panels: Sequence[Panel], number: int) -> tuple[FloatArray, float]:
    """Return the middle (x, y) and half the side of what is shown of a particle, px of the first image."""
    outlines = [_moved(p, p.outlines[number][0]) for p in panels if number in p.outlines]
    centre = (outlines[0].min(axis=0) + outlines[0].max(axis=0)) / 2
    return centre, _MARGIN / 2 * max(float(np.ptp(outline, axis=0).max()) for outline in outlines)


def _moved(panel: Panel, outline: FloatArray) -> FloatArray:
    """Return a (P, 2) (y, x) outline of the image as (x, y) px of the first image."""
    return np.asarray(outline[:, ::-1] @ panel.matrix[:, :2].T + panel.matrix[:, 2])


def _draw_panel(axes: Axes, panel: Panel, number: int, centre: FloatArray, reach: float) -> None:
    """Draw what an image shows of a particle, in the orientation and scale of the first image."""
    zoom = _PANEL_PX / (2 * reach)
    matrix = panel.matrix * zoom
    matrix[:, 2] = (panel.matrix[:, 2] - centre + reach) * zoom
    window = [float(v) for v in np.percentile(panel.frame[::4, ::4], (0.2, 99.8))]
    how = cv2.INTER_LINEAR if np.sqrt(abs(np.linalg.det(matrix[:, :2]))) > 1 else cv2.INTER_AREA
    shown = cv2.warpAffine(panel.frame, matrix, (_PANEL_PX, _PANEL_PX), flags=how, borderValue=window[0])
    axes.imshow(shown, cmap="gray", vmin=window[0], vmax=max(window[1], window[0] + 1e-6))
    outline, core = panel.outlines.get(number, (None, None))
    colour = np.array(colour_of(number)) / 255
    for line, ink, width in ((outline, colour, 0.8), (core, np.ones(3), 0.5)):
        if line is not None and len(line):
            points = (_moved(panel, line) - centre + reach) * zoom
            closed = np.concatenate([points, points[:1]])
            axes.add_collection(LineCollection([closed], colors=[ink], linewidths=width), autolim=False)
    axes.set_axis_off()


def _words(pairs: Table, panel: Panel, number: int) -> str:
    if number not in panel.outlines:
        return drawn_words(panel.title[:18])
    mine = select_rows(
        pairs, (pairs["particle"] == number) & ((pairs["image"] == panel.title) | (pairs["state"] == panel.title))
    )
    ratio = mine["volume_ratio"][0] if row_count(mine) else np.nan
    said = f"  V/V$_0$ {ratio:.2f}" if np.isfinite(ratio) else ""
    return f"{number}  {drawn_words(panel.title[:14])}{said}"
