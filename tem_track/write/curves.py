"""Curves of particles against time: taken from the tables, drawn one by one or as a bundle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from tem_track.movie import FloatArray
from tem_track.tables import KINDS, Table
from tem_track.write.figure_style import GREY, KIND_COLOURS, TWO_SIDED_95, ink_of

# Up to here every curve has its own colour, band and number; more are shown as a bundle.
TOLD_APART = 12
# Curves of one kind that a bundle draws besides their median: more only blacken it.
_BUNDLED = 120
# Two numbers at the ends of curves closer than this part of the axis are moved apart.
_LABEL_GAP = 0.045
_RIM = [withStroke(linewidth=2.6, foreground="white")]


@dataclass(frozen=True)
class Curve:
    """A quantity of one particle against time, without the frames that lack it.

    Attributes
    ----------
    time, value, sd : (N,) float64
        In the order of the frames; `sd` is the standard uncertainty of `value`, 0 where it is not known.
    cut : bool
        The border of the field cuts the particle in most frames.
    """

    time: FloatArray
    value: FloatArray
    sd: FloatArray
    cut: bool


def curves_of(tracks: Table, name: str, sd_name: str) -> dict[int, Curve]:
    """Return the curve of a column of TRACKS for each track that has it in at least two frames."""
    found = {}
    for rows in rows_by_track(tracks, np.isfinite(tracks[name])):
        if len(rows) >= 2:
            rows = rows[np.argsort(tracks["frame"][rows], kind="stable")]
            sd = np.nan_to_num(tracks[sd_name][rows])
            cut = bool(tracks["touches_border"][rows].mean() > 0.5)
            found[int(tracks["track_id"][rows[0]])] = Curve(tracks["time_s"][rows], tracks[name][rows], sd, cut)
    return found


def rows_by_track(tracks: Table, wanted: NDArray[np.bool_]) -> Iterator[NDArray[np.int64]]:
    """Yield the numbers of the wanted rows of each track, tracks in the order of their numbers."""
    rows = np.flatnonzero(wanted)
    rows = rows[np.argsort(tracks["track_id"][rows], kind="stable")]
    starts = np.flatnonzero(np.diff(tracks["track_id"][rows])) + 1
    return iter(part for part in np.split(rows, starts) if len(part))


def kinds_of(particles: Table) -> dict[int, str]:
    """Return the kind of each track of PARTICLES."""
    return {int(i): str(kind) for i, kind in zip(particles["track_id"], particles["kind"], strict=True)}


def draw_curve(axes: Axes, curve: Curve, colour: Any, band: float = 0.22) -> None:
    """Draw one curve with its 95 % band."""
    half = TWO_SIDED_95 * curve.sd
    axes.fill_between(curve.time, curve.value - half, curve.value + half, color=colour, alpha=band, linewidth=0)
    axes.plot(curve.time, curve.value, color=colour, linestyle=":" if curve.cut else "-")


def draw_told_apart(axes: Axes, curves: dict[int, Curve]) -> None:
    """Draw a few curves, each in its track's colour with its number at its end."""
    for i, curve in curves.items():
        draw_curve(axes, curve, ink_of(i))
    low, high = axes.get_ylim()
    order = sorted(curves, key=lambda i: float(curves[i].value[-1]))
    heights = apart([float(curves[i].value[-1]) for i in order], _LABEL_GAP * (high - low))
    for i, height in zip(order, heights, strict=True):
        curve = curves[i]
        axes.annotate(
            str(i),
            (float(curve.time[-1]), float(curve.value[-1])),
            xytext=(float(curve.time[-1]), height),
            textcoords=axes.transData + _points_right(axes, 3),
            color=ink_of(i),
            fontsize=6.5,
            va="center",
            annotation_clip=False,
        )


def _points_right(axes: Axes, points: float) -> Any:
    from matplotlib.transforms import ScaledTranslation

    figure = axes.get_figure()
    assert figure is not None
    return ScaledTranslation(points / 72, 0, figure.dpi_scale_trans)


def apart(values: list[float], gap: float) -> list[float]:
    """Return rising values moved apart to at least `gap`, their mean kept."""
    placed = list(values)
    for _ in range(len(placed)):
        for k in range(1, len(placed)):
            lack = gap - (placed[k] - placed[k - 1])
            if lack > 0:
                placed[k - 1] -= lack / 2
                placed[k] += lack / 2
    return placed


def draw_bundle(axes: Axes, curves: dict[int, Curve], kinds: dict[int, str]) -> None:
    """Draw many curves: an even choice of each kind, faint, and the median of all of the kind over them."""
    for kind in (*KINDS, ""):
        group = [c for i, c in curves.items() if _known_kind(kinds.get(i, "")) == kind]
        if not group:
            continue
        # One collection: thousands of artists would take minutes.
        lines = [np.column_stack([c.time, c.value]) for c in group[:: -(-len(group) // _BUNDLED)]]
        colour = KIND_COLOURS.get(kind, GREY)
        bundle = LineCollection(lines, colors=colour, alpha=float(np.clip(2 / np.sqrt(len(lines)), 0.1, 0.6)))
        bundle.set(linewidth=0.5, rasterized=len(lines) > 50)
        axes.add_collection(bundle)
        label = f"median of {kind or 'kind not known'} (n = {len(group)})"
        axes.plot(*median_curve(group), color=colour, linewidth=1.6, label=label, path_effects=_RIM, zorder=3)
    axes.autoscale_view()


def median_curve(group: Sequence[Curve]) -> tuple[FloatArray, FloatArray]:
    """Return the times that occur and the median of the curves at each, both (T,)."""
    times, place = np.unique(np.concatenate([c.time for c in group]), return_inverse=True)
    values = np.concatenate([c.value for c in group])[np.argsort(place, kind="stable")]
    parts = np.split(values, np.cumsum(np.bincount(place))[:-1])
    return times, np.array([np.median(part) for part in parts])


def _known_kind(kind: str) -> str:
    return kind if kind in KINDS else ""
