"""The figures of objects that grow: area and rate against temperature, and when each pixel became part of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tem_track.movie import FloatArray, Image, Mask, Movie
from tem_track.tables import Table, row_count
from tem_track.write.curves import Curve, draw_curve, rows_by_track
from tem_track.write.drawing import OverlayFrame
from tem_track.write.figure_style import COLUMN_MM, ink_of, journal_style, new_figure, time_label
from tem_track.write.figures import drift_figure
from tem_track.write.outline_figure import draw_scale_bar, first_middle_last, outlines_figure

# Longest side of the map that is drawn, px, and how far around the objects it shows, of their extent.
_LONGEST_PX, _AROUND = 1000, 0.4
# Each object's onset is marked as long as the marks can be told apart.
_MARKED = 6


def growth_figures(
    movie: Movie,
    tables: Mapping[str, Table],
    pictures: Callable[[int], OverlayFrame],
    usable: Mask,
    *,
    start: Image | None = None,
    before: Image | None = None,
) -> Iterator[tuple[str, Figure]]:
    """Yield every figure that a growth has something for, with its name, one at a time.

    Parameters
    ----------
    movie : Movie
    tables : mapping of str to Table
        By file name, as they stand in the run folder.
    pictures : callable
        ``pictures(k)`` is what is drawn over frame k.
    usable : (T,) bool
    start, before : (Y, X) float32, optional
        Frame in which each pixel became part of an object (infinity for never), and the image before.
    """
    size = movie.calibration.pixel_size_nm
    if row_count(tables["growth_rates.csv"]):
        yield "growth_area", area_figure(movie, tables["tracks.csv"], tables["growth.csv"])
        yield "growth_rate", rate_figure(movie, tables["growth_rates.csv"])
    if start is not None and before is not None and np.isfinite(start).any():
        yield "growth_map", map_figure(movie, start, before)
    drift = drift_figure(tables["drift.csv"], size, movie.timed)
    if drift is not None:
        yield "drift", drift
    yield (
        "outlines",
        outlines_figure(movie.frames, pictures, first_middle_last(usable), pixel_size_nm=size, usable=usable),
    )


def area_figure(movie: Movie, tracks: Table, growth: Table) -> Figure:
    """Return the area of each object with its 95 % band against temperature (or time), and the onsets."""
    scaled = movie.calibration.pixel_size_nm is not None
    name, unit = ("area_nm2", "nm²") if scaled else ("area_px", "px")
    with journal_style():
        figure = new_figure(COLUMN_MM, 0.75 * COLUMN_MM)
        axes = figure.subplots()
        for rows in rows_by_track(tracks, np.isfinite(tracks[name])):
            sd = tracks["area_sd_nm2" if scaled else "area_sd_px"][rows]
            place = _axis(movie)[tracks["frame"][rows]]
            draw_curve(axes, Curve(place, tracks[name][rows], sd, False), ink_of(int(tracks["track_id"][rows[0]])))
        if row_count(growth) <= _MARKED:
            _draw_onsets(axes, movie, growth)
        axes.set(xlabel=_label(movie), ylabel=f"Projected area ({unit})")
        axes.set_ylim(bottom=0)
    return figure


def rate_figure(movie: Movie, rates: Table) -> Figure:
    """Return the rate of growth of each object against temperature (or time)."""
    scaled = movie.calibration.pixel_size_nm is not None and movie.timed
    name, unit = ("rate_nm2_per_s", "nm²/s") if scaled else ("rate_px_per_frame", "px per frame")
    with journal_style():
        figure = new_figure(COLUMN_MM, 0.75 * COLUMN_MM)
        axes = figure.subplots()
        for rows in rows_by_track(rates, np.isfinite(rates[name])):
            sd = rates["rate_sd_nm2_per_s"][rows] if scaled else np.zeros(len(rows))
            place = _axis(movie)[rates["frame"][rows]]
            draw_curve(axes, Curve(place, rates[name][rows], sd, False), ink_of(int(rates["track_id"][rows[0]])))
        axes.axhline(0, color="0.7", linewidth=0.5, zorder=0)
        axes.set(xlabel=_label(movie), ylabel=f"Rate of growth ({unit})")
    return figure


def map_figure(movie: Movie, start: Image, before: Image) -> Figure:
    """Return when each pixel became part of an object, in degC or s, over the image before."""
    window = _window(np.isfinite(start))
    shown, under = start[window], before[window]
    step = -(-max(shown.shape) // _LONGEST_PX)
    shown, under = shown[::step, ::step], under[::step, ::step]
    values = np.where(
        np.isfinite(shown), np.interp(np.nan_to_num(shown, posinf=0), np.arange(len(movie)), _axis(movie)), np.nan
    )
    height, width = start[window].shape
    with journal_style():
        figure = new_figure(COLUMN_MM * 1.2, COLUMN_MM * 1.05 * height / width + 4)
        axes = figure.subplots()
        extent = (-0.5, width - 0.5, height - 0.5, -0.5)
        low, high = np.nanpercentile(under, (1, 99))
        axes.imshow(under, cmap="gray", extent=extent, vmin=low, vmax=high)
        drawn = axes.imshow(values, cmap="inferno", extent=extent, interpolation="nearest")
        figure.colorbar(drawn, ax=axes, label=_label(movie), shrink=0.85)
        draw_scale_bar(axes, (height, width), movie.calibration.pixel_size_nm)
        axes.set_axis_off()
        axes.set(xlim=extent[:2], ylim=extent[2:])
    return figure


def _draw_onsets(axes: Axes, movie: Movie, growth: Table) -> None:
    """Draw the onset of each object: a dashed line and the band of its 95 % interval."""
    for i in range(row_count(growth)):
        heated = movie.temperatures_c is not None
        if heated or movie.timed:
            ending = "c" if heated else "s"
            place, low, high = (float(growth[f"onset{part}_{ending}"][i]) for part in ("", "_low", "_high"))
        else:
            place = low = high = float(growth["onset_frame"][i])
        if np.isfinite(place):
            colour = ink_of(int(growth["track_id"][i]))
            axes.axvline(place, color=colour, linewidth=0.7, linestyle="--")
            if np.isfinite(low + high):
                axes.axvspan(low, high, color=colour, alpha=0.15, linewidth=0)


def _axis(movie: Movie) -> FloatArray:
    return movie.times_s if movie.temperatures_c is None else movie.temperatures_c


def _label(movie: Movie) -> str:
    return time_label(movie.timed) if movie.temperatures_c is None else "Temperature (°C)"


def _window(inside: Mask) -> tuple[slice, slice]:
    """Return the part of the field around the objects."""
    found = []
    for axis in (1, 0):
        places = np.flatnonzero(inside.any(axis=axis))
        margin = int(_AROUND * (places[-1] - places[0])) + 8
        found.append(slice(max(int(places[0]) - margin, 0), int(places[-1]) + 1 + margin))
    return found[0], found[1]
