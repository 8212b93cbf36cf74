"""A line chart as SVG text, drawn in a millisecond: for a page that is written anew every second or two.

The figures of a run are made with matplotlib, which takes a third of a second for one; that is longer than measuring a
frame. Colours are those of the outlines on the picture, on the dark ground that they were chosen for.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tem_track.movie import FloatArray

# Size of the drawing and its margins, px of the view box: left, right, top, bottom.
_WIDTH, _HEIGHT = 640.0, 330.0
_MARGINS = (58.0, 74.0, 14.0, 40.0)
# Points of one line that are drawn: more cannot be told apart.
_MOST_POINTS = 400
_GRID, _SOFT = "#34383d", "#9aa5ad"


@dataclass(frozen=True)
class Line:
    """One curve of a chart.

    Attributes
    ----------
    x, y : (N,) float64
        NaN in `y` leaves a gap.
    colour : str
        As SVG takes it.
    band : (N,) float64 or None
        Half the width of the band around it.
    label : str
        Stands at the right end.
    width, opacity : float
    """

    x: FloatArray
    y: FloatArray
    colour: str
    band: FloatArray | None = None
    label: str = ""
    width: float = 1.2
    opacity: float = 1.0


def line_chart(lines: Sequence[Line], x_label: str, y_label: str, level: float | None = None) -> str:
    """Return a chart as an SVG element, "" where there is nothing to draw.

    Parameters
    ----------
    lines : sequence of Line
        Drawn in this order.
    x_label, y_label : str
        With their units.
    level : float or None
        A dashed line across, always within the axis.
    """
    points = [(line.x[ok], line.y[ok]) for line in lines if (ok := np.isfinite(line.x) & np.isfinite(line.y)).any()]
    if not points:
        return ""
    x_range = _padded(np.concatenate([x for x, _ in points]), 0.0)
    heights = [np.concatenate([y for _, y in points]), *_band_ends(lines)]
    y_range = _padded(np.concatenate([*heights, [] if level is None else [level]]), 0.06)
    axes = _Axes(x_range, y_range)
    parts = [_grid(axes, x_label, y_label)]
    if level is not None:
        parts.append(_path([(axes.left, axes.y(level)), (axes.right, axes.y(level))], _SOFT, 1, 1, "4 4"))
    parts += [_band(axes, line) for line in lines if line.band is not None]
    parts += [_drawn(axes, line) for line in lines]
    parts += _labels(axes, lines)
    box = f"0 0 {_WIDTH:g} {_HEIGHT:g}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="12">{"".join(parts)}</svg>'
    )


def nice_ticks(low: float, high: float, about: int = 6) -> list[float]:
    """Return round numbers between two others, steps of 1, 2 or 5.

    >>> nice_ticks(0.97, 1.94)
    [1.0, 1.2, 1.4, 1.6, 1.8]
    """
    step = (high - low) / max(about, 1)
    power = 10.0 ** math.floor(math.log10(step))
    step = next(power * n for n in (1, 2, 5, 10) if power * n >= step * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 12) for n in range(first, math.floor(high / step + 1e-9) + 1)]


@dataclass(frozen=True)
class _Axes:
    """Where values lie on the drawing."""

    x_range: tuple[float, float]
    y_range: tuple[float, float]

    left, right = _MARGINS[0], _WIDTH - _MARGINS[1]
    top, bottom = _MARGINS[2], _HEIGHT - _MARGINS[3]

    def x(self, value: float) -> float:
        low, high = self.x_range
        return self.left + (value - low) / (high - low) * (self.right - self.left)

    def y(self, value: float) -> float:
        low, high = self.y_range
        return self.bottom - (value - low) / (high - low) * (self.bottom - self.top)


def _padded(values: FloatArray, share: float) -> tuple[float, float]:
    low, high = float(np.min(values)), float(np.max(values))
    if high - low < 1e-9 * max(1.0, abs(high)):
        return low - 0.5, high + 0.5
    return low - share * (high - low), high + share * (high - low)


def _band_ends(lines: Sequence[Line]) -> list[FloatArray]:
    ends = [line.y + sign * line.band for line in lines if line.band is not None for sign in (-1, 1)]
    return [one[np.isfinite(one)] for one in ends]


def _grid(axes: _Axes, x_label: str, y_label: str) -> str:
    parts = []
    for value in nice_ticks(*axes.y_range, about=5):
        y = axes.y(value)
        parts.append(_path([(axes.left, y), (axes.right, y)], _GRID, 1))
        parts.append(_text(axes.left - 8, y + 4, f"{value:g}", _SOFT, "end"))
    for value in nice_ticks(*axes.x_range):
        parts.append(_text(axes.x(value), axes.bottom + 18, f"{value:g}", _SOFT, "middle"))
    parts.append(_text((axes.left + axes.right) / 2, _HEIGHT - 6, x_label, _SOFT, "middle"))
    middle = (axes.top + axes.bottom) / 2
    parts.append(f'<g transform="translate(14 {middle:.1f}) rotate(-90)">{_text(0, 0, y_label, _SOFT, "middle")}</g>')
    return "".join(parts)


def _thinned(line: Line) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Return which points of a line are drawn: the known ones, evenly where they are many, the last one always."""
    known = np.flatnonzero(np.isfinite(line.x) & np.isfinite(line.y))
    if len(known) <= _MOST_POINTS:
        return known
    return known[np.linspace(0, len(known) - 1, _MOST_POINTS).round().astype(np.intp)]


def _drawn(axes: _Axes, line: Line) -> str:
    chosen = _thinned(line)
    points = [(axes.x(float(line.x[i])), axes.y(float(line.y[i]))) for i in chosen]
    if len(points) == 1:
        x, y = points[0]
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{line.colour}" opacity="{line.opacity:g}"/>'
    return _path(points, line.colour, line.width, line.opacity) if points else ""


def _band(axes: _Axes, line: Line) -> str:
    assert line.band is not None
    chosen = [i for i in _thinned(line) if np.isfinite(line.band[i])]
    upper = [(axes.x(float(line.x[i])), axes.y(float(line.y[i] + line.band[i]))) for i in chosen]
    lower = [(axes.x(float(line.x[i])), axes.y(float(line.y[i] - line.band[i]))) for i in reversed(chosen)]
    if len(chosen) < 2:
        return ""
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in upper + lower)
    return f'<polygon points="{corners}" fill="{line.colour}" opacity="{0.25 * line.opacity:g}"/>'


def _labels(axes: _Axes, lines: Sequence[Line]) -> list[str]:
    """Return the labels at the right ends, moved apart where they would cover each other."""
    named = [(axes.y(float(line.y[_thinned(line)[-1]])), line) for line in lines if line.label and len(_thinned(line))]
    named.sort(key=lambda one: one[0])
    placed: list[str] = []
    above = -math.inf
    for y, line in named:
        above = max(y, above + 13)
        placed.append(_text(axes.right + 6, above + 4, line.label, line.colour, "start"))
    return placed


def _path(
    points: Sequence[tuple[float, float]], colour: str, width: float, opacity: float = 1.0, dashes: str = ""
) -> str:
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<polyline points="{corners}" fill="none" stroke="{colour}" stroke-width="{width:g}" '
        f'stroke-linejoin="round" opacity="{opacity:g}"{dashed}/>'
    )


def _text(x: float, y: float, words: str, colour: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{html.escape(words)}</text>'
