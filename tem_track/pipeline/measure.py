"""The chain on arrays: frames -> drift -> labels -> tracks -> outlines -> volume curves.

The frames are read once per pass: survey, detection, drift refinement, outlines. Nothing that grows with the number of
pixels is kept in between: label images are compressed, outlines are a few numbers per particle. Rereading costs little,
since a movie that fits in memory stays in the page cache and one that does not is read in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tem_track.drift import Drift, FrameQuality, follow_particles, refine_drift
from tem_track.errors import InputError
from tem_track.expansion import Expansion, measure_expansion
from tem_track.labels import LabelStack
from tem_track.movie import Labels, Mask, Movie
from tem_track.pipeline.checkpoints import Checkpoints
from tem_track.pipeline.in_order import in_order
from tem_track.pipeline.reporter import Clock, Reporter
from tem_track.pipeline.rows import track_rows
from tem_track.pipeline.survey import Survey, survey_movie
from tem_track.segment import Appearance, Outlines, draw_labels, learn_appearance, outline_particles, segment_frame
from tem_track.settings import Settings
from tem_track.track import Tracks, link_particles

# Below this the appearance itself says that the picture does not show separate particles.
_PARTICLE_LIKE = 0.5
# Below this both polarities show nearly as much.
_SURE_OF_POLARITY = 0.3
# Below this nothing is measured unless the user says that there are particles: every textured film would give some.
_NOT_PARTICLES = 0.3


@dataclass(frozen=True)
class Measurement:
    """Everything measured on one movie, before any of it is written.

    Attributes
    ----------
    quality : FrameQuality
    drift : Drift
    fixed : (Y, X) bool
        Pixels that belong to the camera: burned-in bars and words, borders.
    appearance : Appearance
        What particles look like in this movie.
    tracks : Tracks
    outlines : Outlines
    labels, cores : LabelStack
        Label images drawn from the outlines; value = track number.
    expansion : Expansion
        Tables of tracks, particles, stages, population.
    warnings : tuple of str
    """

    quality: FrameQuality
    drift: Drift
    fixed: Mask
    appearance: Appearance
    tracks: Tracks
    outlines: Outlines
    labels: LabelStack
    cores: LabelStack
    expansion: Expansion
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Detection:
    """Where particles are, frame by frame.

    Attributes
    ----------
    appearance : Appearance
    labels : LabelStack
        Not linked in time.
    """

    appearance: Appearance
    labels: LabelStack


@dataclass(frozen=True)
class Outlined:
    """Outlines of tracked particles and what they tell of the drift.

    Attributes
    ----------
    outlines : Outlines
    labels, cores : LabelStack
        Drawn from the outlines; value = track number.
    drift : Drift
    followed : bool
        The drift follows the particles' common motion.
    """

    outlines: Outlines
    labels: LabelStack
    cores: LabelStack
    drift: Drift
    followed: bool


def measure_movie(
    movie: Movie,
    settings: Settings,
    reporter: Reporter,
    clock: Clock,
    labels: LabelStack | None = None,
    survey: Survey | None = None,
    known_drift: Drift | None = None,
    kept: Checkpoints | None = None,
) -> Measurement:
    """Return everything that is measured on the particles of a movie.

    Parameters
    ----------
    movie : Movie
    settings : Settings
    reporter : Reporter
    clock : Clock
        Gets the seconds of every stage.
    labels : LabelStack or None
        (T, Y, X) label images made elsewhere; None detects the particles.
    survey : Survey or None
        The first look at the movie, where it was taken already.
    known_drift : Drift or None
        Drift that was found another way; None refines the survey's on what stays the same around the particles.
    kept : Checkpoints or None
        Works out the stages, or takes them from an earlier run; None works out all and keeps none.

    Raises
    ------
    InputError
        No frame can be used, or no particle is found.
    """
    survey = survey or survey_movie(movie, settings, reporter, clock)
    kept = kept or Checkpoints(settings, clock)
    quality = survey.quality
    found = kept.result("detection", lambda seen: _detected(movie, survey, seen, reporter, labels))
    drift = known_drift
    if drift is None:
        drift = kept.result("drift", lambda seen: _registered(survey, found.labels, seen, reporter))
    tracks = kept.result("tracking", lambda seen: _tracked(movie, survey, drift, found.labels, seen, reporter))
    refollow = settings.drift.enabled and known_drift is None
    outlined = kept.result(
        "outlines", lambda seen: _outlined(survey, drift, tracks, found.appearance, refollow, seen, reporter)
    )
    expansion = kept.result("expansion", lambda seen: _expanded(movie, tracks, outlined, seen))
    warnings = (
        *_unsure_zero(survey),
        # In the record too: it changes every position in the specimen frame.
        *(("little texture to register on: drift follows the particles' common motion",) if outlined.followed else ()),
        *(() if labels else _doubts(found.appearance)),
        *expansion.warnings,
    )
    return Measurement(
        quality,
        outlined.drift,
        survey.fixed,
        found.appearance,
        tracks,
        outlined.outlines,
        outlined.labels,
        outlined.cores,
        expansion,
        warnings,
    )


def _detected(
    movie: Movie, survey: Survey, settings: Settings, reporter: Reporter, labels: LabelStack | None
) -> Detection:
    frames = survey.frames
    appearance = learn_appearance(
        frames,
        usable=survey.quality.usable,
        fixed=survey.fixed,
        pixel_size_nm=movie.calibration.pixel_size_nm,
        settings=settings.segment,
        unseen=lambda k: survey.unseen(frames[k]),
    )
    if labels is None and settings.segment.polarity == "auto" and appearance.particle_like < _NOT_PARTICLES:
        raise InputError(f"{movie.name}: {_nothing_found(appearance, settings)}")
    found = labels or detect_particles(survey, appearance, reporter)
    if not any(image.any() for image in found):
        raise InputError(f"{movie.name}: {_nothing_found(appearance, settings)}")
    return Detection(appearance, found)


def _registered(survey: Survey, labels: LabelStack, settings: Settings, reporter: Reporter) -> Drift:
    if len(survey.frames) < 2:
        return survey.drift
    return refine_drift(
        survey.frames,
        survey.drift,
        survey.quality,
        particles=labels,
        fixed=survey.fixed,
        settings=settings.drift,
        progress=reporter.stage("refining drift", len(survey.frames)),
        in_order=in_order,
    )


def _tracked(
    movie: Movie, survey: Survey, drift: Drift, labels: LabelStack, settings: Settings, reporter: Reporter
) -> Tracks:
    tracks = link_particles(
        labels,
        drift_px=drift.displacement_px,
        usable=survey.quality.usable & drift.registered,
        times_s=movie.times_s,
        settings=settings.track,
        progress=reporter.stage("tracking", len(labels)),
    )
    if not len(tracks):
        raise InputError(f"{movie.name}: nothing that was found stays long enough to be a particle")
    return tracks


def _outlined(
    survey: Survey,
    drift: Drift,
    tracks: Tracks,
    appearance: Appearance,
    refollow: bool,
    settings: Settings,
    reporter: Reporter,
) -> Outlined:
    outlines = outline_particles(
        survey.frames,
        tracks.labels,
        drift_px=drift.displacement_px,
        measured=set(tracks.inferred),
        usable=survey.quality.usable & drift.registered,
        polarity=appearance.polarity,
        fixed=survey.fixed,
        settings=settings.segment,
        progress=reporter.stage("outlining", len(survey.frames)),
    )
    labels, cores = _draw(outlines, tracks)
    followed = follow_particles(drift, *_whole_particles(outlines, tracks)) if refollow else drift
    return Outlined(outlines, labels, cores, followed, followed is not drift)


def _expanded(movie: Movie, tracks: Tracks, outlined: Outlined, settings: Settings) -> Expansion:
    return measure_expansion(
        track_rows(tracks, outlined.outlines, outlined.drift, movie),
        kinds=outlined.outlines.kinds,
        fates=tracks.fate,
        pixel_size_nm=movie.calibration.pixel_size_nm,
        times_s=movie.times_s,
        timed=movie.timed,
        settings=settings.expansion,
    )


def _unsure_zero(survey: Survey) -> tuple[str, ...]:
    if survey.zero == 0:
        return ()
    return (f"grey values below zero: no electrons taken as {survey.zero:.6g}; cores and V/V0 depend on it",)


def detect_particles(survey: Survey, appearance: Appearance, reporter: Reporter) -> LabelStack:
    """Return the label image of every frame, not linked in time."""
    frames, fixed = survey.frames, survey.fixed
    found = LabelStack(fixed.shape)
    report = reporter.stage("finding particles", len(frames))

    def labels_of(k: int) -> Labels:
        frame = frames[k]
        return segment_frame(frame, appearance, fixed=survey.unseen(frame))

    for image in in_order(labels_of, range(len(frames))):
        found.append(image)
        report(len(found), len(frames))
    return found


def _whole_particles(outlines: Outlines, tracks: Tracks) -> tuple[Any, Any, Any, Any, Any]:
    """Return frame, track, centroid, area and wholeness of every outline, as `follow_particles` takes them."""
    # A particle is whole until it breaks; its pieces move apart, and one that let go moves by itself.
    moving = [track for track, fate in tracks.fate.items() if fate == "left"]
    pieces = tracks.rows["track_id"][np.isin(tracks.rows["state"], ("fractured", "merged"))]
    whole = ~outlines.touches_border & ~np.isin(outlines.track_id, [*moving, *pieces])
    centres = np.stack([outlines.y_px, outlines.x_px], axis=1)
    return outlines.frame, outlines.track_id, centres, outlines.area_px, whole


def _draw(outlines: Outlines, tracks: Tracks) -> tuple[LabelStack, LabelStack]:
    """Return label images of particles and cores drawn from the outlines."""
    shape = tracks.labels.shape
    particles, cores = LabelStack(shape), LabelStack(shape)
    for k in range(len(tracks.labels)):
        whole, inner = draw_labels(outlines, k, shape, tracks.labels[k])
        particles.append(whole)
        cores.append(inner)
    return particles, cores


def _nothing_found(appearance: Appearance, settings: Settings) -> str:
    asked = settings.segment
    if asked.min_diameter_nm or asked.max_diameter_nm:
        low, high = appearance.min_diameter_px, appearance.max_diameter_px
        return f"no particles found between {low:.4g} and {high:.4g} px across, the limits that the settings give"
    if asked.polarity != "auto":
        return f"no {asked.polarity} particles found ({appearance.reason}); --labels takes some found elsewhere"
    return (
        f"no particles found ({appearance.reason}); if there are some, say which with "
        "--set segment.polarity=dark or bright, or give --labels"
    )


def _doubts(appearance: Appearance) -> list[str]:
    doubts = []
    if appearance.particle_like < _PARTICLE_LIKE:
        doubts.append(f"what was found hardly looks like particles: {appearance.reason}")
    if appearance.polarity_confidence < _SURE_OF_POLARITY and appearance.polarity_reason != "set by the user":
        other = "bright" if appearance.polarity == "dark" else "dark"
        doubts.append(
            f"particles taken as {appearance.polarity}, not certain; --set segment.polarity={other} tries the other"
        )
    return doubts
