"""The course of a recording: time, state, brightness and drift of every frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray
from tem_track.simulate.chance import chance
from tem_track.simulate.recording import Recording


@dataclass(frozen=True)
class Course:
    """What happens to the frames as a whole.

    Attributes
    ----------
    times_s : (T,) float64
        When each frame was recorded; frames never recorded leave a gap.
    shown : (T,) int64
        Frame whose picture each frame shows: itself, or the one a duplicate repeats.
    drift_px : (T, 2) float64
        Where the specimen sits minus where it sat in frame 0; a duplicate shows the drift of the frame it repeats.
    brightness : (T,) float64
        Factor on the dose.
    psf_px : (T,) float64
        Standard deviation of the point spread, defocus included.
    state : (T,) object
        ``"ok"``, ``"blank"``, ``"duplicate"`` or ``"blurred"``.
    """

    times_s: FloatArray
    shown: NDArray[np.int64]
    drift_px: FloatArray
    brightness: FloatArray
    psf_px: FloatArray
    state: NDArray[np.object_]

    @property
    def seen_s(self) -> FloatArray:
        """Time (T,) of what each frame shows."""
        return self.times_s[self.shown]


def course_of(scene: Recording, settling_px: Callable[[FloatArray], FloatArray] | None = None) -> Course:
    """Return the course of a scene's recording.

    Parameters
    ----------
    scene : Recording
    settling_px : function from times (T,) in s to (T, 2) px, optional
        A path the specimen follows besides its random walk and jumps (thermal expansion of a heated holder).
    """
    steps = _steps(scene)
    shown = _shown(scene)
    times_s = np.asarray(steps * scene.frame_interval_s, dtype=np.float64)
    drift_px = _drift(scene, steps)
    if settling_px is not None:
        path = settling_px(times_s)
        drift_px = drift_px + path - path[0]
    return Course(
        times_s=times_s,
        shown=shown,
        drift_px=drift_px[shown],
        brightness=_brightness(scene)[shown],
        psf_px=_psf(scene)[shown],
        state=_state(scene),
    )


def _steps(scene: Recording) -> NDArray[np.int64]:
    """Camera ticks at which the frames were recorded, dropped ones counted."""
    steps = np.arange(scene.frames)
    for frame, count in scene.dropped:
        steps[int(frame) :] += int(count)
    return steps


def _shown(scene: Recording) -> NDArray[np.int64]:
    shown = np.arange(scene.frames)
    for frame in sorted(scene.duplicate):
        shown[frame] = shown[frame - 1]
    return shown


def _drift(scene: Recording, steps: NDArray[np.int64]) -> FloatArray:
    """Walk whose velocity keeps its direction for a while, half its power in steps without memory, and the jumps.

    Stages creep (slow, persistent) and shake (independent from frame to frame); both are seen in real movies.
    """
    rng = chance(scene.seed, "drift")
    ticks = int(steps[-1]) + 1
    kept = np.exp(-1 / 15)  # creep keeps its direction for about 15 frames
    creep = np.zeros((ticks, 2))
    for tick in range(1, ticks):
        creep[tick] = kept * creep[tick - 1] + np.sqrt(1 - kept**2) * rng.normal(size=2)
    shake = rng.normal(size=(ticks, 2))
    path = np.cumsum(scene.drift_px / 2 * (creep + shake), axis=0)[steps]
    for frame, dy, dx in scene.jumps:
        path[int(frame) :] += (dy, dx)
    return np.asarray(path - path[0])


def _brightness(scene: Recording) -> FloatArray:
    rng = chance(scene.seed, "flicker")
    brightness = np.clip(1 + scene.flicker * rng.normal(size=scene.frames), 0.05, None)
    for frame, factor in scene.illumination_steps:
        brightness[int(frame) :] *= factor
    return brightness


def _psf(scene: Recording) -> FloatArray:
    rng = chance(scene.seed, "defocus")
    psf = scene.psf_px * np.clip(1 + scene.defocus_wander * np.abs(rng.normal(size=scene.frames)), 0.3, 3.0)
    for frame, sigma in scene.blurred:
        psf[int(frame)] = np.hypot(scene.psf_px, sigma)
    return np.asarray(psf)


def _state(scene: Recording) -> NDArray[np.object_]:
    state = np.full(scene.frames, "ok", dtype=object)
    state[[int(frame) for frame, _ in scene.blurred]] = "blurred"
    state[list(scene.duplicate)] = "duplicate"
    state[list(scene.blank)] = "blank"
    return state
