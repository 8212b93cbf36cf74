"""How much of a film has become darker, while it is being heated: a quick look at what the front analysis will measure.

Strategy. Frames are binned, brought to the specimen frame and divided by the mean of the first ones. What has fallen
clearly below the level of the beam counts. That level is followed from frame to frame by the pixels that have not
darkened, so that a beam that fades darkens nothing. Arrival times, fronts and grains need the whole recording.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from tem_track.movie import FloatArray, Image, Mask

# Longest side of the binned frames, px: a percent of the field is then some hundred pixels.
SIDE_PX = 256
# Smoothing of the binned frames, px: noise of low doses goes, cracks of a few px stay.
SMOOTHING_PX = 1.5
# Frames that make the picture before.
BEFORE = 4
# A pixel has darkened when it is this much, and as many deviations of those that have not, below their level. Degraded
# LiCoO2 falls to 0.45 to 0.9 of its level within a few frames (TRIALS.md).
DARKER, OUTSTANDING = 0.1, 4.0
# What is this near to the level of the last frame has not darkened; a beam that changes by more than the other from one
# frame to the next has jumped.
SAME_LEVEL, JUMP = 0.06, 0.03
# With less of the field than this still bright, the level stays as it was.
LEAST_BRIGHT = 0.3


@dataclass
class LiveFilm:
    """Follows the darkened share of the field.

    Attributes
    ----------
    fixed : (Y, X) bool
        Pixels of the camera.
    share : list of float
        Darkened share of the field of each frame added, NaN while the picture before is made.
    """

    fixed: Mask
    share: list[float] = field(default_factory=list)
    _first: list[Image] = field(default_factory=list)
    _before: Image | None = None
    _dark: Mask | None = None
    _ever: Mask | None = None
    _last: Image | None = None
    _level: float = 1.0
    _scatter: list[float] = field(default_factory=list)

    def add(self, frame: Image, drift_px: FloatArray) -> None:
        """Take up a frame (Y, X) and its drift (2,) px."""
        small = self._registered(frame, drift_px)
        if self._before is None:
            self._first.append(small)
            self.share.append(float("nan"))
            if len(self._first) == BEFORE:
                # Pixels that none of them shows stay unknown.
                self._before, self._first = np.mean(np.stack(self._first), axis=0), []
            return
        ratio = small / self._before
        seen = np.isfinite(ratio)
        if not seen.any():
            self.share.append(float("nan"))
            return
        self._level = self._beam(ratio, seen)
        if len(self._scatter) < BEFORE:
            self._scatter.append(1.4826 * float(np.median(np.abs(ratio[seen] - self._level))))
        limit = self._level * (1 - max(DARKER, OUTSTANDING * float(np.median(self._scatter))))
        dark = seen & (ratio < limit)
        if self._dark is not None:
            # Degraded once is degraded for good; seen twice, since one frame may be a bad one.
            self._ever = dark & self._dark if self._ever is None else self._ever | (dark & self._dark)
        self._dark, self._last = dark, ratio
        self.share.append(0.0 if self._ever is None else float((self._ever & seen).sum()) / int(seen.sum()))

    def _beam(self, ratio: Image, seen: Mask) -> float:
        """Return the level of what has not darkened: near that of the last frame, or of that after a jump."""
        level = self._level
        if self._last is None:
            level = float(np.median(ratio[seen]))
        elif (both := seen & np.isfinite(self._last)).any():
            # Most pixels do not change from one frame to the next but with the beam.
            jump = float(np.median(ratio[both] / self._last[both]))
            level *= jump if abs(jump - 1) > JUMP else 1.0
        bright = seen & (np.abs(ratio - level) < SAME_LEVEL * level)
        return float(np.median(ratio[bright])) if bright.sum() > LEAST_BRIGHT * seen.sum() else level

    def outlines(self, drift_px: FloatArray) -> list[FloatArray]:
        """Return the outlines (P, 2) of what has darkened, yx px of a frame with the given drift."""
        if self._ever is None:
            return []
        found, _ = cv2.findContours(self._ever.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        binning = self._binning(self.fixed.shape)
        closed = [np.concatenate([one, one[:1]])[:, 0, ::-1] for one in found if len(one) >= 8]
        return [(points + 0.5) * binning - 0.5 + drift_px for points in closed]

    def _binning(self, shape: tuple[int, ...]) -> int:
        return max(1, -(-max(shape) // SIDE_PX))

    def _registered(self, frame: Image, drift_px: FloatArray) -> Image:
        """Return a frame binned, smoothed and in the specimen frame; NaN where it shows nothing of it."""
        binning = self._binning(frame.shape)
        size = (frame.shape[1] // binning, frame.shape[0] // binning)
        part = np.s_[: size[1] * binning, : size[0] * binning]
        small = cv2.resize(np.ascontiguousarray(frame[part]), size, interpolation=cv2.INTER_AREA)
        hidden = cv2.resize(self.fixed[part].astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
        small = cv2.GaussianBlur(small, (0, 0), SMOOTHING_PX)
        small[hidden] = np.nan
        dy, dx = (-drift_px / binning).tolist()
        move = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
        moved = cv2.warpAffine(
            small, move, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=float("nan")
        )
        return np.asarray(moved, np.float32)
