"""The drift of a specimen that changes all over, such as a lamella that a degradation front sweeps."""

from __future__ import annotations

from tem_track.drift.path import Drift, FrameQuality
from tem_track.drift.refine import refine_drift
from tem_track.movie import Frames, Image, Mask, Progress, no_progress
from tem_track.settings import DriftSettings


def refine_changing(
    frames: Frames,
    drift: Drift,
    quality: FrameQuality,
    *,
    arrival_frame: Image | None = None,
    fixed: Mask | None = None,
    settings: DriftSettings | None = None,
    progress: Progress = no_progress,
) -> Drift:
    """Return the drift refined on what stays as it is, before the front and again behind it.

    Parameters
    ----------
    frames : Frames
        T frames (Y, X) as recorded.
    drift : Drift
        The rough path of `survey_frames`, or a path refined before where `arrival_frame` is given.
    quality : FrameQuality
    arrival_frame : (Y, X) float32, optional
        When the front reached every pixel of the specimen, as a fractional frame number; NaN = never or not known. A
        path that was refined without it comes back as it is.
    fixed : (Y, X) bool, optional
        Pixels of the camera.
    settings : DriftSettings, optional
    progress : callable, optional

    Notes
    -----
    `refine_drift` compares means of a few frames with each other pixel by pixel and ties frames together only where
    they show the same state; a tile that a front is passing loses its vote. That leaves 0.03 to 0.06 px on movies of
    degrading lamellae with 40 to 250 electrons per px, and 0.10 px with 7. To be told where the front stood (votes of
    degraded and sound places apart, a second refinement) changed these by less than 0.01 px, and not for the better,
    so that the frames are not read again for it.
    """
    if arrival_frame is not None:
        return drift
    return refine_drift(frames, drift, quality, fixed=fixed, settings=settings, progress=progress)
