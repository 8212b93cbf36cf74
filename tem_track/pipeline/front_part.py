"""The front of a run: maps, tables, front and grain boundaries over the movie, figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tem_track.movie import FloatArray, Mask, Movie
from tem_track.outcome import front_facts
from tem_track.pipeline.front import FrontMeasurement
from tem_track.pipeline.rows import drift_rows, without_times
from tem_track.tables import Table, row_count
from tem_track.write.contours import grain_lines, region_lines
from tem_track.write.drawing import DrawnLine, OverlayFrame
from tem_track.write.files import RunFolder
from tem_track.write.maps import write_map
from tem_track.write.overlay import status_of
from tem_track.write.run import write_json
from tem_track.write.tint import DrawnArea

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Colours of the overlay: the front as hot as it is, boundaries as faint as they are.
_FRONT_COLOUR, _BOUNDARY_COLOUR = (255, 176, 0), (86, 190, 255)


@dataclass(frozen=True)
class FrontPart:
    """The front of a movie, ready to be written.

    Attributes
    ----------
    movie : Movie
    measured : FrontMeasurement
    """

    movie: Movie
    measured: FrontMeasurement

    @property
    def usable(self) -> Mask:
        """Return which frames were measured."""
        return self.measured.usable

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return the warnings of the measurement."""
        return self.measured.warnings

    def tables(self) -> dict[str, Table]:
        """Return the tables by file name."""
        drift = drift_rows(self.movie, self.measured.quality, self.measured.drift)
        fronts = {name: without_times(table, self.movie.timed) for name, table in self.measured.front.tables.items()}
        if self.measured.dark is not None:
            fronts["front/dark.csv"] = without_times(self.measured.dark, self.movie.timed)
        return {"drift.csv": drift, **fronts}

    def write_files(self, folder: RunFolder) -> None:
        """Write the arrival time map, its uncertainty, the grains and the summary."""
        size, arrival = self.movie.calibration.pixel_size_nm, self.measured.arrival
        scale = _seconds_per_frame(self.movie)
        maps = {
            "arrival_time": _times(self.movie, arrival.frame),
            "arrival_time_sd": (arrival.sd_frames * scale).astype(np.float32),
        }
        for name, image in maps.items():
            write_map(folder.file(f"front/{name}.tif"), image, pixel_size_nm=size, unit="s")
        grains = self.measured.grains
        write_map(folder.file("front/grains.tif"), grains.labels, pixel_size_nm=size)
        # 0 = none, 1 = shown by the picture, 2 = by the front alone.
        source = np.where(grains.by_front, 2, grains.boundary).astype(np.int32)
        write_map(folder.file("front/boundaries.tif"), source, pixel_size_nm=size)
        write_json(folder.file("front/summary.json"), self.measured.front.summary)

    def picture(self, k: int) -> OverlayFrame:
        """Return front and grain boundaries of frame k, or its dark places where no front can be told."""
        measured = self.measured
        reason = measured.quality.reason[k] or measured.drift.reason[k]
        if measured.dark_in is not None:
            dark = measured.dark_in(k) if measured.quality.usable[k] else np.zeros(self.movie.shape[1:], bool)
            return OverlayFrame((), status_of(self.movie, k), reason, _lines_of(dark))
        moved = measured.drift.displacement_px[k]
        if not np.isfinite(moved).all():
            return OverlayFrame((), status_of(self.movie, k), reason)
        lines = [DrawnLine(points + moved, _BOUNDARY_COLOUR) for points in self._boundaries]
        front = np.nan_to_num(measured.arrival.frame, nan=np.inf) <= k
        lines += [DrawnLine(points + moved, _FRONT_COLOUR, 2) for points in region_lines(front)]
        return OverlayFrame((), status_of(self.movie, k), reason, lines, [DrawnArea(front, moved, _FRONT_COLOUR)])

    def figures(self, tables: Mapping[str, Table]) -> Iterator[tuple[str, Figure]]:
        """Yield the figures of the front."""
        from tem_track.write.front_figures import FrontPicture, front_figures

        measured = self.measured
        picture = FrontPicture(
            self.movie,
            measured.arrival.frame,
            measured.grains.labels,
            measured.grains.distance_px,
            measured.before,
            self.usable,
            self.picture,
            told=measured.dark_in is None,
        )
        return front_figures(picture, tables)

    def outcome(self, tables: Mapping[str, Table]) -> dict[str, Any]:
        """Return the findings that sum up the front."""
        unusable = {"frames_unusable": int((tables["drift.csv"]["usable"] == 0).sum())}
        if self.measured.dark_in is not None:
            return unusable
        return {
            "grains": row_count(tables["front/grains.csv"]),
            "crossings": row_count(tables["front/crossings.csv"]),
            "nuclei": row_count(tables["front/nuclei.csv"]),
            **unusable,
        }

    def record(self, tables: Mapping[str, Table]) -> dict[str, Any]:
        """Return the block of the front."""
        return {"front": self.measured.front.summary}

    def facts(self, tables: Mapping[str, Table]) -> list[tuple[str, str]]:
        """Return the lines about the front."""
        return front_facts(self.measured.front.summary, tables)

    @cached_property
    def _boundaries(self) -> list[FloatArray]:
        return grain_lines(self.measured.grains.labels)


def _lines_of(places: Mask) -> list[DrawnLine]:
    return [DrawnLine(points, _FRONT_COLOUR) for points in region_lines(places)]


def _times(movie: Movie, frames: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> Any:
    """Return fractional frame numbers as times in s, NaN kept; frame numbers where the movie has no times."""
    numbers = np.arange(len(movie), dtype=np.float64)
    return np.where(np.isfinite(frames), np.interp(frames, numbers, movie.times_s), np.nan).astype(np.float32)


def _seconds_per_frame(movie: Movie) -> float:
    return float(np.median(np.diff(movie.times_s))) if len(movie) > 1 else 1.0
