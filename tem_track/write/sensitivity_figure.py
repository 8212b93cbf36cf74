"""The figure of a sensitivity run: by how much each shifted setting moves the final V/V0 of every particle."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from tem_track.movie import FloatArray
from tem_track.tables import Table, row_count
from tem_track.write.figure_style import COLUMN_MM, FAINT, GREY, PAGE_MM, RED, journal_style, new_figure

# Name of the rows of the run itself, see `tem_track.tables.SENSITIVITY`.
_AS_SET = "as set"
# Dots of one row are spread over this share of its height, so that equal ones are seen apart.
_SPREAD = 0.5
# A shift that moves more than this many half intervals is drawn at the edge of the axis.
_SQUEEZE = 2.5
# Moves the interval and nothing else.
_INTERVAL_ONLY = ("expansion.shared_edge_error",)


def sensitivity_figure(table: Table | None) -> Figure | None:
    """Return a row per shifted setting with a dot per particle at the change of its final V/V0; None without a table.

    Parameters
    ----------
    table : Table or None
        SENSITIVITY.
    """
    if table is None or not row_count(table):
        return None
    own = table["setting"] == _AS_SET
    low, high = (
        dict(zip(table["track_id"][own].tolist(), table[f"final_volume_ratio_{end}"][own].tolist(), strict=True))
        for end in ("low", "high")
    )
    pairs = zip(table["setting"][~own].tolist(), table["value"][~own].tolist(), strict=True)
    shifts: list[tuple[str, str]] = list(dict.fromkeys(pairs))
    shifts = [shift for shift in shifts if _moves_anything(table, *shift)]
    if not shifts:
        return None
    half = float(np.median([(high[i] - low[i]) / 2 for i in low]))
    reach = _reach(table, shifts, half)
    with journal_style():
        figure = new_figure(0.5 * (COLUMN_MM + PAGE_MM), 16 + 4.5 * len(shifts))
        axes = figure.subplots()
        axes.axvspan(-half, half, color=FAINT, alpha=0.25, linewidth=0)
        axes.axvline(0.0, color=FAINT, linewidth=0.6)
        for place, shift in enumerate(shifts):
            rows = _rows(table, *shift)
            change, final = table["change"][rows], table["final_volume_ratio"][rows]
            ids = table["track_id"][rows].tolist()
            inside = np.array([low[i] <= v <= high[i] for i, v in zip(ids, final.tolist(), strict=True)], bool)
            _draw_row(axes, place, change, inside, reach)
        axes.set_xlim(-1.08 * reach, 1.08 * reach)
        axes.set_yticks(range(len(shifts)), [f"{setting} {value}".strip() for setting, value in shifts])
        axes.invert_yaxis()
        axes.set_xlabel("Change of final V/V$_0$")
        keys = [Line2D([], [], color=FAINT, alpha=0.5, linewidth=4, label="half the 95 % interval (median)")]
        keys.append(Line2D([], [], color=RED, marker="o", markersize=3, linestyle="", label="beyond its own interval"))
        figure.legend(handles=keys, loc="outside upper right", ncols=2)
    return figure


def _rows(table: Table, setting: str, value: str) -> NDArray[np.bool_]:
    return np.asarray((table["setting"] == setting) & (table["value"] == value) & np.isfinite(table["change"]))


def _moves_anything(table: Table, setting: str, value: str) -> bool:
    """Return whether a shift moves a value: one that moves only intervals is in the table."""
    return setting not in _INTERVAL_ONLY and bool(_rows(table, setting, value).any())


def _reach(table: Table, shifts: list[tuple[str, str]], half: float) -> float:
    """Return half the width of the axis: the interval and all shifts but the few that would squeeze the others."""
    largest = [float(np.abs(table["change"][_rows(table, *shift)]).max()) for shift in shifts]
    near = [change for change in largest if change <= _SQUEEZE * half]
    return 1.1 * max([half, *(near if 2 * len(near) >= len(largest) else largest)]) or 1.0


def _draw_row(axes: Axes, place: int, change: FloatArray, inside: NDArray[np.bool_], reach: float) -> None:
    """Draw one shift; dots beyond the axis stand at its edge, with their values."""
    count = len(change)
    height = place + _SPREAD * (np.linspace(-0.5, 0.5, count) if count > 1 else np.zeros(count))
    far = np.abs(change) > reach
    for chosen, colour in ((inside & ~far, GREY), (~inside & ~far, RED)):
        axes.scatter(change[chosen], height[chosen], s=6, color=colour, linewidth=0)
    for side, marker in ((-1, "<"), (1, ">")):
        beyond = far & (np.sign(change) == side)
        if beyond.any():
            axes.scatter(side * reach, place, s=12, marker=marker, color=RED, linewidth=0)
            low, high = change[beyond].min(), change[beyond].max()
            words = f"{low:+.2f}" if beyond.sum() == 1 else f"{low:+.2f} to {high:+.2f}"
            axes.annotate(
                words,
                (side * reach, place),
                xytext=(-5 * side, 0),
                textcoords="offset points",
                ha="left" if side < 0 else "right",
                va="center",
                fontsize=6,
                color=RED,
            )
