"""The first look at a movie, common to every analysis: grey zero, camera pixels, frame quality, rough drift."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from tem_track.drift import Drift, FrameQuality, find_fixed_pixels, picture_mask, survey_frames
from tem_track.errors import InputError
from tem_track.movie import Frames, Image, Mask, MeasuredFrames, Movie, finite
from tem_track.pipeline.checkpoints import Checkpoints
from tem_track.pipeline.in_order import in_order, share_out_work
from tem_track.pipeline.reporter import Clock, Reporter
from tem_track.settings import Settings

# Frames looked at for grey values below zero, and how far read noise alone may go there (share of the range).
_SAMPLED, _NOISE_BELOW = 7, 0.05


@dataclass(frozen=True)
class Survey:
    """What is known of a movie before anything in it is measured.

    Attributes
    ----------
    frames : MeasuredFrames
    zero : float
        Grey value that stands for no electrons.
    fixed : (Y, X) bool
        Pixels that belong to the camera: burned-in bars and words, borders.
    quality : FrameQuality
    drift : Drift
        Rough.
    """

    frames: MeasuredFrames
    zero: float
    fixed: Mask
    quality: FrameQuality
    drift: Drift

    def unseen(self, frame: Image) -> Mask:
        """Return what a frame does not show of the specimen: overlays, and the border that an alignment left in it."""
        return np.asarray(self.fixed | ~picture_mask(frame))


def survey_movie(movie: Movie, settings: Settings, reporter: Reporter, clock: Clock) -> Survey:
    """Return the first look at a movie.

    Raises
    ------
    InputError
        No frame can be used.
    """
    share_out_work()
    zero = zero_level(movie.frames)
    frames = MeasuredFrames(movie.frames, zero)
    with clock.stage("survey"):
        fixed = find_fixed_pixels(frames)
        quality, drift = survey_frames(
            frames,
            fixed=fixed,
            known_bad=movie.unusable,
            settings=settings.drift,
            progress=reporter.stage("judging frames", len(frames)),
            in_order=in_order,
        )
    if not quality.usable.any():
        raise InputError(f"{movie.name}: {_nothing_usable(quality)}")
    return Survey(frames, zero, fixed, quality, drift)


def kept_survey(movie: Movie, reporter: Reporter, clock: Clock, kept: Checkpoints) -> Survey:
    """Return the first look at a movie, or what an earlier run kept of it: all but the frames.

    Raises
    ------
    InputError
        No frame can be used.
    """

    def without_frames(settings: Settings) -> dict[str, Any]:
        survey = survey_movie(movie, settings, reporter, clock)
        return {f.name: getattr(survey, f.name) for f in fields(survey) if f.name != "frames"}

    found = kept.result("survey", without_frames)
    share_out_work()
    return Survey(frames=MeasuredFrames(movie.frames, found["zero"]), **found)


def zero_level(frames: Frames) -> float:
    """Return the grey value that stands for no electrons: 0, unless a movie goes below.

    Notes
    -----
    Frames that were normalised or had a dark picture subtracted have lost their zero. The darkest pixels are then
    taken to carry a tenth of the usual level: a thick particle lets a little through.
    """
    numbers = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), _SAMPLED)).round().astype(int))
    levels = np.array([np.percentile(finite(frames[int(k)])[::4, ::4], (0.1, 50)) for k in numbers])
    low, usual = float(levels[:, 0].min()), float(np.median(levels[:, 1]))
    if low >= 0 or -low < _NOISE_BELOW * (usual - low):
        return 0.0
    return low - (usual - low) / 9


def _nothing_usable(quality: FrameQuality) -> str:
    reasons = sorted({reason.split(" of ")[0] for reason in quality.reason if reason})
    if len(quality.reason) == 1:
        return f"the image cannot be measured: {reasons[0]}"
    return f"none of the {len(quality.reason)} frames can be measured: {', '.join(reasons)}"
