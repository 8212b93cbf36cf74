"""The chain on arrays: frames -> drift -> labels -> tracks -> outlines -> volume curves.

The frames are read once per pass: survey, detection, drift refinement, outlines. Nothing that grows with the number of
pixels is kept in between: label images are compressed, outlines are a few numbers per particle. Rereading costs little,
since a movie that fits in memory stays in the page cache and one that does not is read in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import cv2
import numpy as np

from tem_track.drift import (
    Drift,
    FrameQuality,
    find_fixed_pixels,
    follow_particles,
    picture_mask,
    refine_drift,
    survey_frames,
)
from tem_track.errors import InputError
from tem_track.expansion import Expansion, measure_expansion
from tem_track.labels import LabelStack
from tem_track.movie import Frames, Image, Labels, Mask, MeasuredFrames, Movie, finite
from tem_track.pipeline.reporter import Clock, Reporter
from tem_track.pipeline.rows import track_rows
from tem_track.segment import Appearance, Outlines, draw_labels, learn_appearance, outline_particles, segment_frame
from tem_track.settings import Settings
from tem_track.track import Tracks, link_particles

_Result = TypeVar("_Result")
# Frames worked on at the same time, and how many may wait: bounds the memory, not the result.
_WORKERS, _AHEAD = 2, 2
# Below this the appearance itself says that the picture does not show separate particles.
_PARTICLE_LIKE = 0.5
# Below this both polarities show nearly as much.
_SURE_OF_POLARITY = 0.3
# Below this nothing is measured unless the user says that there are particles: every textured film would give some.
_NOT_PARTICLES = 0.3
# Frames looked at for grey values below zero, and how far read noise alone may go there (share of the range).
_SAMPLED, _NOISE_BELOW = 7, 0.05


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


def measure_movie(
    movie: Movie, settings: Settings, reporter: Reporter, clock: Clock, labels: LabelStack | None = None
) -> Measurement:
    """Return everything that is measured on a movie.

    Parameters
    ----------
    movie : Movie
    settings : Settings
    reporter : Reporter
    clock : Clock
        Gets the seconds of every stage.
    labels : LabelStack or None
        (T, Y, X) label images made elsewhere; None detects the particles.

    Raises
    ------
    InputError
        No frame can be used, or no particle is found.
    """
    cv2.setNumThreads(1)
    zero = zero_level(movie.frames)
    frames = MeasuredFrames(movie.frames, zero)
    count = len(frames)
    with clock.stage("survey"):
        fixed = find_fixed_pixels(frames)
        quality, drift = survey_frames(
            frames,
            fixed=fixed,
            known_bad=movie.unusable,
            settings=settings.drift,
            progress=reporter.stage("judging frames", count),
        )
    if not quality.usable.any():
        raise InputError(f"{movie.name}: {_nothing_usable(quality)}")

    with clock.stage("detection"):
        appearance = learn_appearance(
            frames,
            usable=quality.usable,
            fixed=fixed,
            pixel_size_nm=movie.calibration.pixel_size_nm,
            settings=settings.segment,
            unseen=lambda k: _unseen(frames[k], fixed),
        )
        if labels is None and settings.segment.polarity == "auto" and appearance.particle_like < _NOT_PARTICLES:
            raise InputError(f"{movie.name}: {_nothing_found(appearance, settings)}")
        found = labels or detect_particles(frames, appearance, fixed, reporter)
    if not any(image.any() for image in found):
        raise InputError(f"{movie.name}: {_nothing_found(appearance, settings)}")
    with clock.stage("drift refinement"):
        if count > 1:
            drift = refine_drift(
                frames,
                drift,
                quality,
                particles=found,
                fixed=fixed,
                settings=settings.drift,
                progress=reporter.stage("refining drift", count),
            )
    usable = quality.usable & drift.registered
    with clock.stage("tracking"):
        tracks = link_particles(
            found,
            drift_px=drift.displacement_px,
            usable=usable,
            times_s=movie.times_s,
            settings=settings.track,
            progress=reporter.stage("tracking", count),
        )
    if not len(tracks):
        raise InputError(f"{movie.name}: nothing that was found stays long enough to be a particle")
    with clock.stage("outlines"):
        outlines = outline_particles(
            frames,
            tracks.labels,
            drift_px=drift.displacement_px,
            measured=set(tracks.inferred),
            usable=usable,
            polarity=appearance.polarity,
            fixed=fixed,
            settings=settings.segment,
            progress=reporter.stage("outlining", count),
        )
        drawn, cores = _draw(outlines, tracks)
        followed = follow_particles(drift, *_whole_particles(outlines, tracks)) if settings.drift.enabled else drift
        # In the record too: it changes every position in the specimen frame.
        follows = (
            () if followed is drift else ("little texture to register on: drift follows the particles' common motion",)
        )
        drift = followed
    with clock.stage("expansion"):
        expansion = measure_expansion(
            track_rows(tracks, outlines, drift, movie),
            kinds=outlines.kinds,
            fates=tracks.fate,
            pixel_size_nm=movie.calibration.pixel_size_nm,
            times_s=movie.times_s,
            timed=movie.timed,
            settings=settings.expansion,
        )
    unsure = (
        () if zero == 0 else (f"grey values below zero: no electrons taken as {zero:.6g}; cores and V/V0 depend on it",)
    )
    warnings = (*unsure, *follows, *(() if labels else _doubts(appearance)), *expansion.warnings)
    return Measurement(quality, drift, fixed, appearance, tracks, outlines, drawn, cores, expansion, warnings)


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


def _unseen(frame: Image, fixed: Mask) -> Mask:
    """Return what a frame does not show of the specimen: overlays, and the border that an alignment left in it."""
    return np.asarray(fixed | ~picture_mask(frame))


def detect_particles(frames: MeasuredFrames, appearance: Appearance, fixed: Mask, reporter: Reporter) -> LabelStack:
    """Return the label image of every frame, not linked in time."""
    found = LabelStack(fixed.shape)
    report = reporter.stage("finding particles", len(frames))

    def labels_of(k: int) -> Labels:
        frame = frames[k]
        return segment_frame(frame, appearance, fixed=_unseen(frame, fixed))

    for image in _in_order(labels_of, len(frames)):
        found.append(image)
        report(len(found), len(frames))
    return found


def _in_order(function: Callable[[int], _Result], count: int) -> Iterator[_Result]:
    """Yield function(0), function(1), ... worked out by a few threads; what comes out does not depend on how many."""
    with ThreadPoolExecutor(_WORKERS) as pool:
        waiting: deque[Future[_Result]] = deque()
        for k in range(count):
            waiting.append(pool.submit(function, k))
            if len(waiting) >= _WORKERS + _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _whole_particles(outlines: Outlines, tracks: Tracks) -> tuple[Any, Any, Any, Any]:
    """Return frame, track, centroid and wholeness of every outline, as `follow_particles` takes them."""
    broken = [track for track, fate in tracks.fate.items() if fate in ("fractured", "merged", "left")]
    whole = ~outlines.touches_border & ~np.isin(outlines.track_id, broken)
    return outlines.frame, outlines.track_id, np.stack([outlines.y_px, outlines.x_px], axis=1), whole


def _draw(outlines: Outlines, tracks: Tracks) -> tuple[LabelStack, LabelStack]:
    """Return label images of particles and cores drawn from the outlines."""
    shape = tracks.labels.shape
    particles, cores = LabelStack(shape), LabelStack(shape)
    for k in range(len(tracks.labels)):
        whole, inner = draw_labels(outlines, k, shape, tracks.labels[k])
        particles.append(whole)
        cores.append(inner)
    return particles, cores


def _nothing_usable(quality: FrameQuality) -> str:
    reasons = sorted({reason.split(" of ")[0] for reason in quality.reason if reason})
    if len(quality.reason) == 1:
        return f"the image cannot be measured: {reasons[0]}"
    return f"none of the {len(quality.reason)} frames can be measured: {', '.join(reasons)}"


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
