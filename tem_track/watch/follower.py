"""What there is to do with a recording that grows: measure what is new as far as time allows, write the view."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from tem_track.errors import InputError, SettingsError
from tem_track.movie import FloatArray, Movie
from tem_track.pipeline.theory import expected_theory
from tem_track.read.growing.opening import GrowingFrames, movie_so_far, open_growing
from tem_track.read.growing.times import extended_times
from tem_track.settings import Settings, settings_dict, settings_from
from tem_track.watch.frames_so_far import FramesSoFar, ReadableFrames, can_be_read
from tem_track.watch.live_measure import LiveCurves, LiveFrame, LiveMeasurement
from tem_track.watch.live_view import LiveView, newest_mean, time_axis
from tem_track.watch.state import LiveState, write_state
from tem_track.write.drawing import OverlayFrame
from tem_track.write.expected_levels import ExpectedLevel
from tem_track.write.overlay import status_text

# Share of the time between two updates that measuring may take: the rest is for the analyses of finished recordings.
_BUSY = 0.8
# Of the first frames none is left out: they make V0.
NONE_LEFT_OUT = 10
# Frames that are measured together before it is known how long one takes, and while the first ones wait.
_UNKNOWN = 4
# What the file says is asked again at every update while that takes less than this share of the time between two, and
# after that whenever there are so many times the frames.
_QUICK, _GROWN = 0.03, 1.1
# How fast the estimate of the seconds per frame follows.
_RECENT = 0.3


@dataclass(frozen=True)
class FollowRequest:
    """Which recording is followed, and how.

    Attributes
    ----------
    movie, folder : Path
        What is being written, and where the live view goes; the folder exists.
    settings : Settings
    every_s : float
        Time between updates.
    times, temperature, phases : Path or None
        Phases of the user's own, for the reaction that the settings name.
    """

    movie: Path
    folder: Path
    settings: Settings = field(default_factory=Settings)
    every_s: float = 2.0
    times: Path | None = None
    temperature: Path | None = None
    phases: Path | None = None

    def as_json(self) -> str:
        """Return the request as one line of JSON."""
        paths = {name: None if path is None else os.fspath(path) for name, path in self._paths().items()}
        return json.dumps({**paths, "settings": settings_dict(self.settings), "every_s": self.every_s})

    @classmethod
    def from_json(cls, text: str) -> FollowRequest:
        """Return the request that `as_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        for name in ("movie", "folder", "times", "temperature", "phases"):
            values[name] = None if values[name] is None else Path(values[name])
        return cls(**values | {"settings": settings_from(values["settings"])})

    def _paths(self) -> dict[str, Path | None]:
        beside = {"times": self.times, "temperature": self.temperature, "phases": self.phases}
        return {"movie": self.movie, "folder": self.folder, **beside}


def next_frames(last: int, complete: int, affordable: int) -> list[int]:
    """Return which frames to measure next: all new ones, or as many as can be afforded, evenly, the newest always.

    Parameters
    ----------
    last : int
        The last frame measured, -1 before the first.
    complete : int
        Frames there are.
    affordable : int
        Frames that an update has time for.

    >>> next_frames(9, 13, 5), next_frames(9, 30, 4), next_frames(3, 30, 4)
    ([10, 11, 12], [14, 19, 24, 29], [4, 5, 6, 7])
    """
    new = complete - 1 - last
    count = max(0, min(new, affordable))
    if last + 1 < NONE_LEFT_OUT:
        return list(range(last + 1, last + 1 + count))
    return [last + round(new * (i + 1) / count) for i in range(count)]


class Follower:
    """Follows one recording; `update` does what there is to do now.

    Parameters
    ----------
    request : FollowRequest
    """

    def __init__(self, request: FollowRequest):
        self._request = request
        self._frames: GrowingFrames | None = None
        self._movie: Movie | None = None
        self._known = 0
        self._measured = LiveMeasurement(request.settings)
        self._view: LiveView | None = None
        self._frame_s = 0.0
        self._fit_s = 0.0
        self._open_s = 0.0
        self._state = LiveState(message="waiting for the first frames")

    def update(self) -> LiveState:
        """Measure what is new, write the view, and return what is known now.

        Raises
        ------
        InputError
            The recording cannot be followed.
        """
        begin = time.monotonic()
        try:
            complete = self._look()
        except InputError as error:
            if self._frames is not None:
                raise
            return self._told(replace(self._state, message=str(error)), begin)
        assert self._frames is not None
        so_far = FramesSoFar(self._frames, complete)
        if complete and not self._state.frames:
            self._show_first(so_far, begin)
        self._learn(so_far)
        chosen = next_frames(self._measured.last, complete, self._affordable())
        if self._measured.appearance is None or not chosen:
            return self._told(self._where(complete, None), begin, write=bool(complete != self._state.frames))
        self._add(so_far, chosen)
        assert self._movie is not None
        self._measured.choose(replace(self._movie, frames=so_far, shape=(complete, *self._movie.shape[1:])))
        curves = self._curves() if self._measured.choice is not None else None
        self._write(so_far, curves)
        return self._told(self._where(complete, curves), begin)

    def _look(self) -> int:
        """Return how many frames are complete; open the recording where that is not done yet."""
        if self._frames is None:
            self._frames = open_growing(self._request.movie)
            if self._frames is None:
                raise InputError("this kind of file can be read once it is closed")
        complete = self._frames.look()
        # Opening costs more the longer the recording is: at every update while that is nothing, then ever less often.
        quick = self._open_s < _QUICK * self._request.every_s
        if complete > self._known and (quick or complete > _GROWN * self._known):
            self._open(complete)
        return complete

    def _open(self, complete: int) -> None:
        """Read what the file says of its frames: times, temperatures and scale may have come."""
        assert self._frames is not None
        begin = time.monotonic()
        request = self._request
        self._movie = movie_so_far(
            self._frames, request.movie, request.settings.input, request.times, request.temperature
        )
        self._known, self._open_s = complete, time.monotonic() - begin
        self._measured.pixel_size_nm = self._movie.calibration.pixel_size_nm
        if self._view is None:
            self._view = LiveView(request.folder, expected=_expected(request))
        self._view.pixel_size_nm = self._measured.pixel_size_nm

    def _show_first(self, so_far: FramesSoFar, begin: float) -> None:
        """Show the recording as it is: what particles look like takes a few seconds to learn."""
        assert self._view is not None
        newest = len(so_far) - 1
        status = status_text(newest, len(so_far), None, self._temperature(newest))
        self._view.write_frame(ReadableFrames(so_far), newest, OverlayFrame(status=status))
        self._told(replace(self._state, frames=len(so_far), message="looking at the first frames"), begin)

    def _learn(self, so_far: FramesSoFar) -> None:
        if self._measured.learn(ReadableFrames(so_far)):
            self._frame_s = 0.0

    def _affordable(self) -> int:
        """Return how many frames an update has time for; a few where the first ones wait."""
        if self._frame_s == 0:
            return _UNKNOWN
        least = _UNKNOWN if self._measured.last < NONE_LEFT_OUT else 1
        return max(least, int((_BUSY * self._request.every_s - self._fit_s) / self._frame_s))

    def _add(self, so_far: FramesSoFar, chosen: list[int]) -> None:
        begin = time.monotonic()
        try:
            self._measured.add(so_far, chosen)
        except InputError:
            # One of them cannot be read; which one is found by reading them alone.
            readable = [k for k in chosen if can_be_read(so_far, k)]
            self._measured.add(so_far, readable)
            lost = [LiveFrame(k, np.full(2, np.nan), "cannot be read") for k in chosen if k not in readable]
            self._measured.frames = sorted([*self._measured.frames, *lost], key=lambda frame: frame.number)
        spent = (time.monotonic() - begin) / len(chosen)
        if len(self._measured.frames) <= len(chosen):
            # The first ones also tell whether there is a fringe, which is looked for once.
            return
        self._frame_s = spent if self._frame_s == 0 else (1 - _RECENT) * self._frame_s + _RECENT * spent

    def _times(self) -> FloatArray:
        """Return the times of the measured frames."""
        assert self._movie is not None
        numbers = np.array([frame.number for frame in self._measured.frames], np.int64)
        return extended_times(self._movie.times_s, int(numbers[-1]) + 1)[numbers]

    def _curves(self) -> LiveCurves | None:
        assert self._movie is not None
        begin = time.monotonic()
        curves = self._measured.curves(self._times(), self._movie.timed)
        self._fit_s = time.monotonic() - begin
        return curves

    def _write(self, so_far: FramesSoFar, curves: LiveCurves | None) -> None:
        assert self._view is not None
        assert self._movie is not None
        times, newest = self._times(), self._measured.frames[-1].number
        time_s = float(times[-1]) if self._movie.timed else None
        status = status_text(newest, len(so_far), time_s, self._temperature(newest))
        self._view.write_picture(ReadableFrames(so_far), self._measured, status)
        self._view.write_drift(self._measured, times, self._movie.timed)
        if self._measured.film is not None:
            self._view.write_film(self._measured, *self._film_axis(times))
        if curves is not None:
            self._view.write_curves(curves, self._movie.timed)
        elif not self._measured.sees_particles:
            self._view.remove_curves()

    def _film_axis(self, times: FloatArray) -> tuple[FloatArray, str]:
        """Return temperatures of the measured frames where all are known, their times otherwise, and the label."""
        assert self._movie is not None
        known = [self._temperature(frame.number) for frame in self._measured.frames]
        if known and all(value is not None for value in known):
            return np.array(known, np.float64), "Temperature (°C)"
        return time_axis(times, self._movie.timed)

    def _temperature(self, k: int) -> float | None:
        """Return the temperature of frame k where it is known already."""
        assert self._movie is not None
        known = self._movie.temperatures_c
        return float(known[k]) if known is not None and k < len(known) and np.isfinite(known[k]) else None

    def _where(self, complete: int, curves: LiveCurves | None) -> LiveState:
        """Return the state after an update; what it did not measure anew stays as it was."""
        frames = self._measured.frames
        state = replace(self._state, frames=complete, measured=len(frames), message=self._message())
        if not frames:
            return state
        newest = frames[-1]
        known = bool(np.isfinite(newest.drift_px).all())
        state = replace(
            state,
            newest_frame=newest.number,
            behind=complete - 1 - newest.number,
            darkened_share=self._darkened(),
            drift_y_px=float(newest.drift_px[0]) if known else None,
            drift_x_px=float(newest.drift_px[1]) if known else None,
            time_s=float(self._times()[-1]) if self._movie and self._movie.timed else None,
            temperature_c=self._temperature(newest.number),
            warnings=self._warnings(curves),
        )
        if not self._measured.sees_particles:
            # What was taken for particles in the first frames was none.
            return replace(state, curve_frame=None, particles=None, volume_ratio=None, volume_ratio_sd=None)
        row = None if curves is None else newest_mean(curves.population)
        if curves is None or row is None:
            return state
        mean = curves.population
        return replace(
            state,
            curve_frame=int(mean["frame"][row]),
            particles=int(mean["particles"][row]),
            volume_ratio=float(mean["volume_ratio_mean"][row]),
            volume_ratio_sd=float(mean["volume_ratio_sem"][row]),
        )

    def _darkened(self) -> float | None:
        """Return the darkened share of a film in the last frame that shows it."""
        share = [] if self._measured.film is None else self._measured.film.share
        return next((value for value in reversed(share) if np.isfinite(value)), None)

    def _message(self) -> str:
        measured = self._measured
        if measured.appearance is None:
            return "waiting for the first frames"
        if measured.film is None and not measured.sees_particles:
            grows = measured.choice is not None and measured.choice.growth
            why = "objects that grow are measured when it is complete" if grows else measured.appearance.reason
            return f"drift only: {why if grows else f'no separate particles seen ({why})'}"
        taken, span = len(measured.frames), measured.last + 1
        step = span / taken if taken else 1.0
        return "preview on every frame" if step < 1.05 else f"preview on one of {step:.1f} frames"

    def _warnings(self, curves: LiveCurves | None) -> tuple[str, ...]:
        unusable = [frame for frame in self._measured.frames if frame.reason]
        found = list(self._movie.warnings) if self._movie else []
        if unusable:
            last = unusable[-1]
            found.append(f"{len(unusable)} frames not used, the last: frame {last.number}, {last.reason}")
        if curves is not None:
            found += curves.warnings
        return tuple(dict.fromkeys(found))

    def _told(self, state: LiveState, begin: float, write: bool = True) -> LiveState:
        """Write the state where anything has changed, and keep it."""
        changed = write or state.message != self._state.message
        self._state = state
        if changed:
            self._state = replace(state, update_s=time.monotonic() - begin, updated=time.time())
            write_state(self._request.folder, self._state)
        return self._state


def _expected(request: FollowRequest) -> tuple[ExpectedLevel, ...]:
    """Return the levels of V/V0 that the reaction of the settings ends at; none for a reaction that is not known."""
    try:
        theory = expected_theory(request.settings.expansion.reaction, request.phases)
    except SettingsError:
        return ()
    return theory.lines if theory else ()
