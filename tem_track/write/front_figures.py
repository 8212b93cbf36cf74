"""The figures of a degradation front: arrival map, frames with the front, fractions, speed, distance to boundaries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from tem_track.movie import FloatArray, Image, Labels, Mask, Movie
from tem_track.tables import Table, row_count
from tem_track.write.contours import grain_lines
from tem_track.write.drawing import OverlayFrame
from tem_track.write.figure_style import COLUMN_MM, FAINT, GREY, journal_style, new_figure, time_label
from tem_track.write.figures import drift_figure
from tem_track.write.outline_figure import draw_scale_bar, outlines_figure

# Longest side of a map that is drawn: a panel of 85 mm at 300 dpi is 1000 px wide.
_LONGEST_PX = 1000
# Isochrones on the arrival map, panels of the montage, bins of the distance diagram.
_ISOCHRONES, _PANELS, _DISTANCES = 8, 4, 24
# More grains than this are a bundle without numbers.
_NUMBERED = 40
# Boltzmann constant over the elementary charge, eV/K (CODATA 2018, exact), and 0 degC in K.
BOLTZMANN_EV_PER_K, ZERO_C_IN_K = 8.617333262e-5, 273.15
_PART_COLOURS = {"field": GREY, "boundary": "#D55E00", "interior": "#0072B2"}


@dataclass(frozen=True)
class FrontPicture:
    """What the figures of a front are drawn from.

    Attributes
    ----------
    movie : Movie
    arrival_frame : (Y, X) float32
        In frames, NaN = never.
    grains : (Y, X) int32
        Label image.
    distance_px : (Y, X) float32
        To the nearest grain boundary.
    before : (Y, X) float32
        Mean of the intact specimen.
    usable : (T,) bool
    pictures : callable
        ``pictures(k)`` is what is drawn over frame k.
    told : bool
        False where no front can be told: what is dark in each frame is drawn in its place.
    """

    movie: Movie
    arrival_frame: Image
    grains: Labels
    distance_px: Image
    before: Image
    usable: Mask
    pictures: Callable[[int], OverlayFrame]
    told: bool = True

    @property
    def axis(self) -> FloatArray:
        """Return the temperature of each frame, degC, or its time, s, where there is none."""
        heated = self.movie.temperatures_c
        return self.movie.times_s if heated is None else heated

    @property
    def axis_label(self) -> str:
        """Return the name of that axis."""
        return time_label(self.movie.timed) if self.movie.temperatures_c is None else "Temperature (°C)"


def front_figures(picture: FrontPicture, tables: Mapping[str, Table]) -> Iterator[tuple[str, Figure]]:
    """Yield every figure that a front has something for, with its name, one at a time.

    Parameters
    ----------
    picture : FrontPicture
    tables : mapping of str to Table
        By file name, as they stand in the run folder.
    """
    size = picture.movie.calibration.pixel_size_nm
    drawn: dict[str, Callable[[], Figure | None]] = {
        "front_arrival": lambda: arrival_figure(picture, tables),
        "front_montage": lambda: _montage(picture),
        "front_fraction": lambda: fraction_figure(picture, tables["front/front.csv"]),
        "front_distance": lambda: distance_figure(picture),
        "front_speed": lambda: speed_figure(tables["front/front.csv"]),
    }
    dark: dict[str, Callable[[], Figure | None]] = {"front_dark_places": lambda: _montage(picture)}
    makers: dict[str, Callable[[], Figure | None]] = {
        "front_dark": lambda: dark_figure(picture, tables.get("front/dark.csv")),
        **(drawn if picture.told else dark),
        "drift": lambda: drift_figure(tables["drift.csv"], size, picture.movie.timed),
    }
    for name, make in makers.items():
        figure = make()
        if figure is not None:
            yield name, figure


def arrival_figure(picture: FrontPicture, tables: Mapping[str, Table]) -> Figure:
    """Return the arrival map with isochrones, grain boundaries, nuclei and crossings, in degC or s."""
    step = -(-max(picture.grains.shape) // _LONGEST_PX)
    arrival = picture.arrival_frame[::step, ::step]
    values = _on_axis(arrival, picture.axis)
    shape = picture.grains.shape
    with journal_style():
        figure = new_figure(COLUMN_MM * 1.2, COLUMN_MM * 1.05 * shape[0] / shape[1] + 4)
        axes = figure.subplots()
        extent = (-0.5, shape[1] - 0.5, shape[0] - 0.5, -0.5)
        axes.imshow(picture.before[::step, ::step], cmap="gray", extent=extent)
        shown = axes.imshow(values, cmap="inferno", extent=extent, interpolation="nearest", alpha=0.9)
        if np.isfinite(values).any():
            figure.colorbar(
                shown, ax=axes, label=f"Arrival: {picture.axis_label[0].lower()}{picture.axis_label[1:]}", shrink=0.85
            )
            _draw_isochrones(axes, values, step)
        _draw_walls(axes, picture.grains)
        _draw_places(axes, tables)
        draw_scale_bar(axes, shape, picture.movie.calibration.pixel_size_nm)
        axes.set_axis_off()
        axes.set(xlim=extent[:2], ylim=extent[2:])
    return figure


def fraction_figure(picture: FrontPicture, front: Table) -> Figure:
    """Return the degraded fraction of field, boundary zone, interiors and each grain against temperature or time."""
    axis = picture.axis[front["frame"]]
    with journal_style():
        figure = new_figure(COLUMN_MM, 62)
        axes = figure.subplots()
        for _, curve in grain_curves(picture):
            axes.plot(picture.axis, curve, color=FAINT, linewidth=0.5, alpha=0.6)
        for part, colour in _PART_COLOURS.items():
            column = "degraded_fraction" if part == "field" else f"{part}_fraction"
            known = np.isfinite(front[column])
            if known.any():
                label = {"field": "field", "boundary": "boundary zone", "interior": "interiors"}[part]
                axes.plot(axis[known], front[column][known], color=colour, linewidth=1.4, label=label)
        axes.plot([], [], color=FAINT, linewidth=0.5, label="each grain")
        axes.set(xlabel=picture.axis_label, ylabel="Degraded fraction", ylim=(-0.02, 1.02))
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, handlelength=1.2, borderaxespad=0.2)
    return figure


def grain_curves(picture: FrontPicture) -> list[tuple[int, FloatArray]]:
    """Return (grain, (T,) degraded fraction) of every grain."""
    inside = picture.grains > 0
    count = int(picture.grains.max(initial=0))
    frames = np.ceil(np.nan_to_num(picture.arrival_frame[inside], nan=np.inf))
    labels, total = picture.grains[inside], len(picture.movie)
    reached = frames < total
    counts = np.zeros((count + 1, total))
    np.add.at(counts, (labels[reached], np.maximum(frames[reached], 0).astype(int)), 1)
    sizes = np.bincount(labels, minlength=count + 1)
    return [(grain, np.cumsum(counts[grain]) / sizes[grain]) for grain in range(1, count + 1) if sizes[grain]]


def distance_figure(picture: FrontPicture) -> Figure | None:
    """Return the degraded fraction by distance to the nearest grain boundary against time or temperature."""
    size = picture.movie.calibration.pixel_size_nm or 1.0
    inside = picture.grains > 0
    if not inside.any() or not np.isfinite(picture.arrival_frame[inside]).any():
        return None
    distance = picture.distance_px[inside] * size
    edges = np.linspace(0, float(np.percentile(distance, 98)) or 1.0, _DISTANCES + 1)
    where = np.clip(np.digitize(distance, edges) - 1, 0, _DISTANCES - 1)
    frames = np.nan_to_num(picture.arrival_frame[inside], nan=np.inf)
    share = np.array([_cumulative(frames[where == b], len(picture.movie)) for b in range(_DISTANCES)])
    with journal_style():
        figure = new_figure(COLUMN_MM, 62)
        axes = figure.subplots()
        shown = axes.pcolormesh(picture.axis, edges, share[:, :-1], cmap="inferno", vmin=0, vmax=1, rasterized=True)
        figure.colorbar(shown, ax=axes, label="Degraded fraction")
        unit = "nm" if picture.movie.calibration.pixel_size_nm else "px"
        axes.set(xlabel=picture.axis_label, ylabel=f"Distance to boundary ({unit})")
    return figure


def speed_figure(front: Table) -> Figure | None:
    """Return ln v against 1/T, the Arrhenius plot; None without temperatures or speeds."""
    speed, heated = front["front_speed_nm_per_s"], front["temperature_c"]
    known = np.isfinite(speed) & np.isfinite(heated) & (speed > 0)
    if known.sum() < 3:
        return None
    inverse = 1 / (BOLTZMANN_EV_PER_K * (heated[known] + ZERO_C_IN_K))
    with journal_style():
        figure = new_figure(COLUMN_MM, 62)
        axes = figure.subplots()
        axes.semilogy(inverse, speed[known], "o", markersize=2.2, color=_PART_COLOURS["interior"])
        axes.set(xlabel="1/(k$_B$T) (1/eV)", ylabel="Front speed (nm/s)")
        top = axes.secondary_xaxis("top", functions=(_celsius, _celsius_inverse))
        top.set_xlabel("Temperature (°C)")
    return figure


def dark_figure(picture: FrontPicture, dark: Table | None) -> Figure | None:
    """Return the dark share of the area, and the number of dark places, against temperature or time."""
    if dark is None or not np.isfinite(dark["dark_fraction"]).any():
        return None
    axis = picture.axis[dark["frame"]]
    with journal_style():
        figure = new_figure(COLUMN_MM, 80)
        share, places = figure.subplots(2, 1, sharex=True)
        share.plot(axis, dark["dark_fraction"], "o-", markersize=2.2, linewidth=0.8, color=_PART_COLOURS["boundary"])
        share.set(ylabel="Share of the area", ylim=(0, None))
        share.set_title("Darker than the foil around (front.dark_contrast)", loc="left")
        places.plot(axis, dark["dark_places"], "o-", markersize=2.2, linewidth=0.8, color=_PART_COLOURS["interior"])
        places.set(xlabel=picture.axis_label, ylabel="Distinct dark places", ylim=(0, None))
    return figure


def _celsius(inverse: ArrayLike) -> FloatArray:
    return np.asarray(1 / (BOLTZMANN_EV_PER_K * np.maximum(np.asarray(inverse), 1e-9)) - ZERO_C_IN_K)


def _celsius_inverse(heated: ArrayLike) -> FloatArray:
    return np.asarray(1 / (BOLTZMANN_EV_PER_K * np.maximum(np.asarray(heated) + ZERO_C_IN_K, 1e-9)))


def _montage(picture: FrontPicture) -> Figure:
    return outlines_figure(
        picture.movie.frames,
        picture.pictures,
        _telling_frames(picture),
        pixel_size_nm=picture.movie.calibration.pixel_size_nm,
        usable=picture.usable,
    )


def _telling_frames(picture: FrontPicture) -> list[int]:
    """Return usable frames spread over the time in which the field degrades, the first one among them."""
    good = np.flatnonzero(picture.usable)
    arrived = picture.arrival_frame[np.isfinite(picture.arrival_frame)]
    if not picture.told:
        return sorted({int(good[k]) for k in np.linspace(0, len(good) - 1, _PANELS).round().astype(int)})
    if not len(arrived):
        return [int(good[0]), int(good[-1])]
    wanted = [0.0, *np.percentile(arrived[arrived > 0] if (arrived > 0).any() else arrived, (5, 35, 75))]
    return sorted({int(good[np.argmin(abs(good - k))]) for k in wanted})[:_PANELS]


def _on_axis(arrival: Image, axis: FloatArray) -> FloatArray:
    on_axis = np.interp(arrival, np.arange(len(axis)), axis)
    return np.where(np.isfinite(arrival), on_axis, np.nan)


def _cumulative(frames: FloatArray, count: int) -> FloatArray:
    if not len(frames):
        return np.full(count, np.nan)
    return np.asarray(np.searchsorted(np.sort(frames), np.arange(count), side="right") / len(frames), np.float64)


def _draw_isochrones(axes: Axes, values: FloatArray, step: int) -> None:
    levels = np.unique(np.linspace(np.nanmin(values), np.nanmax(values), _ISOCHRONES + 2)[1:-1])
    y, x = (np.arange(side) * step for side in values.shape)
    if min(values.shape) > 1:
        axes.contour(x, y, np.ma.masked_invalid(values), levels=levels, colors="white", linewidths=0.35, alpha=0.7)


def _draw_walls(axes: Axes, grains: Labels) -> None:
    for line in grain_lines(grains):
        axes.plot(line[:, 1], line[:, 0], color="#56beff", linewidth=0.7)


def _draw_places(axes: Axes, tables: Mapping[str, Table]) -> None:
    marks = (("front/nuclei.csv", "*", "nucleus", "#00d68f"), ("front/crossings.csv", "X", "crossing", "#ff5c52"))
    for name, marker, label, colour in marks:
        table = tables[name]
        if row_count(table):
            points = axes.scatter(table["x_px"], table["y_px"], s=16, marker=marker, color=colour, label=label)
            points.set(edgecolor="black", linewidth=0.3, zorder=4)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)
