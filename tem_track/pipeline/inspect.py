"""What a file is understood to be, without analysing it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tem_track.movie import MeasuredFrames, Movie
from tem_track.pipeline.opening import open_for
from tem_track.read import describe
from tem_track.settings import InputSettings, Settings

# Longest side of the pictures that the polarity is guessed from, px.
COARSE_PX = 384


def inspect(
    path: Path, settings: InputSettings, times: Path | None = None, temperature: Path | None = None
) -> dict[str, Any]:
    """Return JSON-ready facts about a recording: shape, calibration, times, temperature, polarity, unusable frames.

    The polarity is a guess from three frames, coarsely: the answer should come at once.

    Raises
    ------
    InputError
        The file cannot be read as a movie.
    """
    movie = open_for(path, settings, times, temperature)
    return describe(movie) | {"polarity": _polarity(movie)}


def _polarity(movie: Movie) -> dict[str, Any]:
    from tem_track.segment import learn_appearance
    from tem_track.segment.candidates import binned

    measured = MeasuredFrames(movie.frames)
    coarse = max(1, -(-max(movie.shape[1:]) // COARSE_PX))
    few = sorted({0, len(movie) // 2, len(movie) - 1})
    appearance = learn_appearance(
        [binned(measured[k], coarse) for k in few],
        usable=None,
        fixed=None,
        pixel_size_nm=None,
        settings=Settings().segment,
    )
    return {
        "guess": appearance.polarity,
        "confidence": round(appearance.polarity_confidence, 3),
        "reason": appearance.polarity_reason,
        "particle_like": round(appearance.particle_like, 3),
        "particles": appearance.reason,
    }
