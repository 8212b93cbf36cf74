"""The tables of objects that grow, put together from what the stages hand over."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

import numpy as np

from tem_track.front.growth.objects import GrownObject
from tem_track.front.growth.onset import Onset, growth_onset, growth_rates
from tem_track.movie import FloatArray, Movie
from tem_track.pipeline.growth import GrowthMeasurement
from tem_track.tables import EVENTS, GROWTH, GROWTH_RATES, PARTICLES, TRACKS, Table, table_from_rows

# Frames at the end whose mean is the final area.
_LAST = 5


def growth_tables(movie: Movie, measured: GrowthMeasurement) -> dict[str, Table]:
    """Return tracks, particles, events, growth and growth rates by file name."""
    tracks = [
        _Course(movie, measured, list(rows)) for _, rows in groupby(measured.objects.rows, lambda row: row.track_id)
    ]
    events = [
        {
            "frame": k,
            "time_s": _time(movie, k),
            "event": "coalescence",
            "track_id": product,
            "other_track_ids": _joined(parents),
        }
        for k, product, parents in measured.objects.merged
    ]
    events += [event for track in tracks for event in track.events()]
    events.sort(key=lambda event: (event["frame"], event["track_id"]))
    return {
        "tracks.csv": table_from_rows(TRACKS, [row for track in tracks for row in track.track_rows()]),
        "particles.csv": table_from_rows(PARTICLES, [track.particle() for track in tracks]),
        "events.csv": table_from_rows(EVENTS, events),
        "growth.csv": table_from_rows(GROWTH, [track.summary() for track in tracks]),
        "growth_rates.csv": table_from_rows(GROWTH_RATES, [row for track in tracks for row in track.rate_rows()]),
    }


@dataclass(frozen=True)
class _Course:
    """One object through the movie."""

    movie: Movie
    measured: GrowthMeasurement
    rows: list[GrownObject]

    @property
    def track_id(self) -> int:
        return self.rows[0].track_id

    @cached_property
    def frames(self) -> list[int]:
        return [row.frame for row in self.rows]

    @cached_property
    def areas(self) -> FloatArray:
        """Areas in px; those of frames that could not be measured lie between their neighbours'."""
        areas, seen = np.array([row.area_px for row in self.rows]), self.measured_rows
        return np.interp(np.arange(len(areas)), seen, areas[seen]) if seen.size else areas

    @cached_property
    def areas_sd(self) -> FloatArray:
        return np.array([row.area_sd_px for row in self.rows])

    @cached_property
    def measured_rows(self) -> Any:
        """Rows of frames that could be measured: the others are bridged."""
        return np.flatnonzero(self.measured.usable[self.frames])

    @cached_property
    def rates(self) -> tuple[FloatArray, FloatArray]:
        """Rate and its uncertainty in px of area per unit of `times_s`."""
        return growth_rates(self.movie.times_s[self.frames], self.areas)

    @cached_property
    def onset(self) -> Onset:
        """The onset in units of `times_s`."""
        seen = self.measured_rows
        earlier = np.flatnonzero(self.measured.usable[: self.frames[0]])
        before = float(self.movie.times_s[earlier[-1]]) if earlier.size else float("nan")
        merged = {product for _, product, _ in self.measured.objects.merged}
        if self.track_id in merged | self.measured.objects.standing():
            before = float("nan")
        return growth_onset(self.movie.times_s[self.frames][seen], self.areas[seen], self.areas_sd[seen], before)

    def track_rows(self) -> list[dict[str, Any]]:
        """Return the rows of TRACKS."""
        found = []
        for row, area, sd in zip(self.rows, self.areas, self.areas_sd, strict=True):
            dy, dx = self.measured.drift.displacement_px[row.frame]
            diameter = 2 * np.sqrt(area / np.pi)
            found.append(
                {
                    "track_id": row.track_id,
                    "lineage_id": row.lineage_id,
                    "frame": row.frame,
                    **self._when(row.frame),
                    "y_px": row.y_px + dy,
                    "x_px": row.x_px + dx,
                    "y_specimen_px": row.y_px,
                    "x_specimen_px": row.x_px,
                    "area_px": area,
                    "area_sd_px": sd,
                    "area_nm2": area * self._nm2,
                    "area_sd_nm2": sd * self._nm2,
                    "equivalent_diameter_px": diameter,
                    "equivalent_diameter_nm": diameter * np.sqrt(self._nm2),
                    "equivalent_diameter_sd_nm": diameter * sd / (2 * area) * np.sqrt(self._nm2),
                    "touches_border": int(row.touches_border),
                    "state": "whole" if self.measured.usable[row.frame] else "inferred",
                }
            )
        return found

    def particle(self) -> dict[str, Any]:
        """Return the row of PARTICLES."""
        timed = self.movie.timed
        return {
            "track_id": self.track_id,
            "lineage_id": self.rows[0].lineage_id,
            "kind": "solid",
            "first_frame": self.frames[0],
            "last_frame": self.frames[-1],
            "onset_s": self.onset.time if timed else np.nan,
            "onset_low_s": self.onset.low if timed else np.nan,
            "onset_high_s": self.onset.high if timed else np.nan,
            "onset_frame": self._frame_at(self.onset.time),
            "fate": self._fate(),
        }

    def summary(self) -> dict[str, Any]:
        """Return the row of GROWTH."""
        rate, sd = self.rates
        known = np.isfinite(rate)
        fastest = int(np.argmax(np.where(known, rate, -np.inf)))
        last = slice(-_LAST, None)
        half = self.movie.times_s[self.frames][int(np.argmax(self.areas >= 0.5 * self.areas.max()))]
        named = (
            ("onset", self.onset.time),
            ("onset_low", self.onset.low),
            ("onset_high", self.onset.high),
            ("half", half),
        )
        per_s = self._nm2 if self.movie.timed else np.nan
        return {
            "track_id": self.track_id,
            **{f"{name}_c": self._temperature_at(time) for name, time in named},
            **({f"{name}_s": time for name, time in named} if self.movie.timed else {}),
            "onset_frame": self._frame_at(self.onset.time),
            "first_seen_c": self._when(self.frames[0])["temperature_c"],
            "first_seen_frame": self.frames[0],
            "final_area_nm2": self.areas[last].mean() * self._nm2,
            "final_area_sd_nm2": self.areas_sd[last].mean() * self._nm2,
            "final_area_px": self.areas[last].mean(),
            "max_rate_nm2_per_s": rate[fastest] * per_s,
            "max_rate_sd_nm2_per_s": sd[fastest] * per_s,
            "max_rate_c": self._when(self.frames[fastest])["temperature_c"] if known.any() else np.nan,
            "touches_border": int(any(row.touches_border for row in self.rows)),
        }

    def rate_rows(self) -> list[dict[str, Any]]:
        """Return the rows of GROWTH_RATES."""
        per_s = self._nm2 if self.movie.timed else np.nan
        per_frame = growth_rates(np.array(self.frames, np.float64), self.areas)[0]
        return [
            {
                "track_id": self.track_id,
                "frame": k,
                **self._when(k),
                "area_px": self.areas[i],
                "area_nm2": self.areas[i] * self._nm2,
                "area_sd_nm2": self.areas_sd[i] * self._nm2,
                "rate_nm2_per_s": self.rates[0][i] * per_s,
                "rate_sd_nm2_per_s": self.rates[1][i] * per_s,
                "rate_px_per_frame": per_frame[i],
            }
            for i, k in enumerate(self.frames)
        ]

    def events(self) -> list[dict[str, Any]]:
        """Return the onset as a row of EVENTS, if it is known."""
        frame = self._frame_at(self.onset.time)
        if not np.isfinite(frame):
            return []
        return [
            {
                "frame": round(frame),
                "time_s": self.onset.time if self.movie.timed else np.nan,
                "event": "onset",
                "track_id": self.track_id,
                "other_track_ids": "",
            }
        ]

    def _fate(self) -> str:
        if self.track_id in {parent for _, _, parents in self.measured.objects.merged for parent in parents}:
            return "merged"
        return "whole" if self.frames[-1] == len(self.movie) - 1 else "lost"

    def _when(self, k: int) -> dict[str, float]:
        heated = self.movie.temperatures_c
        return {"time_s": _time(self.movie, k), "temperature_c": np.nan if heated is None else float(heated[k])}

    def _temperature_at(self, time: float) -> float:
        heated = self.movie.temperatures_c
        # An onset is looked for before the first sight, never before the movie.
        return np.nan if heated is None or not np.isfinite(time) else float(np.interp(time, self.movie.times_s, heated))

    def _frame_at(self, time: float) -> float:
        return float(np.interp(time, self.movie.times_s, np.arange(len(self.movie)))) if np.isfinite(time) else np.nan

    @property
    def _nm2(self) -> float:
        size = self.movie.calibration.pixel_size_nm
        return np.nan if size is None else size**2


def _time(movie: Movie, k: int) -> float:
    return float(movie.times_s[k]) if movie.timed else np.nan


def _joined(tracks: tuple[int, ...]) -> str:
    return "+".join(map(str, tracks))
