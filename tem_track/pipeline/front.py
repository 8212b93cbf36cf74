"""The front in a film: frames -> drift on changing texture -> grains -> arrival time -> front, nuclei, crossings.

Arrival and grains need each other: a change is pooled within a grain, and walls that show in no picture are seen where
they held the front. So each is found twice, the second time with the other known. The drift is not: refined on what
lasts, it came out the same to a hundredth of a pixel when it was told what had degraded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tem_track.drift import Drift, FrameQuality, picture_window, refine_drift
from tem_track.errors import InputError
from tem_track.front import (
    Arrival,
    Front,
    Grains,
    Scale,
    brightened_share,
    dark_summary,
    dark_table,
    early_mean,
    find_grains,
    gather_evidence,
    grains_from_labels,
    late_mean,
    measure_front,
    settle_arrival,
)
from tem_track.movie import Image, Labels, Mask, Movie
from tem_track.pipeline.reporter import Clock, Reporter
from tem_track.pipeline.survey import Survey
from tem_track.settings import Settings
from tem_track.tables import Table

# A front needs frames before and after: fewer usable ones than this say nothing.
_FEWEST_FRAMES = 4
# Share of what did not degrade that became brighter: below 0.01 under a front, 0.4 where diffraction contrast changes.
_BOTH_WAYS = 0.15


@dataclass(frozen=True)
class FrontMeasurement:
    """Everything measured on the front of one movie, before any of it is written.

    Attributes
    ----------
    quality : FrameQuality
    drift : Drift
    grains : Grains
    arrival : Arrival
    front : Front
    before, after : (Y, X) float32
        Mean of the first and of the last registered frames, specimen coordinates.
    warnings : tuple of str
    dark : Table or None
        ``front/dark.csv``, where contrast changes both ways.
    """

    quality: FrameQuality
    drift: Drift
    grains: Grains
    arrival: Arrival
    front: Front
    before: Image
    after: Image
    warnings: tuple[str, ...]
    dark: Table | None = None

    @property
    def usable(self) -> Mask:
        """Return which frames could be measured, (T,) bool."""
        return np.asarray(self.quality.usable & self.drift.registered)


def measure_front_movie(
    movie: Movie, survey: Survey, settings: Settings, reporter: Reporter, clock: Clock, grains: Labels | None = None
) -> FrontMeasurement:
    """Return everything that is measured on the degradation front of a movie.

    Parameters
    ----------
    movie : Movie
    survey : Survey
    settings : Settings
    reporter : Reporter
    clock : Clock
        Gets the seconds of every stage.
    grains : (Y, X) int32 or None
        Label image of the grains made elsewhere; None finds them.

    Raises
    ------
    InputError
        Too few frames can be used.
    """
    if survey.quality.usable.sum() < _FEWEST_FRAMES:
        raise InputError(f"{movie.name}: a front needs at least {_FEWEST_FRAMES} usable frames")
    drift = _registered(survey, settings, reporter, clock)
    with clock.stage("grains"):
        given = None if grains is None else grains_from_labels(grains)
        first = _before(survey, drift, None)
        found = given or find_grains(first, fixed=survey.fixed)
    with clock.stage("arrival"):
        # The movie is read here; what comes of it is settled once with the grains seen, once with those found later.
        evidence = gather_evidence(
            survey.frames,
            drift.displacement_px,
            usable=survey.quality.usable & drift.registered,
            fixed=survey.fixed,
            window=picture_window,
            progress=reporter.stage("finding what degrades", len(survey.frames)),
        )
        arrival = settle_arrival(evidence, found.territory)
    with clock.stage("grains"):
        # Every frame before a pixel's own arrival shows it intact: far less noise than the first frames alone.
        before = _before(survey, drift, arrival.frame)
        # Walls that show in no picture are seen where they held the front.
        found = given or find_grains(before, fixed=survey.fixed, arrival_frame=arrival.frame)
    with clock.stage("arrival"):
        arrival = settle_arrival(evidence, found.territory)
    with clock.stage("front"):
        usable = survey.quality.usable & drift.registered
        after = late_mean(survey.frames, drift.displacement_px, usable, fixed=survey.fixed, window=picture_window)
        brightened = brightened_share(first, after, arrival)
        arrival, doubts = _believed(arrival, brightened, settings)
        if doubts and given is None and not np.isfinite(arrival.frame).any():
            # Lines and steps that come and go with the contrast are no walls.
            found = grains_from_labels(np.where(found.outside, 0, 1).astype(np.int32))
        front = measure_front(
            arrival,
            found,
            times_s=movie.times_s,
            timed=movie.timed,
            temperatures_c=movie.temperatures_c,
            pixel_size_nm=movie.calibration.pixel_size_nm,
            settings=settings.front,
            before=before,
            after=after,
        )
        dark = _dark(movie, survey, settings, reporter) if brightened >= _BOTH_WAYS else None
        if dark is not None:
            front = replace(front, summary={**front.summary, **dark_summary(dark)})
    return FrontMeasurement(
        survey.quality, drift, found, arrival, front, before, after, (*doubts, *front.warnings), dark
    )


def _dark(movie: Movie, survey: Survey, settings: Settings, reporter: Reporter) -> Table:
    """Return how much of every frame is dark: what can be said where contrast changes both ways."""
    return dark_table(
        survey.frames,
        survey.quality.usable,
        survey.unseen,
        settings.front.dark_contrast,
        Scale(movie.times_s, movie.timed, movie.temperatures_c, movie.calibration.pixel_size_nm),
        reporter.stage("dark share", len(survey.frames)),
    )


def _believed(arrival: Arrival, brightened: float, settings: Settings) -> tuple[Arrival, tuple[str, ...]]:
    """Return the arrival, empty where contrast changes both ways and nobody asked for a front, and words on that."""
    if brightened < _BOTH_WAYS:
        return arrival, ()
    words = f"{brightened:.0%} of what did not darken became brighter: contrast changes both ways, as diffraction does"
    if settings.analysis.what != "auto":
        return arrival, (f"{words}; what is called degraded may be no front",)
    never = np.full_like(arrival.frame, np.nan)
    empty = replace(arrival, frame=never, sd_frames=never, drop=np.zeros_like(arrival.drop))
    said = f"{words}: no front and no grains are taken from it, but the dark share of every frame (front/dark.csv); "
    return empty, (f"{said}--analysis front measures a front all the same",)


def _registered(survey: Survey, settings: Settings, reporter: Reporter, clock: Clock) -> Drift:
    with clock.stage("drift refinement"):
        return refine_drift(
            survey.frames,
            survey.drift,
            survey.quality,
            fixed=survey.fixed,
            settings=settings.drift,
            progress=reporter.stage("refining drift", len(survey.frames)),
        )


def _before(survey: Survey, drift: Drift, arrival: Image | None) -> Image:
    """Return the specimen before it changed; every pixel over all frames before its arrival, once that is known."""
    usable = survey.quality.usable & drift.registered
    count = None if arrival is None else len(survey.frames)
    return early_mean(
        survey.frames,
        drift.displacement_px,
        usable,
        fixed=survey.fixed,
        arrival_frame=arrival,
        count=count,
        window=picture_window,
    )
