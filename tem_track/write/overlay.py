"""The overlay movie: every frame with the outlines, numbers and cores that were measured in it, in one grey window."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Frames, Image, Movie, Progress, finite, no_progress
from tem_track.write.drawing import OverlayFrame, draw_frame, layout_of
from tem_track.write.files import whole_file
from tem_track.write.lettering import Lettering
from tem_track.write.video import VIDEO_SUFFIX, open_video

# Frames and pixels looked at for the grey window, and the percentiles that become black and white.
_SAMPLED_FRAMES, _SAMPLED_PIXELS = 9, 65_536
_BLACK, _WHITE = 0.2, 99.8
# Shortest and fastest showing: a movie plays for about half a minute, between 5 and 30 frames/s.
_PLAYED_S, _SLOWEST, _FASTEST = 30.0, 5, 30


def write_overlay(
    path: Path,
    frames: Frames,
    pictures: Callable[[int], OverlayFrame],
    *,
    pixel_size_nm: float | None = None,
    usable: NDArray[np.bool_] | None = None,
    frames_per_second: int | None = None,
    progress: Progress = no_progress,
) -> Path:
    """Write the overlay movie, whole or not at all, holding one frame at a time.

    Parameters
    ----------
    path : Path
        Where to, without suffix: it becomes a WebM movie.
    frames : Frames
        (Y, X) images as recorded.
    pictures : callable
        ``pictures(k)`` is what to draw over frame k; called once each, in order.
    pixel_size_nm : float, optional
        For the scale bar, which is in px without it.
    usable : (T,) bool, optional
        Frames that the grey window is taken from; all where not given.
    frames_per_second : int, optional
        Of the playback; chosen for a movie of about half a minute where not given.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    target = path.with_name(path.name + VIDEO_SUFFIX)
    window = grey_window(frames, usable)
    layout = layout_of(np.shape(frames[0]))
    lettering = Lettering()
    fps = frames_per_second or int(np.clip(len(frames) / _PLAYED_S, _SLOWEST, _FASTEST))
    with whole_file(target) as aside, open_video(aside, layout.picture_px, fps) as video:
        for k in range(len(frames)):
            drawn = draw_frame(finite(frames[k]), pictures(k), window, layout, lettering, pixel_size_nm)
            video.write(drawn)
            progress(k + 1, len(frames))
    return target


def write_picture(path: Path, frames: Frames, overlay: OverlayFrame, pixel_size_nm: float | None = None) -> None:
    """Write the first frame with everything drawn over it as a PNG, whole or not at all.

    Parameters
    ----------
    path : Path
    frames : Frames
        (Y, X) images as recorded; the first one is drawn.
    overlay : OverlayFrame
    pixel_size_nm : float, optional

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    frame = finite(frames[0])
    drawn = draw_frame(frame, overlay, grey_window(frames), layout_of(frame.shape), Lettering(), pixel_size_nm)
    with whole_file(path) as aside:
        # OpenCV speaks blue, green, red.
        aside.write_bytes(cv2.imencode(".png", drawn[..., ::-1])[1].tobytes())


def grey_window(frames: Frames, usable: NDArray[np.bool_] | None = None) -> tuple[float, float]:
    """Return the grey values (black, white) that show a whole movie, from a few of its usable frames.

    One window for all frames: with one per frame, equal grey would not mean equal signal.
    """
    candidates = np.arange(len(frames)) if usable is None or not usable.any() else np.flatnonzero(usable)
    chosen = candidates[np.unique(np.linspace(0, len(candidates) - 1, _SAMPLED_FRAMES).round().astype(int))]
    samples = [_sample(finite(frames[int(k)])) for k in chosen]
    low, high = np.percentile(np.concatenate(samples), [_BLACK, _WHITE])
    return float(low), float(high) if high > low else float(low) + 1.0


def status_text(frame: int, frames: int, time_s: float | None = None, temperature_c: float | None = None) -> str:
    """Return the words of the strip: frame number, time where there is one, temperature where there is one.

    >>> status_text(3, 80, 36.0)
    'frame 3 / 79    36.0 s'
    """
    parts = [f"frame {frame} / {frames - 1}"]
    if time_s is not None and math.isfinite(time_s):
        parts.append(f"{time_s:.1f} s" if time_s < 10_000 else f"{time_s:.0f} s")
    if temperature_c is not None and math.isfinite(temperature_c):
        parts.append(f"{temperature_c:.0f} °C")
    return "    ".join(parts)


def status_of(movie: Movie, k: int) -> str:
    """Return the words of the strip for frame k of a movie."""
    temperature = None if movie.temperatures_c is None else float(movie.temperatures_c[k])
    return status_text(k, len(movie), float(movie.times_s[k]) if movie.timed else None, temperature)


def _sample(frame: Image) -> FloatArray:
    step = max(1, math.isqrt(frame.size // _SAMPLED_PIXELS))
    return frame[::step, ::step].ravel().astype(np.float64)
