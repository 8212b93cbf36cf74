"""The particles of a run: tables, label images, outlines over the movie, figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tem_track.movie import Mask, Movie
from tem_track.outcome import particle_facts, theory_facts
from tem_track.pipeline.measure import Measurement
from tem_track.pipeline.rows import drift_rows, event_rows, without_times
from tem_track.pipeline.sensitivity import sensitivity_record
from tem_track.pipeline.theory import Theory
from tem_track.pipeline.uncertainty import uncertainty_budget
from tem_track.tables import Table, row_count
from tem_track.theory import kind_means
from tem_track.write.contours import closed_contours
from tem_track.write.drawing import DrawnParticle, OverlayFrame
from tem_track.write.files import RunFolder
from tem_track.write.overlay import status_of
from tem_track.write.stacks import write_label_stack

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class ParticlePart:
    """The particles of a movie, ready to be written.

    Attributes
    ----------
    movie : Movie
    measured : Measurement
    theory : Theory or None
        What V/V0 is compared with.
    sensitivity : Table or None
        The final V/V0 under shifted settings.
    """

    movie: Movie
    measured: Measurement
    theory: Theory | None = None
    sensitivity: Table | None = None

    @property
    def usable(self) -> Mask:
        """Return which frames could be measured."""
        return self.measured.quality.usable

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return the warnings of the measurement."""
        return self.measured.warnings

    def tables(self) -> dict[str, Table]:
        """Return the tables by file name; a single image has no curves and so no stages or population."""
        movie, measured = self.movie, self.measured
        expansion = measured.expansion
        tables = {
            "drift.csv": drift_rows(movie, measured.quality, measured.drift),
            "tracks.csv": without_times(expansion.tracks, movie.timed),
            "particles.csv": expansion.particles,
            "stages.csv": expansion.stages,
            "events.csv": event_rows(measured.tracks, expansion.onset_events, movie.timed),
            "expansion.csv": without_times(expansion.population, movie.timed),
        }
        if self.theory:
            tables["theory.csv"] = self.theory.compared(tables)
        if self.sensitivity is not None:
            tables["sensitivity.csv"] = self.sensitivity
        return tables

    def write_files(self, folder: RunFolder) -> None:
        """Write the label images of particles and, where there are some, of cores."""
        movie, measured = self.movie, self.measured
        interval = float(np.median(np.diff(movie.times_s))) if movie.timed and len(movie) > 1 else None
        stacks = {"labels.tif": measured.labels}
        if np.isfinite(measured.outlines.core_ratio).any():
            stacks["cores.tif"] = measured.cores
        for name, stack in stacks.items():
            write_label_stack(
                folder.file(name),
                stack,
                shape=movie.shape,
                largest=int(measured.tracks.rows["track_id"].max()),
                pixel_size_nm=movie.calibration.pixel_size_nm,
                frame_interval_s=interval,
            )

    def picture(self, k: int) -> OverlayFrame:
        """Return the outlines and cores of frame k, bridged particles faint."""
        measured, outlines = self.measured, self.measured.outlines
        particles = [
            DrawnParticle(int(outlines.track_id[i]), outlines.outline(i), outlines.core_outline(i))
            for i in outlines.rows_of_frame(k)
        ]
        if k in self._bridged:
            labels = measured.labels[k]
            particles += [
                DrawnParticle(track, contour, inferred=True)
                for track in self._bridged[k]
                for contour in closed_contours(labels == track)
            ]
        return OverlayFrame(particles, status_of(self.movie, k), measured.quality.reason[k] or measured.drift.reason[k])

    def figures(self, tables: Mapping[str, Table]) -> Iterator[tuple[str, Figure]]:
        """Yield the figures of particles and drift."""
        from tem_track.write.figures import run_figures

        return run_figures(
            tables,
            self.movie.frames,
            self.picture,
            usable=self.usable,
            pixel_size_nm=self.movie.calibration.pixel_size_nm,
            timed=self.movie.timed,
            expected=self.theory.lines if self.theory else (),
        )

    def outcome(self, tables: Mapping[str, Table]) -> dict[str, Any]:
        """Return how many particles there are and what they were taken for."""
        appearance = self.measured.appearance
        return {
            "particles": row_count(tables["particles.csv"]),
            "frames_unusable": int((tables["drift.csv"]["usable"] == 0).sum()),
            "polarity": appearance.polarity,
            "polarity_reason": appearance.polarity_reason,
            "particle_like": appearance.particle_like,
            "particle_like_reason": appearance.reason,
            "support_taken_out_tracks": list(self.measured.outlines.support_taken_out),
            "size_limits_px": [appearance.min_diameter_px, appearance.max_diameter_px],
        }

    def record(self, tables: Mapping[str, Table]) -> dict[str, Any]:
        """Return the blocks of theory, uncertainty and sensitivity."""
        shifted = self.sensitivity
        return {
            "theory": self.theory.record(tables["theory.csv"]) if self.theory else None,
            "uncertainty": uncertainty_budget(tables["particles.csv"]),
            "sensitivity": None if shifted is None else sensitivity_record(shifted),
        }

    def facts(self, tables: Mapping[str, Table]) -> list[tuple[str, str]]:
        """Return the lines about particles and theory."""
        compared = theory_facts(kind_means(tables["theory.csv"])) if self.theory else []
        return [*particle_facts(tables["particles.csv"]), *compared]

    @cached_property
    def _bridged(self) -> dict[int, list[int]]:
        """Return the tracks that were carried across each frame."""
        bridged: dict[int, list[int]] = {}
        rows = self.measured.expansion.tracks
        columns = (rows[name].tolist() for name in ("frame", "track_id", "state"))
        for k, track, state in zip(*columns, strict=True):
            if state == "inferred":
                bridged.setdefault(k, []).append(track)
        return bridged
