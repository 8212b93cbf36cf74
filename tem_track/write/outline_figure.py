"""The figure of a few frames with their outlines, in vectors over the image, with a scale bar."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from tem_track.movie import FloatArray, Frames, finite
from tem_track.write.drawing import (
    DrawnLine,
    DrawnParticle,
    OverlayFrame,
    colour_of,
    grey_picture,
    layout_of,
    scale_bar,
)
from tem_track.write.figure_style import COLUMN_MM, PAGE_MM, journal_style, new_figure
from tem_track.write.overlay import grey_window
from tem_track.write.tint import DrawnArea, tint

# A panel of 55 mm at 300 dpi is 650 px wide: more would only make the files larger.
_LONGEST = 700
# More numbers than this would cover a panel of 55 mm.
_NUMBERED = 40
_RIM = [withStroke(linewidth=1.4, foreground="black", alpha=0.7)]


def outlines_figure(
    frames: Frames,
    pictures: Callable[[int], OverlayFrame],
    chosen: Sequence[int],
    *,
    pixel_size_nm: float | None = None,
    usable: np.typing.NDArray[np.bool_] | None = None,
) -> Figure:
    """Return the chosen frames side by side, each with outlines, cores, numbers and a scale bar.

    Parameters
    ----------
    frames : Frames
    pictures : callable
        As for `write_overlay`.
    chosen : sequence of int
        One or a few frame numbers; see `first_middle_last`.
    pixel_size_nm : float, optional
    usable : (T,) bool, optional
        Frames that the grey window, one for all panels, is taken from.
    """
    shape = np.shape(frames[chosen[0]])
    width_mm = PAGE_MM if len(chosen) > 1 else COLUMN_MM
    height_mm = float(np.clip(width_mm / len(chosen) * shape[0] / shape[1], 20, 220)) + 6
    window = grey_window(frames, usable)
    with journal_style():
        figure = new_figure(width_mm, height_mm)
        panels = figure.subplots(1, len(chosen), squeeze=False).ravel()
        for axes, k in zip(panels, chosen, strict=True):
            overlay = pictures(k)
            grey = grey_picture(finite(frames[k]), window, layout_of(shape, _LONGEST, 1))
            _draw_image(axes, _tinted(grey, overlay.areas), shape)
            _draw_lines(axes, overlay.lines)
            _draw_particles(axes, overlay.particles)
            draw_scale_bar(axes, shape, pixel_size_nm)
            axes.set_title(overlay.status, loc="left", fontsize=6.5)
    return figure


def first_middle_last(usable: np.typing.NDArray[np.bool_]) -> list[int]:
    """Return the first, the middle and the last usable frame, fewer where there are fewer; frame 0 if there is none.

    >>> first_middle_last(np.array([False, True, True, False, True]))
    [1, 2, 4]
    """
    good = np.flatnonzero(usable)
    if not len(good):
        return [0]
    return sorted({int(good[0]), int(good[(len(good) - 1) // 2]), int(good[-1])})


def _tinted(grey: np.typing.NDArray[np.uint8], areas: Sequence[DrawnArea]) -> np.typing.NDArray[np.uint8]:
    """Return a grey picture with areas tinted, in colour where there are any."""
    if not areas:
        return grey
    picture = np.repeat(grey[..., None], 3, axis=2)
    for area in areas:
        tint(picture, area)
    return picture


def _draw_image(axes: Axes, picture: np.typing.NDArray[np.uint8], shape: tuple[int, ...]) -> None:
    height, width = shape[0], shape[1]
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255, extent=(-0.5, width - 0.5, height - 0.5, -0.5))
    axes.set_axis_off()


def _draw_lines(axes: Axes, lines: Sequence[DrawnLine]) -> None:
    if lines:
        shapes = [line.points[:, ::-1] for line in lines]
        widths = [0.5 * line.thickness for line in lines]
        drawn = LineCollection(shapes, colors=[_unit(line.colour) for line in lines], linewidths=widths)
        axes.add_collection(drawn, autolim=False)
        # A line that leaves the field must not stretch the panel.
        axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())


def _draw_particles(axes: Axes, particles: Sequence[DrawnParticle]) -> None:
    outlines = [(_closed(p.outline), _unit(colour_of(p.track_id))) for p in particles if len(p.outline)]
    cores = [(_closed(p.core), "white") for p in particles if p.core is not None and len(p.core)]
    wide = 0.9 if len(particles) <= _NUMBERED else 0.5
    for lines, width in ((outlines, wide), (cores, 0.6 * wide)):
        if lines:
            shapes, colours = zip(*lines, strict=True)
            axes.add_collection(LineCollection(shapes, colors=colours, linewidths=width), autolim=False)
    if len(particles) <= _NUMBERED:
        for p in particles:
            if len(p.outline):
                y, x = (p.outline.min(axis=0) + p.outline.max(axis=0)) / 2
                number = axes.text(x, y, str(p.track_id), color=_unit(colour_of(p.track_id)), fontsize=5.5)
                number.set(ha="center", va="center", path_effects=_RIM, clip_on=True)


def draw_scale_bar(axes: Axes, shape: tuple[int, ...], pixel_size_nm: float | None) -> None:
    """Draw a scale bar with its length into the lower right corner of an image of (Y, X) px."""
    length, label = scale_bar(shape[1], pixel_size_nm)
    margin = 0.04 * min(shape)
    thick = 0.012 * shape[0]
    right, bottom = shape[1] - margin, shape[0] - margin
    bar = Rectangle((right - length, bottom - thick), length, thick, facecolor="white", edgecolor="black")
    bar.set_linewidth(0.3)
    axes.add_patch(bar)
    text = axes.text(right - length / 2, bottom - 1.6 * thick, label, color="white", fontsize=6)
    text.set(ha="center", va="bottom", path_effects=_RIM)


def _closed(outline: FloatArray) -> FloatArray:
    """Return (P + 1, 2) (x, y) of a (P, 2) (y, x) outline, closed."""
    xy: FloatArray = np.concatenate([outline, outline[:1]])[:, ::-1]
    return xy


def _unit(colour: tuple[int, int, int]) -> tuple[float, float, float]:
    return colour[0] / 255, colour[1] / 255, colour[2] / 255
