"""What a file is understood to be, without analysing it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tem_track.movie import MeasuredFrames, Movie
from tem_track.pipeline.analyze import open_for
from tem_track.read import describe
from tem_track.settings import InputSettings, Settings


def inspect(path: Path, settings: InputSettings, times: Path | None = None) -> dict[str, Any]:
    """Return JSON-ready facts about a recording: shape, calibration, times, temperature, polarity, unusable frames.

    The polarity is a guess from a few frames of the movie.

    Raises
    ------
    InputError
        The file cannot be read as a movie.
    """
    movie = open_for(path, settings, times)
    return describe(movie) | {"polarity": _polarity(movie)}


def _polarity(movie: Movie) -> dict[str, Any]:
    from tem_track.segment import learn_appearance

    appearance = learn_appearance(
        MeasuredFrames(movie.frames),
        usable=None,
        fixed=None,
        pixel_size_nm=movie.calibration.pixel_size_nm,
        settings=Settings().segment,
    )
    return {
        "guess": appearance.polarity,
        "confidence": round(appearance.polarity_confidence, 3),
        "reason": appearance.polarity_reason,
        "particle_like": round(appearance.particle_like, 3),
        "particles": appearance.reason,
    }
