"""Objects that grow within a matrix: frames -> drift on what stays the same -> spans -> objects -> areas.

What stays the same tells the drift; registered frames tell what grew.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tem_track.drift import Drift, FrameQuality, refine_drift
from tem_track.drift.still_part import refine_on_still_part
from tem_track.errors import InputError
from tem_track.front.growth.find import ROUNDS, Growth, find_growth
from tem_track.front.growth.objects import GrownObjects, grown_objects
from tem_track.movie import Mask, Movie
from tem_track.pipeline.checkpoints import Checkpoints
from tem_track.pipeline.in_order import in_order
from tem_track.pipeline.reporter import Clock, Reporter
from tem_track.pipeline.survey import Survey
from tem_track.settings import Settings

# Growth needs frames before and after: fewer usable ones than this say nothing.
_FEWEST_FRAMES = 6


@dataclass(frozen=True)
class GrowthMeasurement:
    """Everything measured on the objects that grow in one movie, before any of it is written.

    Attributes
    ----------
    quality : FrameQuality
    drift : Drift
    growth : Growth or None
        None where nothing grows.
    objects : GrownObjects
    warnings : tuple of str
    """

    quality: FrameQuality
    drift: Drift
    growth: Growth | None
    objects: GrownObjects
    warnings: tuple[str, ...]

    @property
    def usable(self) -> Mask:
        """Return which frames could be measured, (T,) bool."""
        return np.asarray(self.quality.usable & self.drift.registered)


def measure_growth_movie(
    movie: Movie,
    survey: Survey,
    settings: Settings,
    reporter: Reporter,
    clock: Clock,
    kept: Checkpoints | None = None,
) -> GrowthMeasurement:
    """Return everything that is measured on the objects that become brighter or darker than what was there before.

    Raises
    ------
    InputError
        Too few frames can be used.
    """
    if survey.quality.usable.sum() < _FEWEST_FRAMES:
        raise InputError(f"{movie.name}: objects that grow need at least {_FEWEST_FRAMES} usable frames")
    kept = kept or Checkpoints(settings, clock)
    rough = kept.result("still-part", lambda seen: _rough(survey, seen, reporter))
    drift = kept.result("growth-drift", lambda seen: _registered(survey, rough, seen, reporter))
    growth = kept.result("growth", lambda seen: _growth(survey, drift, seen, reporter))
    shape = movie.shape[1], movie.shape[2]
    objects = kept.result("objects", lambda seen: grown_objects(growth, drift.displacement_px, shape))
    warnings = [] if objects.rows else [f"nothing became {settings.analysis.objects}er than it was: no objects"]
    if standing := sorted(objects.standing()):
        numbers = ", ".join(map(str, standing))
        warnings.append(f"objects that stood there before the movie have no onset, and no area at first: {numbers}")
    return GrowthMeasurement(survey.quality, drift, growth, objects, tuple(warnings))


def _rough(survey: Survey, settings: Settings, reporter: Reporter) -> Drift:
    """Return the survey's path brought back where what grows led it astray."""
    if not settings.drift.enabled:
        return survey.drift
    return refine_on_still_part(
        survey.frames,
        survey.drift,
        survey.quality,
        fixed=survey.fixed,
        progress=reporter.stage("comparing with the first frames", 2),
    )


def _registered(survey: Survey, drift: Drift, settings: Settings, reporter: Reporter) -> Drift:
    return refine_drift(
        survey.frames,
        drift,
        survey.quality,
        fixed=survey.fixed,
        settings=settings.drift,
        progress=reporter.stage("refining drift", len(survey.frames)),
        in_order=in_order,
    )


def _growth(survey: Survey, drift: Drift, settings: Settings, reporter: Reporter) -> Growth | None:
    return find_growth(
        survey.frames,
        drift.displacement_px,
        usable=survey.quality.usable & drift.registered,
        fixed=survey.fixed,
        bright=settings.analysis.objects != "dark",
        rounds=ROUNDS,
        progress=reporter.stage("outlining what grows", len(survey.frames)),
    )
