"""Which frames are fit for measuring: blank, blurred, duplicate and torn ones are told from the rest of the movie.

Every figure is relative to the frames around it, since a movie may fade, grow and change its illumination slowly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.drift.path import FrameQuality
from tem_track.drift.prepare import Prepared, noise_power
from tem_track.movie import FloatArray, Image, Mask, finite

Numbers: TypeAlias = np.ndarray[Any, np.dtype[np.intp]]

# Frames on either side that a frame is compared with.
NEIGHBOURS = 12
# A frame with less fine structure than this share of the frames before it and of those after it is blurred. A defocus
# of 2 px takes a quarter to a half of the power in the band-pass (sigma 1.2 to 4.5 px), more the finer the structure.
# Without frames on one side, a trend cannot be told from blur and more is asked for.
BLURRED_SHARE = 0.75
BLURRED_SHARE_AT_AN_END = 0.5
# A burst of blurred frames begins and ends with a step: the frame beyond it has clearly more structure. A specimen
# that pales and then breaks has a dip as deep, but a gradual one.
BURST_STEP = 0.8
# A frame with less than this share of its neighbours' structure and no counterpart shows nothing.
BLANK_SHARE = 0.25
# And it must stand out of the scatter of its neighbours by as many deviations.
OUTSTANDING = 6.0
# Rows of one grey value, as a share of the frame, that a torn frame has more than the others.
TORN_SHARE = 0.02
# Where more frames than this share look torn, their borders move (an earlier alignment) and none is.
MOST_TORN = 0.2
# Correlation of the noise of two frames: below 0.1 for two exposures, 1 for a repeat (TRIALS.md), less after a video
# codec.
REPEATED_NOISE = 0.97
# Where frames share their finest detail anyway (no noise, a fixed pattern), only an exact copy is a repeat.
REPEATED_WITHOUT_NOISE = 0.9999
# Side of the patch at full resolution that noise is compared on, px.
NOISE_PATCH_PX = 512


@dataclass
class Traits:
    """What the survey notes of one frame.

    `structure` is the noise-corrected power of the band-passed frame, `level` its mean grey value, `repeat` the
    correlation of its noise with the frame before, `constant_rows` the share of rows that carry one grey value.
    """

    level: float
    structure: float
    power: float
    repeat: float
    constant_rows: float


def noise_patch(frame: NDArray[Any]) -> Image:
    """Return the finest detail of the middle of a recorded frame, mostly its noise, (p, p) float32."""
    height, width = frame.shape
    p_y, p_x = min(height, NOISE_PATCH_PX), min(width, NOISE_PATCH_PX)
    y0, x0 = (height - p_y) // 2, (width - p_x) // 2
    patch = finite(frame[y0 : y0 + p_y, x0 : x0 + p_x])
    return np.asarray(cv2.Laplacian(patch, cv2.CV_32F), dtype=np.float32)


def traits(small: Image, prepared: Prepared) -> Traits:
    """Return what there is to note of a frame by itself, binned and prepared; no `repeat` yet."""
    constant = float((small.max(axis=1) - small.min(axis=1) == 0).mean())
    power = float(np.vdot(prepared.image * prepared.weight, prepared.image)) / max(float(prepared.weight.sum()), 1.0)
    noise = noise_power(small) * prepared.scale**2
    return Traits(
        float(small.mean()),
        max(0.0, power - prepared.noise_gain * noise),
        power,
        0.0,
        constant,
    )


def same_noise(a: Image, b: Image | None) -> float:
    """Return the correlation of the noise of a frame with that of the frame before; 0 where there is none."""
    if b is None or a.shape != b.shape:
        return 0.0
    energy = float(np.vdot(a, a)) * float(np.vdot(b, b))
    return float(np.vdot(a, b)) / float(np.sqrt(energy)) if energy > 0 else float(np.array_equal(a, b))


def judge(noted: list[Traits], linked: FloatArray, known_bad: Mapping[int, str]) -> FrameQuality:
    """Return the quality of every frame from its traits.

    Parameters
    ----------
    noted : list of Traits, T entries
    linked : (T,) float64
        Best correlation of each frame with another one.
    known_bad : mapping of int to str
        What the reader already knows.
    """
    count = len(noted)
    reason = [""] * count
    repeats = np.arange(count)
    structure = np.array([t.structure for t in noted])
    level = np.array([t.level for t in noted])
    torn = _torn(np.array([t.constant_rows for t in noted]))
    usual_repeat = float(np.median([t.repeat for t in noted[1:]])) if count > 1 else 0.0
    repeated = REPEATED_NOISE if usual_repeat < 0.3 else REPEATED_WITHOUT_NOISE
    blurred = _blurred(structure)
    for k, trait in enumerate(noted):
        near = _near(k, count)
        if trait.power == 0 or _is_blank(k, near, structure, level, linked):
            reason[k] = "blank"
        elif torn[k]:
            reason[k] = "torn"
        elif trait.repeat > repeated:
            repeats[k] = repeats[k - 1]
            reason[k] = f"duplicate of frame {repeats[k]}"
        elif blurred[k]:
            reason[k] = "blurred"
    for k, words in known_bad.items():
        if 0 <= k < count:
            reason[k] = words
    return FrameQuality(np.array([not r for r in reason]), reason, repeats)


def _near(k: int, count: int) -> Numbers:
    """Return the numbers of the frames around k, without it."""
    low = max(0, min(k - NEIGHBOURS, count - 2 * NEIGHBOURS - 1))
    around = np.arange(low, min(count, low + 2 * NEIGHBOURS + 1))
    return np.asarray(around[around != k])


def _is_blank(k: int, near: Numbers, structure: FloatArray, level: FloatArray, linked: FloatArray) -> bool:
    if len(near) < 2:
        return False
    dark = level[k] < 0.1 * float(np.median(level[near]))
    lonely = linked[k] < 0.3 * float(np.median(linked[near]))
    return (dark and lonely) or (lonely and _is_low(structure[k], structure[near], BLANK_SHARE))


def _torn(constant_rows: FloatArray) -> Mask:
    """Return which frames (T,) have more constant rows than their like."""
    usual = float(np.median(constant_rows))
    scatter = 1.4826 * float(np.median(np.abs(constant_rows - usual)))
    torn = np.asarray(constant_rows > usual + max(TORN_SHARE, OUTSTANDING * scatter))
    return torn if torn.mean() <= MOST_TORN else np.zeros_like(torn)


def _blurred(structure: FloatArray) -> Mask:
    """Return which frames (T,) are blurred: less structure than on both sides, in bursts that begin and end at once."""
    low = np.array([_is_blurred(k, structure) for k in range(len(structure))], bool)
    starts = np.flatnonzero(low & ~np.r_[False, low[:-1]])
    ends = np.flatnonzero(low & ~np.r_[low[1:], False])
    for first, last in zip(starts.tolist(), ends.tolist(), strict=True):
        inside, beyond = (first, last), (first - 1, last + 1)
        steps = [(structure[i], structure[j]) for i, j in zip(inside, beyond, strict=True) if 0 <= j < len(structure)]
        if any(low_one >= BURST_STEP * high_one for low_one, high_one in steps):
            low[first : last + 1] = False
    return low


def _is_blurred(k: int, structure: FloatArray) -> bool:
    """Return whether frame k has less structure than the frames on both sides: a trend or a step is no blur."""
    before, after = structure[max(0, k - NEIGHBOURS) : k], structure[k + 1 : k + 1 + NEIGHBOURS]
    near = np.concatenate([before, after])
    if len(near) < 4:
        return False
    if min(len(before), len(after)) >= 3:
        level, share = min(float(np.median(before)), float(np.median(after))), BLURRED_SHARE
    else:
        # At an end a trend shows least in the frames right beside it.
        level, share = float(np.median(near[:4] if len(before) < 3 else near[-4:])), BLURRED_SHARE_AT_AN_END
    # The scatter from one frame to the next, which a trend does not raise.
    scatter = 1.4826 * float(np.median(np.abs(np.diff(near)))) / np.sqrt(2)
    return bool(structure[k] < share * level and level - structure[k] > OUTSTANDING * scatter)


def _is_low(value: float, around: FloatArray, share: float) -> bool:
    if len(around) < 2:
        return False
    usual = float(np.median(around))
    scatter = 1.4826 * float(np.median(np.abs(around - usual)))
    return bool(value < share * usual and usual - value > OUTSTANDING * scatter)
