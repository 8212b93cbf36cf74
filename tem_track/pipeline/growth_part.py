"""The objects that grow, as part of a run: tables, label images, outlines over the movie, figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tem_track.movie import Mask, Movie
from tem_track.outcome import growth_facts
from tem_track.pipeline.growth import GrowthMeasurement
from tem_track.pipeline.growth_rows import growth_tables
from tem_track.pipeline.rows import drift_rows
from tem_track.tables import Table, row_count
from tem_track.write.contours import closed_contours
from tem_track.write.drawing import DrawnParticle, OverlayFrame
from tem_track.write.files import RunFolder
from tem_track.write.overlay import status_of
from tem_track.write.stacks import write_label_stack

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class GrowthPart:
    """The objects that grow in a movie, ready to be written.

    Attributes
    ----------
    movie : Movie
    measured : GrowthMeasurement
    """

    movie: Movie
    measured: GrowthMeasurement

    @property
    def usable(self) -> Mask:
        """Return which frames could be measured."""
        return self.measured.usable

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return the warnings of the measurement."""
        return self.measured.warnings

    def tables(self) -> dict[str, Table]:
        """Return the tables by file name."""
        return {"drift.csv": drift_rows(self.movie, self.measured.quality, self.measured.drift), **self._tables}

    def write_files(self, folder: RunFolder) -> None:
        """Write the label images of the objects."""
        movie = self.movie
        interval = float(np.median(np.diff(movie.times_s))) if movie.timed and len(movie) > 1 else None
        write_label_stack(
            folder.file("labels.tif"),
            self.measured.objects.labels,
            shape=movie.shape,
            largest=max((row.track_id for row in self.measured.objects.rows), default=0),
            pixel_size_nm=movie.calibration.pixel_size_nm,
            frame_interval_s=interval,
        )

    def picture(self, k: int) -> OverlayFrame:
        """Return the outlines of frame k, bridged ones faint."""
        measured, labels = self.measured, self.measured.objects.labels[k]
        drawn = [
            DrawnParticle(int(track), contour, inferred=not measured.usable[k])
            for track in np.unique(labels[labels > 0])
            for contour in closed_contours(labels == track)
        ]
        return OverlayFrame(drawn, status_of(self.movie, k), measured.quality.reason[k] or measured.drift.reason[k])

    def figures(self, tables: Mapping[str, Table]) -> Iterator[tuple[str, Figure]]:
        """Yield the figures of the growth."""
        from tem_track.write.growth_figures import growth_figures

        growth = self.measured.growth
        return growth_figures(
            self.movie,
            tables,
            self.picture,
            self.usable,
            start=None if growth is None else growth.start,
            before=None if growth is None else growth.before,
        )

    def outcome(self, tables: Mapping[str, Table]) -> dict[str, Any]:
        """Return how many objects grew."""
        return {
            "objects": row_count(tables["growth.csv"]),
            "frames_unusable": int((tables["drift.csv"]["usable"] == 0).sum()),
        }

    def record(self, tables: Mapping[str, Table]) -> dict[str, Any]:
        """Return the block of the growth: one entry per object."""
        growth = tables["growth.csv"]
        return {"growth": [{name: column[i] for name, column in growth.items()} for i in range(row_count(growth))]}

    def facts(self, tables: Mapping[str, Table]) -> list[tuple[str, str]]:
        """Return the lines about the objects."""
        return growth_facts(tables["growth.csv"])

    @cached_property
    def _tables(self) -> dict[str, Table]:
        return growth_tables(self.movie, self.measured)
