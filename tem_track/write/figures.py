"""The figures of a run, as a paper could print them: one function per figure, from tables to a matplotlib figure.

Every function takes the tables as they stand in the run folder and returns a figure that `save_figure` writes, or None
where the movie has nothing to show for it (no curves in a single image, no cores in solid particles).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Frames
from tem_track.tables import KINDS, Table, row_count, select_rows
from tem_track.write.curves import (
    TOLD_APART,
    Curve,
    curves_of,
    draw_bundle,
    draw_curve,
    draw_told_apart,
    kinds_of,
    rows_by_track,
)
from tem_track.write.drawing import OverlayFrame
from tem_track.write.expected_levels import ExpectedLevel, levels_of_kind
from tem_track.write.figure_style import (
    COLUMN_MM,
    FAINT,
    GREY,
    KIND_COLOURS,
    PAGE_MM,
    RED,
    THEORY_COLOUR,
    THEORY_DOTS,
    TWO_SIDED_95,
    draw_expected,
    ink_of,
    journal_style,
    new_figure,
    ratio_axis,
    time_label,
)
from tem_track.write.outline_figure import first_middle_last, outlines_figure
from tem_track.write.run_files import PARTICLE_FIGURES
from tem_track.write.sensitivity_figure import sensitivity_figure

# Panels of the figure with one particle each, and how many stand side by side.
_PANELS, _ACROSS = 24, 4
# The colours of onset and end of the first stage in those panels.
_CHANGES = {"onset": "#009E73", "stage_change": "#CC79A7"}
# Bins of a histogram: the Freedman-Diaconis width, held between these.
_FEWEST_BINS, _MOST_BINS = 5, 60


def run_figures(
    tables: Mapping[str, Table],
    frames: Frames,
    pictures: Callable[[int], OverlayFrame],
    *,
    usable: NDArray[np.bool_],
    pixel_size_nm: float | None = None,
    timed: bool = True,
    expected: Sequence[ExpectedLevel] = (),
) -> Iterator[tuple[str, Figure]]:
    """Yield every figure that a run has something for, with its name, one at a time.

    Parameters
    ----------
    tables : mapping of str to Table
        The tables of the run by file name.
    frames, pictures, usable
        As for `tem_track.write.outline_figure.outlines_figure`.
    pixel_size_nm : float, optional
    timed : bool
        False where times are frame numbers; an empty `time_s` is then replaced by the frame.
    expected : sequence of ExpectedLevel
        Drawn in every figure of V/V0.
    """
    tracks, particles, expansion, drift = (
        tables[f"{name}.csv"] for name in ("tracks", "particles", "expansion", "drift")
    )
    if not timed:
        tracks, expansion, drift = (_counted(table) for table in (tracks, expansion, drift))
    makers: dict[str, Callable[[], Figure | None]] = {
        "volume_ratio": lambda: volume_ratio_figure(tracks, particles, timed, expected),
        "population": lambda: population_figure(expansion, timed, expected),
        "volume_ratio_particles": lambda: volume_ratio_particles_figure(tracks, particles, timed, expected),
        "core_shell": lambda: core_shell_figure(tracks, particles, timed),
        "drift": lambda: drift_figure(drift, pixel_size_nm, timed),
        "size_histogram": lambda: size_histogram_figure(tracks),
        "outlines": lambda: outlines_figure(
            frames, pictures, first_middle_last(usable), pixel_size_nm=pixel_size_nm, usable=usable
        ),
        "sensitivity": lambda: sensitivity_figure(tables.get("sensitivity.csv")),
    }
    for name in PARTICLE_FIGURES:
        if figure := makers[name]():
            yield name, figure


def volume_ratio_figure(
    tracks: Table, particles: Table, timed: bool = True, expected: Sequence[ExpectedLevel] = ()
) -> Figure | None:
    """Return V/V0 against time, a curve per particle with its 95 % band.

    Onset and end of stages are marked where the curves are few enough to be told apart; otherwise the curves are a
    bundle in the colour of their kind. A particle cut by the border of the field is dotted.

    Parameters
    ----------
    tracks, particles : Table
        TRACKS and PARTICLES; only rows with a `volume_ratio` are drawn.
    timed : bool
        False where times are frame numbers.
    expected : sequence of ExpectedLevel

    Returns
    -------
    Figure or None
        None where no particle has a curve of two points.
    """
    curves = curves_of(tracks, "volume_ratio", "volume_ratio_sd")
    if not curves:
        return None
    with journal_style():
        figure = new_figure(COLUMN_MM if len(curves) <= TOLD_APART else PAGE_MM * 0.7, 66)
        axes = figure.subplots()
        if len(curves) <= TOLD_APART:
            draw_told_apart(axes, curves)
            _draw_marks(axes, curves, particles)
        else:
            draw_bundle(axes, curves, kinds_of(particles))
        ratio_axis(axes, time_label(timed))
        draw_expected(axes, expected)
        _legend(axes)
    return figure


def volume_ratio_particles_figure(
    tracks: Table, particles: Table, timed: bool = True, expected: Sequence[ExpectedLevel] = ()
) -> Figure | None:
    """Return a panel per particle: V/V0 with its 95 % band, onset and end of stages with their 95 % intervals.

    The 24 particles with the longest curves are shown, in the order of their numbers.
    """
    curves = curves_of(tracks, "volume_ratio", "volume_ratio_sd")
    if not curves:
        return None
    longest = sorted(curves, key=lambda i: (-len(curves[i].time), i))[:_PANELS]
    rows = -(-len(longest) // _ACROSS)
    kinds = kinds_of(particles)
    with journal_style():
        figure = new_figure(PAGE_MM, 12 + 34 * rows)
        panels = figure.subplots(rows, _ACROSS, sharex=True, sharey=True, squeeze=False).ravel()
        for axes, i in zip(panels, sorted(longest), strict=False):
            draw_curve(axes, curves[i], KIND_COLOURS.get(kinds.get(i, ""), GREY))
            _draw_intervals(axes, particles, i)
            draw_expected(axes, levels_of_kind(expected, kinds.get(i, "")), named=False)
            axes.axhline(1.0, color=FAINT, linewidth=0.6, linestyle=(0, (4, 3)), zorder=0.5)
            axes.set_title(" ".join(filter(None, (str(i), kinds.get(i, "")))), loc="left")
            axes.xaxis.set_major_locator(MaxNLocator(4))
            axes.yaxis.set_major_locator(MaxNLocator(5))
        for axes in panels[len(longest) :]:
            axes.set_visible(False)
        for axes in panels[max(0, len(longest) - _ACROSS) : len(longest)]:
            axes.tick_params(labelbottom=True)
        keys = [Line2D([], [], color=colour, label=name.replace("_", " ")) for name, colour in _CHANGES.items()]
        if expected:
            keys.append(Line2D([], [], color=THEORY_COLOUR, linestyle=THEORY_DOTS, label="theory"))
        figure.legend(
            handles=keys,
            loc="outside upper right",
            ncols=len(keys),
            title="shaded: 95 % interval; at the right: final V/V$_0$",
        )
        figure.supylabel("Volume ratio V/V$_0$", fontsize=7.5)
        figure.supxlabel(time_label(timed), fontsize=7.5)
    return figure


def population_figure(expansion: Table, timed: bool = True, expected: Sequence[ExpectedLevel] = ()) -> Figure | None:
    """Return the mean V/V0 of each kind of particle against time, with the 95 % interval of the mean.

    Parameters
    ----------
    expansion : Table
        EXPANSION, a row per frame.
    """
    time = expansion["time_s"]
    shown = {kind: kind.replace("-", "_") for kind in KINDS if _shows(expansion, f"_{kind.replace('-', '_')}")}
    if not shown and not _shows(expansion, ""):
        return None
    with journal_style():
        figure = new_figure(COLUMN_MM, 62)
        axes = figure.subplots()
        for kind, ending in shown.items():
            _draw_mean(axes, time, expansion, f"_{ending}", KIND_COLOURS[kind], kind)
        if len(shown) != 1 and _shows(expansion, ""):
            _draw_mean(axes, time, expansion, "", GREY if shown else KIND_COLOURS["solid"], "all", alone=not shown)
        ratio_axis(axes, time_label(timed))
        draw_expected(axes, expected)
        _legend(axes)
    return figure


def core_shell_figure(tracks: Table, particles: Table, timed: bool = True) -> Figure | None:
    """Return core diameter and shell thickness against time, or None where no core was found or there is no scale."""
    parts = {
        "Core equivalent diameter (nm)": ("core_equivalent_diameter_nm", "core_equivalent_diameter_sd_nm"),
        "Shell thickness (nm)": ("shell_thickness_nm", "shell_thickness_sd_nm"),
    }
    curves = {label: curves_of(tracks, *names) for label, names in parts.items()}
    if not any(curves.values()):
        return None
    with journal_style():
        figure = new_figure(PAGE_MM, 62)
        for axes, (label, group) in zip(figure.subplots(1, 2), curves.items(), strict=True):
            if len(group) <= TOLD_APART:
                draw_told_apart(axes, group)
            else:
                draw_bundle(axes, group, kinds_of(particles))
            axes.set_xlabel(time_label(timed))
            axes.set_ylabel(label)
    return figure


def drift_figure(drift: Table, pixel_size_nm: float | None = None, timed: bool = True) -> Figure | None:
    """Return the drift against time, with a tick for every frame that is not usable; None for a single image.

    Parameters
    ----------
    drift : Table
        DRIFT, a row per frame.
    pixel_size_nm : float, optional
        Adds a scale in nm at the right.
    """
    if row_count(drift) < 2:
        return None
    with journal_style():
        figure = new_figure(COLUMN_MM, 56)
        axes = figure.subplots()
        for name, label, colour in (("dy_px", "down (y)", "#D55E00"), ("dx_px", "right (x)", "#0072B2")):
            axes.plot(drift["time_s"], drift[name], color=colour, label=label)
        unusable = drift["usable"] == 0
        if unusable.any():
            _draw_unusable(axes, drift["time_s"][unusable])
        axes.set_xlabel(time_label(timed))
        axes.set_ylabel("Drift since frame 0 (px)")
        if pixel_size_nm:
            scale = float(pixel_size_nm)
            right = axes.secondary_yaxis(
                "right", functions=(partial(np.multiply, scale), partial(np.multiply, 1 / scale))
            )
            right.set_ylabel("(nm)")
        _legend(axes)
    return figure


def size_histogram_figure(tracks: Table) -> Figure | None:
    """Return the histogram of the equivalent diameters at the start of the movie.

    A particle counts once, with the median of its first three measured outlines; it must be there in the first frame
    of the table and not be cut by the border.
    """
    diameters, unit = first_diameters(tracks)
    if not len(diameters):
        return None
    with journal_style():
        figure = new_figure(COLUMN_MM, 60)
        axes = figure.subplots()
        axes.hist(diameters, bins=_bins(diameters).tolist(), color="#5b8db8", edgecolor="white", linewidth=0.5)
        axes.axvline(float(np.mean(diameters)), color=GREY, linewidth=0.8, linestyle=(0, (4, 2)))
        axes.set_xlabel(f"Equivalent diameter ({unit})")
        axes.set_ylabel("Particles")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_title(_summary(diameters, unit), loc="right", color=GREY, fontsize=6.5)
    return figure


def first_diameters(tracks: Table) -> tuple[FloatArray, str]:
    """Return (N,) equivalent diameters at the start of the movie and their unit, nm or, without a scale, px."""
    unit = "nm" if np.isfinite(tracks["equivalent_diameter_nm"]).any() else "px"
    diameter = tracks[f"equivalent_diameter_{unit}"]
    rows = np.isfinite(diameter) & (tracks["touches_border"] == 0)
    if not rows.any():
        return np.empty(0), unit
    first_frame = tracks["frame"][rows].min()
    found = []
    for rows_of in rows_by_track(tracks, rows):
        ordered = rows_of[np.argsort(tracks["frame"][rows_of], kind="stable")]
        if tracks["frame"][ordered[0]] == first_frame:
            found.append(np.median(diameter[ordered[:3]]))
    return np.array(found), unit


def _draw_marks(axes: Axes, curves: dict[int, Curve], particles: Table) -> None:
    marks = (("onset_s", "onset", "o"), ("stage_change_s", "stage change", "D"), ("complete_s", "complete", "s"))
    for name, label, marker in marks:
        points = [
            (time, float(np.interp(time, curves[i].time, curves[i].value)), ink_of(i))
            for i, time in _marked(particles, name)
            if i in curves and curves[i].time[0] <= time <= curves[i].time[-1]
        ]
        if points:
            x, y, colours = zip(*points, strict=True)
            axes.scatter(x, y, s=11, marker=marker, facecolor="white", edgecolor=colours, linewidth=0.8, zorder=3)
            axes.scatter([], [], s=11, marker=marker, facecolor="white", edgecolor=GREY, linewidth=0.8, label=label)


def _counted(table: Table) -> Table:
    """Return a table whose times are its frame numbers."""
    return {**table, "time_s": table["frame"].astype(np.float64)}


def _marked(particles: Table, name: str) -> Iterable[tuple[int, float]]:
    return ((int(i), float(t)) for i, t in zip(particles["track_id"], particles[name], strict=True) if np.isfinite(t))


def _draw_intervals(axes: Axes, particles: Table, track_id: int) -> None:
    row = select_rows(particles, particles["track_id"] == track_id)
    if not row_count(row):
        return
    for name, colour in _CHANGES.items():
        time, low, high = (float(row[f"{name}{end}_s"][0]) for end in ("", "_low", "_high"))
        if np.isfinite(time):
            axes.axvline(time, color=colour, linewidth=0.8)
        if np.isfinite(low) and np.isfinite(high):
            axes.axvspan(low, high, color=colour, alpha=0.18, linewidth=0)
    final, low, high = (float(row[f"final_volume_ratio{end}"][0]) for end in ("", "_low", "_high"))
    if np.isfinite(final):
        interval = f" ({low:.2f}–{high:.2f})" if np.isfinite(low) and np.isfinite(high) else ""
        axes.set_title(f"{final:.2f}{interval}", loc="right", fontsize=6, color=GREY)


def _shows(expansion: Table, ending: str) -> bool:
    return bool(np.isfinite(expansion[f"volume_ratio_mean{ending}"]).sum() >= 2)


def _draw_mean(
    axes: Axes, time: FloatArray, expansion: Table, ending: str, colour: str, kind: str, alone: bool = True
) -> None:
    mean = expansion[f"volume_ratio_mean{ending}"]
    known = np.isfinite(mean)
    if alone:  # over a mixture of kinds the band would show how they differ, not how sure the mean is
        half = TWO_SIDED_95 * np.nan_to_num(expansion[f"volume_ratio_sem{ending}"])
        axes.fill_between(
            time[known], (mean - half)[known], (mean + half)[known], color=colour, alpha=0.22, linewidth=0
        )
    count = int(expansion[f"particles{ending}"].max())
    axes.plot(time[known], mean[known], "-" if alone else "--", color=colour, label=f"{kind} (n = {count})")


def _draw_unusable(axes: Axes, times: FloatArray) -> None:
    axes.plot(
        times,
        np.full(len(times), 0.02),
        transform=axes.get_xaxis_transform(),
        linestyle="",
        marker="|",
        markersize=6,
        color=RED,
        label=f"not usable (n = {len(times)})",
    )


def _legend(axes: Axes) -> None:
    # Above the axes it hides no curve; looking for the "best" place takes seconds on long movies.
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, handlelength=1.2, borderaxespad=0.2)


def _bins(values: FloatArray) -> FloatArray:
    low, high = float(values.min()), float(values.max())
    if high <= low:
        return np.array([low - 0.5, low + 0.5])
    quartiles = np.percentile(values, [25, 75])
    width = 2 * (quartiles[1] - quartiles[0]) / len(values) ** (1 / 3)
    wanted = (high - low) / width if width > 0 else _FEWEST_BINS
    return np.linspace(low, high, int(np.clip(np.ceil(wanted), _FEWEST_BINS, _MOST_BINS)) + 1)


def _summary(values: FloatArray, unit: str) -> str:
    spread = f" ± {np.std(values, ddof=1):.3g}" if len(values) > 1 else ""
    return f"n = {len(values)}, {np.mean(values):.3g}{spread} {unit} (mean ± s.d.)"
