"""A movie as the settings say it is: its pixel size, times and temperatures."""

from __future__ import annotations

from pathlib import Path

from tem_track.movie import Movie
from tem_track.read import open_movie, temperature_of_movie
from tem_track.settings import InputSettings


def open_for(path: Path, settings: InputSettings, times: Path | None, temperature: Path | None = None) -> Movie:
    """Return the movie at a path, with times and temperatures as the settings say."""
    movie = open_movie(
        path,
        pixel_size_nm=settings.pixel_size_nm or None,
        frame_interval_s=settings.frame_interval_s or None,
        times=times,
        allow_truncated=settings.allow_truncated,
    )
    return temperature_of_movie(
        movie,
        log=temperature,
        ramp=settings.ramp,
        offset=settings.log_offset,
        columns=settings.temperature_columns,
    )
