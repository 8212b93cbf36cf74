"""The front in a film: frames -> drift on changing texture -> grains -> arrival time -> front, nuclei, crossings.

Arrival and grains need each other: a change is pooled within a grain, and walls that show in no picture are seen where
they held the front. So each is found twice, the second time with the other known. The drift is not: refined on what
lasts, it came out the same to a hundredth of a pixel when it was told what had degraded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np

from tem_track.drift import Drift, FrameQuality, picture_window, refine_drift
from tem_track.errors import InputError
from tem_track.front import (
    Arrival,
    ArrivalEvidence,
    Front,
    Grains,
    Scale,
    brightened_share,
    dark_summary,
    dark_table,
    distinct_mask,
    early_mean,
    find_grains,
    gather_evidence,
    grains_from_labels,
    late_mean,
    measure_front,
    settle_arrival,
)
from tem_track.movie import Image, Labels, Mask, Movie, finite
from tem_track.pipeline.checkpoints import Checkpoints
from tem_track.pipeline.in_order import in_order
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
    dark_in : callable or None
        ``dark_in(k)`` are the distinct dark places of frame k, (Y, X) bool, where no front can be told for them.
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
    dark_in: Callable[[int], Mask] | None = None

    @property
    def usable(self) -> Mask:
        """Return which frames could be measured, (T,) bool."""
        return np.asarray(self.quality.usable & self.drift.registered)


def measure_front_movie(
    movie: Movie,
    survey: Survey,
    settings: Settings,
    reporter: Reporter,
    clock: Clock,
    grains: Labels | None = None,
    kept: Checkpoints | None = None,
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
    kept : Checkpoints or None
        Works out the stages, or takes them from an earlier run; None works out all and keeps none.

    Raises
    ------
    InputError
        Too few frames can be used.
    """
    if survey.quality.usable.sum() < _FEWEST_FRAMES:
        raise InputError(f"{movie.name}: a front needs at least {_FEWEST_FRAMES} usable frames")
    kept = kept or Checkpoints(settings, clock)
    drift = kept.result("film-drift", lambda seen: _registered(survey, seen, reporter))
    given = None if grains is None else grains_from_labels(grains)
    first, found = kept.result("first-grains", lambda seen: _first_grains(survey, drift, given))
    # The movie is read once; what comes of it is settled with the grains seen, and again with those found later.
    read = cache(lambda: _evidence(survey, drift, reporter))
    rough = kept.result("first-arrival", lambda seen: settle_arrival(read(), found.territory))
    before, walled = kept.result("grains", lambda seen: _walled_grains(survey, drift, rough, given))
    arrival = kept.result("arrival", lambda seen: settle_arrival(read(), walled.territory))
    share, after, front, dark = kept.result(
        "front", lambda seen: _front(movie, survey, drift, walled, arrival, first, before, seen, given is not None)
    )
    arrival, doubts = _believed(arrival, share, settings)
    walled = _believed_grains(walled, arrival, doubts, given is not None)
    warnings = (*doubts, *front.warnings)
    told = dark is None or bool(np.isfinite(arrival.frame).any())
    places = None if told else partial(_dark_in, survey, settings.front.dark_contrast)
    return FrontMeasurement(survey.quality, drift, walled, arrival, front, before, after, warnings, dark, places)


def _dark_in(survey: Survey, contrast: float, k: int) -> Mask:
    """Return the distinct dark places of frame k, (Y, X) bool."""
    frame = finite(survey.frames[k])
    return distinct_mask(frame, ~survey.unseen(frame), contrast)


def _evidence(survey: Survey, drift: Drift, reporter: Reporter) -> ArrivalEvidence:
    """Return what the movie says of when every pixel changed."""
    return gather_evidence(
        survey.frames,
        drift.displacement_px,
        usable=survey.quality.usable & drift.registered,
        fixed=survey.fixed,
        window=picture_window,
        progress=reporter.stage("finding what degrades", len(survey.frames)),
    )


def _first_grains(survey: Survey, drift: Drift, given: Grains | None) -> tuple[Image, Grains]:
    """Return the first frames' mean and the grains that show in it."""
    first = _before(survey, drift, None)
    return first, given or find_grains(first, fixed=survey.fixed)


def _walled_grains(survey: Survey, drift: Drift, rough: Arrival, given: Grains | None) -> tuple[Image, Grains]:
    """Return the specimen before it changed, and the grains that show in it or where they held the front."""
    # Every frame before a pixel's own arrival shows it intact: far less noise than the first frames alone.
    before = _before(survey, drift, rough.frame)
    # Walls that show in no picture are seen where they held the front.
    return before, given or find_grains(before, fixed=survey.fixed, arrival_frame=rough.frame)


def _front(
    movie: Movie,
    survey: Survey,
    drift: Drift,
    grains: Grains,
    arrival: Arrival,
    first: Image,
    before: Image,
    settings: Settings,
    grains_given: bool,
) -> tuple[float, Image, Front, Table | None]:
    """Return the share that became brighter, the specimen at the end, the front, and what is dark where asked for."""
    usable = survey.quality.usable & drift.registered
    after = late_mean(survey.frames, drift.displacement_px, usable, fixed=survey.fixed, window=picture_window)
    share = brightened_share(first, after, arrival)
    believed, doubts = _believed(arrival, share, settings)
    front = measure_front(
        believed,
        _believed_grains(grains, believed, doubts, grains_given),
        times_s=movie.times_s,
        timed=movie.timed,
        temperatures_c=movie.temperatures_c,
        pixel_size_nm=movie.calibration.pixel_size_nm,
        settings=settings.front,
        before=before,
        after=after,
        settled_until=believed.settled_until,
        told=not doubts or bool(np.isfinite(believed.frame).any()),
    )
    if not doubts:
        return share, after, front, None
    scale = Scale(movie.times_s, movie.timed, movie.temperatures_c, movie.calibration.pixel_size_nm)
    dark = dark_table(survey.frames, survey.quality.usable, survey.unseen, settings.front.dark_contrast, scale)
    return share, after, replace(front, summary={**front.summary, **dark_summary(dark)}), dark


def _believed_grains(grains: Grains, arrival: Arrival, doubts: tuple[str, ...], given: bool) -> Grains:
    """Return the grains, one only where lines and steps come and go with the contrast and held no front."""
    if given or not doubts or np.isfinite(arrival.frame).any():
        return grains
    return grains_from_labels(np.where(grains.outside, 0, 1).astype(np.int32))


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


def _registered(survey: Survey, settings: Settings, reporter: Reporter) -> Drift:
    return refine_drift(
        survey.frames,
        survey.drift,
        survey.quality,
        fixed=survey.fixed,
        settings=settings.drift,
        progress=reporter.stage("refining drift", len(survey.frames)),
        in_order=in_order,
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
