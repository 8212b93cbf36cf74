"""The picture of a frame: its outlines, cores, lines, tinted areas and numbers, and the strip of words below it.

The frame is shown in a given grey window, enlarged or reduced to a legible size. The strip carries frame number, time,
temperature, the scale bar and, in red, why a frame is not usable; it keeps words off the specimen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Image
from tem_track.write.lettering import Lettering, Rgb
from tem_track.write.tint import DrawnArea, tint
from tem_track.write.video import RgbImage

# Longest side of a picture, px: what a browser shows without scaling on a common screen.
_LONGEST = 1024
# Small frames are enlarged by a whole number, so that one pixel stays a square; at most 8 times.
_LARGEST_ZOOM = 8
# Narrower than this the strip's words do not fit.
_NARROWEST = 480
_STRIP = 34
_STRIP_COLOUR: Rgb = (18, 18, 20)
_INK: Rgb = (235, 235, 235)
_WARNING: Rgb = (255, 92, 82)
# Okabe and Ito's colour-blind safe set without black, lightened where it would drown in grey
# (https://jfly.uni-koeln.de/color/), and three more of similar distance.
TRACK_COLOURS: tuple[Rgb, ...] = (
    (255, 176, 0),
    (86, 190, 255),
    (0, 214, 143),
    (240, 228, 66),
    (255, 128, 64),
    (232, 138, 202),
    (110, 140, 255),
    (160, 232, 90),
    (64, 224, 224),
    (214, 170, 255),
)
# Fractional bits of OpenCV's drawing coordinates: 1/16 px is below what can be seen.
_SHIFT = 4
# With more particles than this a number is written only where it fits inside its particle.
_FEW = 60
# Outlines of particles narrower than this on the picture, px, are drawn thin.
_THIN_BELOW = 28


@dataclass(frozen=True)
class DrawnParticle:
    """What is drawn of one particle in one frame.

    Attributes
    ----------
    track_id : int
        Its number and, through it, its colour.
    outline : (P, 2) float64
        Outer outline as (y, x) px of the recorded frame, closed by itself.
    core : (P, 2) float64 or None
        Outline of the core.
    inferred : bool
        The frame was bridged: drawn thin and faint.
    """

    track_id: int
    outline: FloatArray
    core: FloatArray | None = None
    inferred: bool = False


@dataclass(frozen=True)
class DrawnLine:
    """A line drawn over a frame.

    Attributes
    ----------
    points : (P, 2) float64
        As (y, x) px of the recorded frame.
    colour : (int, int, int)
        Red, green, blue.
    thickness : int
        On the picture, px.
    """

    points: FloatArray
    colour: Rgb
    thickness: int = 1


@dataclass(frozen=True)
class OverlayFrame:
    """What is drawn over one frame.

    Attributes
    ----------
    particles : sequence of DrawnParticle
    status : str
        Words at the left of the strip: frame, time, temperature (see `status_text`).
    warning : str
        Why the frame is not usable; empty where it is.
    lines : sequence of DrawnLine
        Drawn under the particles.
    areas : sequence of DrawnArea
        Tinted, under the lines.
    """

    particles: Sequence[DrawnParticle] = field(default_factory=tuple)
    status: str = ""
    warning: str = ""
    lines: Sequence[DrawnLine] = field(default_factory=tuple)
    areas: Sequence[DrawnArea] = field(default_factory=tuple)


@dataclass(frozen=True)
class Layout:
    """How a frame of (Y, X) px becomes a picture: zoom, size of the image on it, size of the whole."""

    zoom: float
    image_px: tuple[int, int]
    picture_px: tuple[int, int]
    left: int

    def to_picture(self, points: FloatArray) -> NDArray[np.int32]:
        """Return (P, 2) (y, x) px of the frame as (P, 2) (x, y) px of the picture in units of 2^-_SHIFT px."""
        # Pixel centres are at integers in both: their edges, at -0.5, fall together.
        xy = (np.asarray(points, np.float64)[:, ::-1] + 0.5) * self.zoom - 0.5 + (self.left, 0)
        fixed: NDArray[np.int32] = np.round(xy * 2**_SHIFT).astype(np.int32)
        return fixed


def draw_frame(
    frame: Image,
    overlay: OverlayFrame,
    window: tuple[float, float],
    layout: Layout,
    lettering: Lettering,
    pixel_size_nm: float | None = None,
) -> RgbImage:
    """Return the picture of a frame with everything drawn over it.

    Parameters
    ----------
    frame : (Y, X) float32
        Finite grey values.
    overlay : OverlayFrame
    window : (float, float)
        Grey values shown black and white.
    layout : Layout
        Of `layout_of`.
    lettering : Lettering
        Keeps letters between calls.
    pixel_size_nm : float, optional

    Returns
    -------
    (Y', X', 3) uint8
        Red first.
    """
    picture = np.empty((*layout.picture_px, 3), np.uint8)
    picture[:] = _STRIP_COLOUR
    height, width = layout.image_px
    picture[:height, layout.left : layout.left + width] = grey_picture(frame, window, layout)[..., None]
    field_of_view = picture[:height]
    for area in overlay.areas:
        tint(picture[:height, layout.left : layout.left + width], area)
    for line in overlay.lines:
        path = layout.to_picture(line.points).reshape(-1, 1, 2)
        cv2.polylines(field_of_view, [path], False, line.colour, line.thickness, cv2.LINE_AA, _SHIFT)
    for particle in overlay.particles:
        _draw_outlines(field_of_view, particle, layout)
    _draw_numbers(field_of_view, overlay.particles, layout, lettering)
    if overlay.warning:
        cv2.rectangle(picture, (0, 0), (picture.shape[1] - 1, height - 1), _WARNING, 3)
    _draw_strip(picture, overlay, layout, lettering, pixel_size_nm)
    return picture


def layout_of(shape: tuple[int, ...], longest_px: int = _LONGEST, largest_zoom: int = _LARGEST_ZOOM) -> Layout:
    """Return how frames of (Y, X) px are shown: reduced to a longest side or enlarged by a whole number.

    >>> layout_of((2048, 1024)).zoom, layout_of((320, 320)).zoom
    (0.5, 3.0)
    """
    longest = max(shape)
    zoom = longest_px / longest if longest > longest_px else float(min(largest_zoom, longest_px // longest))
    height, width = (max(1, round(side * zoom)) for side in shape)
    whole_width = max(width, _NARROWEST)
    whole_width += whole_width % 2
    whole_height = height + _STRIP + (height + _STRIP) % 2
    return Layout(zoom, (height, width), (whole_height, whole_width), (whole_width - width) // 2)


def grey_picture(frame: Image, window: tuple[float, float], layout: Layout) -> NDArray[np.uint8]:
    """Return a (Y, X) frame as (Y', X') uint8 in the grey window, at the size it is shown."""
    height, width = layout.image_px
    how = cv2.INTER_AREA if layout.zoom < 1 else cv2.INTER_LINEAR
    shown: Image = cv2.resize(frame, (width, height), interpolation=how)
    low, high = window
    grey: NDArray[np.uint8] = np.clip((shown - low) * (255.0 / (high - low)), 0, 255).astype(np.uint8)
    return grey


def colour_of(track_id: int) -> Rgb:
    """Return the colour of a track, the same in every frame and figure."""
    return TRACK_COLOURS[(track_id - 1) % len(TRACK_COLOURS)]


def scale_bar(width_px: float, pixel_size_nm: float | None) -> tuple[float, str]:
    """Return the length in px and the label of a scale bar: 1, 2 or 5 of a unit, at most a fifth of the width.

    >>> scale_bar(320, 1.3)
    (38.46153846153846, '50 nm')
    """
    longest = width_px / 5 * (pixel_size_nm or 1.0)
    power = 10.0 ** math.floor(math.log10(longest))
    length = max(step * power for step in (1, 2, 5) if step * power <= longest * (1 + 1e-9))
    return length / (pixel_size_nm or 1.0), _length_text(length) if pixel_size_nm else f"{length:g} px"


def _length_text(length_nm: float) -> str:
    if length_nm >= 1000:
        return f"{length_nm / 1000:g} µm"
    return f"{length_nm:g} nm" if length_nm >= 1 else f"{length_nm * 1000:g} pm"


def _draw_outlines(picture: RgbImage, particle: DrawnParticle, layout: Layout) -> None:
    colour = colour_of(particle.track_id)
    points = layout.to_picture(particle.outline)
    wide = np.ptp(points[:, 0]) > _THIN_BELOW * 2**_SHIFT if len(points) else False
    thickness = 2 if wide and not particle.inferred else 1
    if particle.inferred:
        colour = _mixed(colour, (110, 110, 110))
    _draw_closed(picture, points, colour, thickness)
    if particle.core is not None and len(particle.core):
        _draw_closed(picture, layout.to_picture(particle.core), _mixed(colour, (255, 255, 255)), 1)


def _draw_closed(picture: RgbImage, points: NDArray[np.int32], colour: Rgb, thickness: int) -> None:
    cv2.polylines(picture, [points.reshape(-1, 1, 2)], True, colour, thickness, cv2.LINE_AA, _SHIFT)


def _mixed(a: Rgb, b: Rgb) -> Rgb:
    return (a[0] + b[0]) // 2, (a[1] + b[1]) // 2, (a[2] + b[2]) // 2


def _draw_numbers(picture: RgbImage, particles: Sequence[DrawnParticle], layout: Layout, lettering: Lettering) -> None:
    # In the order of the tracks, so that where two numbers would cover each other the same one shows in every frame.
    taken = np.zeros((picture.shape[0] // 4 + 1, picture.shape[1] // 4 + 1), bool)
    for particle in sorted(particles, key=lambda p: p.track_id):
        if not len(particle.outline):
            continue
        points = layout.to_picture(particle.outline) / 2**_SHIFT
        text = str(particle.track_id)
        if len(particles) > _FEW and np.ptp(points[:, 0]) < lettering.size(text)[1]:
            continue
        box = _number_box(points, lettering.size(text), picture.shape[:2])
        spot = (slice(box[0] // 4, box[2] // 4 + 1), slice(box[1] // 4, box[3] // 4 + 1))
        if not taken[spot].any():
            taken[spot] = True
            lettering.draw(picture, text, (box[0], box[1]), colour_of(particle.track_id))


def _number_box(points: Any, size: tuple[int, int], shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return (top, left, bottom, right) of a number: inside its particle, or above it where it would hide it."""
    height, width = size
    low, high = points.min(axis=0), points.max(axis=0)
    centre = (low + high) / 2
    top = centre[1] - height / 2
    if high[0] - low[0] < 2 * width:
        top = low[1] - height - 2
    top = int(np.clip(top, 0, max(shape[0] - height, 0)))
    left = int(np.clip(centre[0] - width / 2, 0, max(shape[1] - width, 0)))
    return top, left, top + height, left + width


def _draw_strip(
    picture: RgbImage, overlay: OverlayFrame, layout: Layout, lettering: Lettering, pixel_size_nm: float | None
) -> None:
    height = layout.image_px[0]
    middle = (height + picture.shape[0]) // 2
    text_height, status_width = lettering.size(overlay.status)
    top = middle - text_height // 2
    lettering.draw(picture, overlay.status, (top, 10), _INK)
    length, label = scale_bar(layout.image_px[1] / layout.zoom, pixel_size_nm)
    label_left = picture.shape[1] - 10 - lettering.size(label)[1]
    lettering.draw(picture, label, (top, label_left), _INK)
    bar_left = label_left - 8 - round(length * layout.zoom)
    cv2.rectangle(picture, (bar_left, middle - 2), (label_left - 9, middle + 2), _INK, cv2.FILLED)
    if overlay.warning:
        room = bar_left - 20 - (status_width + 30)
        lettering.draw(picture, lettering.cut(overlay.warning, room), (top, status_width + 30), _WARNING)
