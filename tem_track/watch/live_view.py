"""The files of a live view: the newest frame with its outlines, the curves, and the state in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from tem_track.movie import FloatArray, Frames, finite
from tem_track.tables import TRACKS, Table, select_rows
from tem_track.watch.live_measure import LiveCurves, LiveMeasurement
from tem_track.watch.state import CHARTS, CURVE_FILE, PICTURE_FILE
from tem_track.write.drawing import DrawnLine, DrawnParticle, OverlayFrame, colour_of, draw_frame, layout_of
from tem_track.write.expected_levels import ExpectedLevel
from tem_track.write.files import whole_file, write_text
from tem_track.write.lettering import Lettering
from tem_track.write.live_chart import Level, Line, line_chart
from tem_track.write.overlay import grey_window
from tem_track.write.tables import write_table

# Longest side of the picture on the page, px, and its quality: noise needs no more, and a page is read every second.
_PICTURE_PX, _QUALITY = 720, 82
# With more curves than this single ones only blacken the chart.
_TOLD_APART = 12
# Two-sided 95 % of a normal distribution.
_TWO_SIDED_95 = 1.96
# The unit of the time axis: the largest of which three have passed; s in each.
_UNITS = (("h", 3600.0), ("min", 60.0), ("s", 1.0))
# What has darkened, as in the figures of the front.
_FRONT, _FRONT_RGB = "#ff8040", (255, 128, 64)
_CURVE_COLUMNS = ("track_id", "frame", "time_s", "temperature_c", "y_px", "x_px", "area_px", "volume_ratio")


@dataclass
class LiveView:
    """Writes what a live measurement shows into a folder.

    Attributes
    ----------
    folder : Path
    pixel_size_nm : float or None
    expected : sequence of ExpectedLevel
        Of V/V0, drawn across the curves.
    """

    folder: Path
    pixel_size_nm: float | None = None
    expected: Sequence[ExpectedLevel] = ()
    _lettering: Lettering = field(default_factory=Lettering)
    _window: tuple[float, float] | None = None

    def write_picture(self, frames: Frames, measured: LiveMeasurement, status: str) -> None:
        """Write the newest measured frame with its outlines as JPEG."""
        newest = measured.frames[-1]
        if len(measured.frames) % 16 == 0:
            self._window = None
        overlay = OverlayFrame(_particles(measured), status, newest.reason, _darkened(measured))
        self.write_frame(frames, newest.number, overlay)

    def write_frame(self, frames: Frames, number: int, overlay: OverlayFrame) -> None:
        """Write a frame with something drawn over it as JPEG."""
        frame = finite(frames[number])
        self._window = self._window or grey_window(frames)
        layout = layout_of(frame.shape, _PICTURE_PX)
        drawn = draw_frame(frame, overlay, self._window, layout, self._lettering, self.pixel_size_nm)
        # OpenCV speaks blue, green, red.
        stored = cv2.imencode(".jpg", drawn[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]
        with whole_file(self.folder / PICTURE_FILE) as aside:
            aside.write_bytes(stored.tobytes())

    def write_curves(self, curves: LiveCurves, timed: bool) -> None:
        """Write V/V0 so far as a chart and as a table."""
        write_text(self.folder / CHARTS["curve"], curve_chart(curves, timed, self.expected))
        wanted = (*_CURVE_COLUMNS, "volume_ratio_sd")
        columns = [column for column in TRACKS if column.name in wanted]
        order = np.lexsort((curves.tracks["track_id"], curves.tracks["frame"]))
        table = {name: curves.tracks[name][order] for name in wanted}
        if not timed:
            table["time_s"] = np.full(len(order), np.nan)
        write_table(self.folder / CURVE_FILE, columns, table)

    def remove_curves(self) -> None:
        """Take away what was drawn of particles that turned out to be none."""
        for name in (CHARTS["curve"], CURVE_FILE):
            (self.folder / name).unlink(missing_ok=True)

    def write_film(self, measured: LiveMeasurement, x: FloatArray, x_label: str) -> None:
        """Write the darkened share of the field so far as a chart."""
        assert measured.film is not None
        share = np.full(len(measured.frames), np.nan)
        used = [i for i, frame in enumerate(measured.frames) if not frame.reason]
        share[used] = measured.film.share
        known = share[np.isfinite(share)]
        label = f"{known[-1]:.1%}" if len(known) else ""
        chart = line_chart(
            [Line(x, 100 * share, _FRONT, None, label, 2.0)], x_label, "Darker than before (%)", [Level(0.0)]
        )
        write_text(self.folder / CHARTS["film"], chart)

    def write_drift(self, measured: LiveMeasurement, times_s: FloatArray, timed: bool) -> None:
        """Write the drift so far as a chart."""
        path = np.array([frame.drift_px for frame in measured.frames])
        x, unit = time_axis(times_s, timed)
        lines = [
            Line(x, path[:, axis], colour, label=label)
            for axis, colour, label in ((0, "#ff8040", "down"), (1, "#56beff", "right"))
        ]
        write_text(self.folder / CHARTS["drift"], line_chart(lines, unit, "Drift (px)", [Level(0.0)]))


def curve_chart(curves: LiveCurves, timed: bool, expected: Sequence[ExpectedLevel] = ()) -> str:
    """Return V/V0 of each particle, in the colours of their outlines, and their mean with its 95 % band, as SVG.

    Levels that theory expects stand across it, dotted, with their names.
    """
    tracks, mean = curves.tracks, curves.population
    x, unit = time_axis(mean["time_s"], timed)
    frames = mean["frame"]
    numbers = np.unique(tracks["track_id"]).tolist()
    lines = []
    for number in numbers:
        rows = select_rows(tracks, (tracks["track_id"] == number) & np.isfinite(tracks["volume_ratio"]))
        at = np.searchsorted(frames, rows["frame"])
        faint = 0.75 if len(numbers) <= _TOLD_APART else 0.3
        lines.append(Line(x[at], rows["volume_ratio"], _hex(number), width=1.0, opacity=faint))
    known = np.isfinite(mean["volume_ratio_mean"])
    if known.any():
        band = _TWO_SIDED_95 * np.nan_to_num(mean["volume_ratio_sem"][known])
        last = f"{mean['volume_ratio_mean'][known][-1]:.3f}"
        lines.append(Line(x[known], mean["volume_ratio_mean"][known], "#ffffff", band, last, 2.4))
    levels = [Level(1.0), *(Level(one.volume_ratio, one.name) for one in expected)]
    return line_chart(lines, unit, "Volume ratio V/V0", levels)


def _particles(measured: LiveMeasurement) -> list[DrawnParticle]:
    """Return the outlines of the newest frame, if they are of it."""
    outlines = measured.newest
    if outlines is None or not len(outlines) or measured.frames[-1].reason:
        return []
    last = int(outlines.frame.max())
    return [DrawnParticle(int(outlines.track_id[i]), outlines.outline(i)) for i in outlines.rows_of_frame(last)]


def _darkened(measured: LiveMeasurement) -> list[DrawnLine]:
    """Return the outlines of what has darkened of a film, in the newest frame."""
    newest = measured.frames[-1]
    if measured.film is None or not np.isfinite(newest.drift_px).all():
        return []
    return [DrawnLine(points, _FRONT_RGB) for points in measured.film.outlines(newest.drift_px)]


def time_axis(times_s: FloatArray, timed: bool) -> tuple[FloatArray, str]:
    """Return times in a unit that suits them, and the label of the axis."""
    if not timed:
        return times_s, "Frame"
    length = float(times_s[-1] - times_s[0]) if len(times_s) else 0.0
    name, seconds = next(((name, s) for name, s in _UNITS if length >= 3 * s), _UNITS[-1])
    return times_s / seconds, f"Time ({name})"


def _hex(track_id: int) -> str:
    red, green, blue = colour_of(track_id)
    return f"#{red:02x}{green:02x}{blue:02x}"


def newest_mean(population: Table) -> int | None:
    """Return the row of the last known mean V/V0, None where there is none."""
    known = np.flatnonzero(np.isfinite(population["volume_ratio_mean"]))
    return int(known[-1]) if len(known) else None
