"""V/V0 while a movie is being recorded: every frame is measured once, by itself, with what the frames before taught.

Strategy. What particles look like, and what belongs to the camera, is learnt from the frames there are and again
whenever their number has tripled. A new frame is registered on a few of those
measured before (the last two, some older ones, the first), its particles are found, numbered and outlined. The curves
are fitted to a bounded number of the frames. So an update costs the same after an hour as after a minute.

This is a preview: drift is not refined, tracks are not judged with hindsight, cores are not measured, and V0 is what
the frames so far make of it. The analysis of the finished recording shares no number with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tem_track.drift import FrameQuality, find_fixed_pixels, no_drift, survey_frames
from tem_track.expansion import measure_expansion
from tem_track.movie import FloatArray, Frames, Image, Labels, Mask, MeasuredFrames, Movie
from tem_track.pipeline.choose import Choice, choose_analysis
from tem_track.pipeline.in_order import share_out_work
from tem_track.pipeline.survey import Survey, zero_level
from tem_track.segment import Appearance, LiveOutlines, Outlines, learn_appearance, segment_frame
from tem_track.settings import ExpansionSettings, Settings
from tem_track.tables import TRACKS, Table, blank_table, row_count, select_rows
from tem_track.watch.live_film import LiveFilm
from tem_track.watch.live_link import LiveLinker

# Frames after which the first look is taken; enough to tell bars and words from the specimen.
FIRST_LOOK = 3
# It is taken again when there are so many times the frames: some seven times in ten thousand.
AGAIN = 3
# Measured frames back that a frame is registered on, beside the first: as `drift.survey` does, with fewer of them.
LAGS = (1, 2, 5, 15, 45)
# Frames that the curves are fitted to: the first, which make V0, the newest and, evenly, up to so many others.
FITTED_FIRST, FITTED_NEWEST, FITTED = 20, 40, 160
# With fewer frames than this a fit of stages may take the frames before the reaction for wrong ones, and V0 with them.
STAGES_FROM = 25
# Particles outlined in each frame, those that were there first: the mean of forty is known six times better than one.
MOST_PARTICLES = 40
# Measured frames within which a particle must be seen first for its start to be its V0; one that enters later, or is a
# piece of another, has none of its own.
FOUNDING = 5
# Usable frames from which it is told whether a movie shows particles or a film; `pipeline.choose` asks for more, since
# a front needs time: here they are still to come.
TELLING, ASKED_FOR = 3, 8
# Below this nothing is measured unless the user says that there are particles (as in `pipeline.measure`).
NOT_PARTICLES = 0.3


@dataclass(frozen=True)
class LiveFrame:
    """What was measured in one frame.

    Attributes
    ----------
    number : int
        Of the frame in the recording.
    drift_px : (2,) float64
        (dy, dx); NaN where it could not be registered.
    reason : str
        Why it is not used, "" where it is.
    """

    number: int
    drift_px: FloatArray
    reason: str


@dataclass(frozen=True)
class LiveCurves:
    """The curves so far, on a bounded number of frames.

    Attributes
    ----------
    tracks, population : Table
        TRACKS and EXPANSION of the frames fitted to; `frame` is the number in the recording.
    warnings : tuple of str
    """

    tracks: Table
    population: Table
    warnings: tuple[str, ...] = ()


@dataclass
class _Taught:
    """What the frames so far taught: the grey value of no electrons, the camera's own pixels, the particles' look."""

    zero: float
    fixed: Mask
    appearance: Appearance


@dataclass
class LiveMeasurement:
    """Measures frames as they come.

    Attributes
    ----------
    settings : Settings
    pixel_size_nm : float or None
    frames : list of LiveFrame
        Those measured, in order.
    newest : Outlines or None
        Of the last frame that could be measured.
    choice : Choice or None
        What the movie shows, as the analysis will judge it, None before there are frames enough to tell.
    film : LiveFilm or None
        The darkened share of a film, one value for each frame in `frames` that is used.
    """

    settings: Settings
    pixel_size_nm: float | None = None
    frames: list[LiveFrame] = field(default_factory=list)
    newest: Outlines | None = None
    choice: Choice | None = None
    film: LiveFilm | None = None
    _taught: _Taught | None = None
    _taught_from: int = 0
    _linker: LiveLinker = field(default_factory=LiveLinker)
    _outlines: LiveOutlines | None = None
    _rows: Table | None = None
    _founders: dict[int, None] = field(default_factory=dict)
    _founding: set[int] = field(default_factory=set)
    _followed: list[int] = field(default_factory=list)

    @property
    def last(self) -> int:
        """Return the number of the last frame measured, -1 before the first."""
        return self.frames[-1].number if self.frames else -1

    @property
    def appearance(self) -> Appearance | None:
        """Return what particles look like, None before that is known."""
        return None if self._taught is None else self._taught.appearance

    @property
    def sees_particles(self) -> bool:
        """Return whether what was found looks like particles, or the user says that there are some."""
        if self.choice is not None and not self.choice.particles:
            return False
        asked = self.settings.segment.polarity != "auto"
        return self.appearance is not None and (asked or self.appearance.particle_like >= NOT_PARTICLES)

    def learn(self, frames: Frames) -> bool:
        """Learn, where there are three times the frames of the last time, what they show; whether all begins anew.

        Parameters
        ----------
        frames : Frames
            All that are complete, as recorded.
        """
        if len(frames) < max(FIRST_LOOK, AGAIN * self._taught_from):
            return False
        share_out_work()
        zero = zero_level(frames)
        seen = MeasuredFrames(frames, zero)
        fixed = find_fixed_pixels(seen)
        appearance = learn_appearance(
            seen, usable=None, fixed=fixed, pixel_size_nm=self.pixel_size_nm, settings=self.settings.segment
        )
        before, self._taught_from = self._taught, len(frames)
        self._taught = _Taught(zero, fixed, appearance)
        if before is None or (before.appearance.polarity == appearance.polarity and before.zero == zero):
            return False
        self._forget()
        return True

    def add(self, frames: Frames, numbers: Sequence[int]) -> None:
        """Measure some frames behind those measured before.

        Parameters
        ----------
        frames : Frames
            As recorded.
        numbers : sequence of int
            Of the frames to measure, rising.
        """
        if self._taught is None or not numbers:
            return
        seen = MeasuredFrames(frames, self._taught.zero)
        placed = self._placed(seen, numbers)
        self.frames += placed
        usable = [frame for frame in placed if not frame.reason]
        if usable and self.film is not None:
            self._look_at_film(seen, usable)
        if usable and self.sees_particles:
            self._outline(seen, usable)

    def choose(self, movie: Movie) -> None:
        """Judge whether the movie shows particles or a film, once there are frames enough to tell.

        Parameters
        ----------
        movie : Movie
            Its frames are those that are complete.
        """
        good = [frame for frame in self.frames if not frame.reason]
        if self.choice is not None or self._taught is None or len(good) < TELLING:
            return
        seen = MeasuredFrames(movie.frames, self._taught.zero)
        usable = np.zeros(len(seen) + ASKED_FOR, bool)
        usable[[frame.number for frame in good]] = usable[len(seen) :] = True
        quality = FrameQuality(usable, [""] * len(usable), np.arange(len(usable)))
        survey = Survey(seen, self._taught.zero, self._taught.fixed, quality, no_drift(len(usable)))
        self.choice = choose_analysis(movie, survey, self.settings)
        if self.choice.front:
            self.film = LiveFilm(self._taught.fixed)
            self._look_at_film(seen, good)
        if not self.choice.particles:
            self._rows, self.newest = None, None

    def _look_at_film(self, seen: MeasuredFrames, usable: Sequence[LiveFrame]) -> None:
        assert self.film is not None
        for frame in usable:
            self.film.add(seen[frame.number], frame.drift_px)

    def curves(self, times_s: FloatArray, timed: bool) -> LiveCurves | None:
        """Return V/V0 so far, None before there is a curve.

        Parameters
        ----------
        times_s : (M,) float64
            Times of the frames in `frames`.
        timed : bool
            False where they are frame numbers.
        """
        chosen = fitted_frames(len(self.frames))
        if self._rows is None or len(chosen) < 2:
            return None
        rows = select_rows(self._rows, np.isin(self._rows["track_id"], list(self._founders)))
        if not row_count(rows):
            return None
        numbers = np.array([self.frames[i].number for i in chosen])
        rows["frame"] = np.searchsorted(numbers, rows["frame"])
        rows["time_s"] = times_s[chosen][rows["frame"]]
        tracks = np.unique(rows["track_id"]).tolist()
        found = measure_expansion(
            rows,
            kinds=dict.fromkeys(tracks, "solid"),
            fates={},
            pixel_size_nm=self.pixel_size_nm,
            times_s=times_s[chosen],
            timed=timed,
            settings=self._expansion_settings(),
        )
        for table in (found.tracks, found.population):
            table["frame"] = numbers[table["frame"]]
        return LiveCurves(found.tracks, found.population, found.warnings)

    def _expansion_settings(self) -> ExpansionSettings:
        """Return the settings of the curves: V0 is that of the first frames until stages can be told from noise."""
        asked = self.settings.expansion
        return asked if asked.v0_frames or len(self.frames) >= STAGES_FROM else replace(asked, v0_frames=FIRST_LOOK)

    def _keep(self, rows: Table) -> None:
        """Take up rows, and let go of those of frames that no curve will be fitted to any more."""
        for frame, track in zip(rows["frame"].tolist(), rows["track_id"].tolist(), strict=True):
            if frame in self._founding or len(self._founding) < FOUNDING:
                self._founding.add(frame)
                self._founders[track] = None
        if self._rows is not None:
            rows = {name: np.concatenate([self._rows[name], rows[name]]) for name in rows}
        numbers = [self.frames[i].number for i in fitted_frames(len(self.frames))]
        self._rows = select_rows(rows, np.isin(rows["frame"], numbers))

    def _forget(self) -> None:
        """Begin anew: what was measured stands on another idea of the particles."""
        self.frames, self.newest, self._linker, self._outlines = [], None, LiveLinker(), None
        self._rows, self._followed, self.choice, self.film = None, [], None, None
        self._founders, self._founding = {}, set()

    def _placed(self, seen: MeasuredFrames, numbers: Sequence[int]) -> list[LiveFrame]:
        """Return drift and quality of frames, registered on some that were measured before."""
        assert self._taught is not None
        anchors = self._anchors()
        block = _Chosen(seen, [*(frame.number for frame in anchors), *numbers])
        quality, drift = survey_frames(block, fixed=self._taught.fixed, settings=self.settings.drift)
        path, count = drift.displacement_px, len(anchors)
        moved = np.array([anchor.drift_px - path[i] for i, anchor in enumerate(anchors)]).reshape(-1, 2)
        known = moved[np.isfinite(moved).all(axis=1)]
        offset = np.median(known, axis=0) if len(known) else -path[count]
        return [
            LiveFrame(number, path[count + i] + offset, quality.reason[count + i] or drift.reason[count + i])
            for i, number in enumerate(numbers)
        ]

    def _anchors(self) -> list[LiveFrame]:
        """Return the frames to register new ones on, rising: the first usable one and some of the last."""
        good = [frame for frame in self.frames if not frame.reason]
        chosen = {frame.number: frame for frame in [*good[:1], *(good[-lag] for lag in LAGS if lag <= len(good))]}
        return [chosen[number] for number in sorted(chosen)]

    def _outline(self, seen: MeasuredFrames, usable: Sequence[LiveFrame]) -> None:
        """Find, number and outline the particles of frames."""
        assert self._taught is not None
        taught = self._taught
        frames = [seen[frame.number] for frame in usable]
        labels, drift, wrong = [], [], np.zeros(2)
        for frame, image in zip(usable, frames, strict=True):
            found = segment_frame(image, taught.appearance, fixed=taught.fixed)
            # What one frame was placed wrongly by, those registered on it are too.
            drift.append(self._linker.placed(found, frame.drift_px - wrong))
            wrong = frame.drift_px - drift[-1]
            labels.append(self._linker.numbered(found, drift[-1]))
        self._correct(usable, drift)
        self._follow(labels[-1])
        if self._outlines is None:
            self._outlines = LiveOutlines(taught.appearance.polarity, taught.fixed)
        path = np.stack(drift)
        self.newest = self._outlines.add(frames, labels, path, set(self._followed))
        self._keep(_rows_of(self.newest, np.array([frame.number for frame in usable]), path))

    def _correct(self, usable: Sequence[LiveFrame], drift: Sequence[FloatArray]) -> None:
        """Put the drift that the particles tell in place of that of the picture."""
        told = {frame.number: path for frame, path in zip(usable, drift, strict=True)}
        self.frames = [
            replace(frame, drift_px=told[frame.number]) if frame.number in told else frame for frame in self.frames
        ]

    def _follow(self, labels: Labels) -> None:
        """Choose whom to follow: those followed so far that are still there, then the largest of the others."""
        size = np.bincount(labels.ravel())
        here = [int(n) for n in np.argsort(-size[1:], kind="stable") + 1 if size[n]]
        kept = [n for n in self._followed if n < len(size) and size[n]]
        self._followed = [*kept, *(n for n in here if n not in set(kept))][:MOST_PARTICLES]


def fitted_frames(count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return which of the frames measured the curves are fitted to: the first, the newest, every n-th between them.

    n doubles, so that what is once left out is never asked for again.

    >>> len(fitted_frames(100)), len(fitted_frames(10_000)), int(fitted_frames(10_000)[21])
    (100, 215, 128)
    """
    older = max(0, count - FITTED_NEWEST)
    step = 1
    while older > FITTED * step:
        step *= 2
    between = np.arange(0, older, step)
    first = np.arange(min(FITTED_FIRST, older))
    return np.concatenate([first, between[between >= len(first)], np.arange(older, count)])


class _Chosen:
    """Some frames of a recording, in the order given, as frames of their own."""

    def __init__(self, frames: MeasuredFrames, numbers: Sequence[int]):
        self._frames, self._numbers = frames, list(numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, k: int, /) -> Image:
        return self._frames[self._numbers[k]]


def _rows_of(outlines: Outlines, numbers: np.ndarray[tuple[int], np.dtype[np.int64]], drift_px: FloatArray) -> Table:
    """Return the TRACKS rows of outlines whose frames have the given numbers and drifts."""
    count = len(outlines.frame)
    table = blank_table(TRACKS, count)
    table["frame"] = numbers[outlines.frame]
    table["track_id"] = table["lineage_id"] = outlines.track_id.astype(np.int64)
    for name in ("y_px", "x_px", "area_px", "area_sd_px", "major_axis_px", "minor_axis_px", "quality"):
        table[name] = getattr(outlines, name).astype(np.float64)
    table["touches_border"] = outlines.touches_border.astype(np.int64)
    table["solidity"] = np.ones(count)
    table["state"] = np.array(["whole"] * count, object)
    there = drift_px[outlines.frame]
    table["y_specimen_px"], table["x_specimen_px"] = table["y_px"] - there[:, 0], table["x_px"] - there[:, 1]
    return table
