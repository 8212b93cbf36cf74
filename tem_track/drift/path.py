"""What the drift stage hands on: where the specimen sits in every frame, and which frames can be measured."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tem_track.movie import FloatArray, Mask


@dataclass(frozen=True)
class FrameQuality:
    """Which frames are fit for measuring.

    Attributes
    ----------
    usable : (T,) bool
        False for a blank, blurred, duplicate or torn frame.
    reason : list of str, T entries
        ``""`` or what is wrong: ``"blank"``, ``"blurred"``, ``"duplicate of frame 49"``, ``"torn"``, or the reader's
        words.
    repeats : (T,) int64
        The frame that this one repeats; its own number where it repeats none.
    """

    usable: Mask
    reason: list[str]
    repeats: np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True)
class Drift:
    """Where the specimen sits in every frame, relative to frame 0.

    Attributes
    ----------
    displacement_px : (T, 2) float64
        (dy, dx) in px of the recorded frame: a feature at (y, x) in frame 0 stands at (y + dy, x + dx) in frame k.
        NaN where the frame cannot be registered.
    sd_px : (T,) float64
        Standard uncertainty of where each frame was placed, either component, px; NaN where there is no displacement.
    reason : list of str, T entries
        ``""`` or why the frame could not be registered.
    """

    displacement_px: FloatArray
    sd_px: FloatArray
    reason: list[str] = field(default_factory=list)

    @property
    def registered(self) -> Mask:
        """(T,) bool, True where the displacement is known."""
        return np.asarray(np.isfinite(self.displacement_px).all(axis=1))

    @property
    def displacement_sd_px(self) -> FloatArray:
        """(T,) float64, standard uncertainty of either component of the displacement, px.

        The displacement is over the first frame that could be placed: where that one was placed wrongly, all others are
        off by as much. Its own displacement is zero by definition.
        """
        placed = np.flatnonzero(self.registered & np.isfinite(self.sd_px))
        if not len(placed):
            return self.sd_px
        sd = np.hypot(self.sd_px, self.sd_px[placed[0]])
        sd[placed[0]] = 0.0
        return np.asarray(sd)


def no_drift(count: int) -> Drift:
    """Return the drift of `count` frames of a specimen that is taken as not moving."""
    return Drift(np.zeros((count, 2)), np.zeros(count), [""] * count)
