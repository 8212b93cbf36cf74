"""The facts about a movie, ready for JSON."""

from __future__ import annotations

from typing import Any

import numpy as np

from tem_track.movie import Movie


def describe(movie: Movie) -> dict[str, Any]:
    """Return what was understood of a movie, as plain numbers, text and lists; None where it is not known.

    Parameters
    ----------
    movie : Movie

    Returns
    -------
    dict
        ``name, format, frames, height_px, width_px, dtype, pixel_size_nm, pixel_size_source, field_nm`` (height,
        width), ``timed, time_source, interval_s`` (median), ``interval_range_s, duration_s, temperature_range_c,
        temperature_source, unusable`` (a list of frame and reason), ``notes, warnings``.
    """
    frames, height, width = movie.shape
    pixel_nm = movie.calibration.pixel_size_nm
    steps = np.diff(movie.times_s) if movie.timed and frames > 1 else None
    return {
        "name": movie.name,
        "format": movie.format,
        "frames": frames,
        "height_px": height,
        "width_px": width,
        "dtype": str(movie.dtype),
        "pixel_size_nm": pixel_nm,
        "pixel_size_source": movie.calibration.source,
        "field_nm": None if pixel_nm is None else [height * pixel_nm, width * pixel_nm],
        "timed": movie.timed,
        "time_source": movie.time_source,
        "interval_s": None if steps is None else float(np.median(steps)),
        "interval_range_s": None if steps is None else [float(steps.min()), float(steps.max())],
        "duration_s": float(movie.times_s[-1]) if steps is not None else None,
        "temperature_range_c": _range(movie.temperatures_c),
        "temperature_source": movie.temperature_source or None,
        "unusable": [{"frame": int(frame), "reason": reason} for frame, reason in sorted(movie.unusable.items())],
        "notes": list(movie.notes),
        "warnings": list(movie.warnings),
    }


def _range(values: Any) -> list[float] | None:
    if values is None or not np.isfinite(values).any():
        return None
    return [float(np.nanmin(values)), float(np.nanmax(values))]
