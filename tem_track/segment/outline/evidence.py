"""What is kept of the profiles of a whole movie: one row per particle and frame, sorted by track, then frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Image
from tem_track.segment.outline.body import FULLNESS_RADIUS, SMALL_BALL, BodyFits, fit_bodies, solid_guess
from tem_track.segment.outline.chord import (
    BASE,
    BLUR,
    CORE,
    CORE_RADIUS,
    EDGE,
    FRINGE,
    RadialProfiles,
    body_profiles,
)

# Bins of the common grid, which ends at 1.3 radii of the edge: nothing further out is used again.
_BINS, _REACH = 64, 1.3
# How much better the blur is known once neighbouring frames have been fitted: 0.6 px at first, then 0.1 px (focus
# drifts and scans jitter, but not by more from one frame to the next).
_BLUR_KNOWN = 0.15
# What a given form leaves unexplained, root mean square over the profile's height, at which it counts half. The right
# forms leave 1 or 2 % on simulated movies, with edges better than the general body's; where speckle passes for a core
# it is 4 % and more, with edges several times worse.
_UNEXPLAINED = 0.03
# A frame's own profile counts up to here, in radii of the edge.
_OWN_REACH = 1.35


@dataclass(frozen=True)
class Evidence:
    """One particle's profile in one frame (see RadialProfiles) and the (10,) parameters of its fit."""

    step: float
    level: Image
    weight: Image
    blur: float
    blur_sd: float
    parameters: FloatArray


class MovieProfiles:
    """All profiles of a movie: R rows sorted by track, then frame.

    Attributes
    ----------
    track : (R,) int64
    edge : (R,) float64
        Fitted edge of each profile in its own unit.
    common : RadialProfiles
        All of them on one grid, each in units of its own fitted edge.
    """

    def __init__(self, evidence: Sequence[Evidence], track: NDArray[np.int64], dark: bool):
        self.track = track
        self._evidence = evidence
        self._dark = dark
        parameters = np.stack([e.parameters for e in evidence])
        self.edge: FloatArray = parameters[:, EDGE]
        step = np.array([e.step for e in evidence])
        blur = np.array([e.blur for e in evidence])
        # Blur is a fixed number of px over the radius: a fit relative to what was expected has no unit.
        common = self._running_median(parameters[:, BLUR] / blur)
        self._blur, self._step = blur * common, step
        blur_sd = np.array([e.blur_sd for e in evidence])
        self._blur_sd = blur_sd * _BLUR_KNOWN
        # The same for the fringe: the blur's uncertainty is one number of px for all, here over the radius.
        self._fringe = self._running_median(parameters[:, FRINGE] / blur_sd**2) * blur_sd**2
        self.common = self._on_one_grid()

    def __len__(self) -> int:
        return len(self.track)

    def tracks(self) -> list[slice]:
        """Return the rows of every track, in order."""
        bounds = np.flatnonzero(np.diff(self.track)) + 1
        return [slice(int(a), int(b)) for a, b in zip([0, *bounds], [*bounds, len(self.track)], strict=True)]

    @property
    def _common_fringe(self) -> FloatArray:
        return np.asarray(self._fringe / self.edge**2)

    def _running_median(self, values: FloatArray) -> FloatArray:
        """Return the median of each row and up to five rows of the same track on either side."""
        found = np.empty_like(values)
        for rows in self.tracks():
            mine = values[rows]
            whole = np.median(sliding_window_view(mine, 11), axis=1) if len(mine) > 10 else np.zeros(0)
            ends = {k: np.median(mine[max(0, k - 5) : k + 6]) for k in range(len(mine)) if not 5 <= k < len(mine) - 5}
            found[rows] = [ends[k] if k in ends else whole[k - 5] for k in range(len(mine))]
        return found

    def by_bins(self) -> list[NDArray[np.intp]]:
        """Return the rows whose profiles have equal numbers of bins, together."""
        bins = np.array([len(e.level) for e in self._evidence])
        return [np.flatnonzero(bins == count) for count in np.unique(bins)]

    def own(self, rows: NDArray[np.intp]) -> RadialProfiles:
        """Return rows with equal numbers of bins as they were measured."""
        level = np.stack([self._evidence[i].level for i in rows])
        weight = np.stack([self._evidence[i].weight for i in rows])
        own = RadialProfiles(
            self._step[rows], level, weight, self._dark, self._blur[rows], self._blur_sd[rows], self._fringe[rows]
        )
        own.weight[own.rho > _OWN_REACH * self.edge[rows][:, None]] = 0.0
        return own

    def _on_one_grid(self) -> RadialProfiles:
        count, step = len(self), _REACH / _BINS
        level, weight = np.zeros((count, _BINS)), np.zeros((count, _BINS))
        for rows in self.by_bins():
            own = self.own(rows)
            # Where the bins of the common grid lie among the profile's own, in bins.
            at = (np.arange(_BINS) + 0.5) * step * (self.edge[rows] / own.step)[:, None] - 0.5
            last = own.level.shape[1] - 1
            low = np.clip(np.floor(at), 0, last - 1).astype(np.intp)
            part = np.clip(at - low, 0.0, 1.0)
            for kept, values in ((level, own.level), (weight, own.weight)):
                left, right = np.take_along_axis(values, low, axis=1), np.take_along_axis(values, low + 1, axis=1)
                kept[rows] = left + part * (right - left)
            # A bin of the common grid holds the information of its own width.
            weight[rows] *= (at <= last) * (step * self.edge[rows] / own.step)[:, None]
        edge = self.edge
        steps, blur, blur_sd = np.full(count, step), self._blur / edge, self._blur_sd / edge
        return RadialProfiles(steps, level, weight, self._dark, blur, blur_sd, self._fringe / edge**2)

    def pooled(self, group: NDArray[np.intp], count: int) -> RadialProfiles:
        """Return the weighted means of the rows of each group; `group` (R,) numbers them 0 to count - 1."""
        top, bottom = np.zeros((count, _BINS)), np.zeros((count, _BINS))
        np.add.at(top, group, self.common.weight * self.common.level)
        np.add.at(bottom, group, self.common.weight)
        members = np.maximum(np.bincount(group, minlength=count), 1)
        blur = np.bincount(group, self.common.blur, count) / members
        blur_sd = np.bincount(group, self.common.blur_sd, count) / members
        fringe = np.bincount(group, self._common_fringe, count) / members
        step = np.full(count, _REACH / _BINS)
        return RadialProfiles(step, top / np.maximum(bottom, 1e-12), bottom, self._dark, blur, blur_sd, fringe)

    def pooled_over_time(self, rows: NDArray[np.intp], reach: int) -> RadialProfiles:
        """Return for each of some rows the weighted mean of the rows of its track up to `reach` before and after."""
        top, bottom = np.zeros((len(rows), _BINS)), np.zeros((len(rows), _BINS))
        blur, blur_sd, fringe, members = (np.zeros(len(rows)) for _ in range(4))
        for offset in range(-reach, reach + 1):
            other = np.clip(rows + offset, 0, len(self) - 1)
            mine = ((rows + offset == other) & (self.track[other] == self.track[rows])).astype(np.float64)
            weight = self.common.weight[other] * mine[:, None]
            top += weight * self.common.level[other]
            bottom += weight
            blur += mine * self.common.blur[other]
            blur_sd += mine * self.common.blur_sd[other]
            fringe += mine * self._common_fringe[other]
            members += mine
        step = np.full(len(rows), _REACH / _BINS)
        level = top / np.maximum(bottom, 1e-12)
        return RadialProfiles(step, level, bottom, self._dark, blur / members, blur_sd / members, fringe / members)

    def edges_of_fuller_bodies(self) -> FloatArray:
        """Return the (R,) edges of the rows' own profiles, in their own units, for bodies whose fullness is free.

        Another form of body that describes the same profile: how far its edge is from that of the chosen one says how
        much the edge depends on the form, which for broken or faceted bodies is unknown.
        """
        edge = np.empty(len(self))
        for rows in self.by_bins():
            own = self.own(rows)
            start = solid_guess(own)
            start[:, CORE_RADIUS] = FULLNESS_RADIUS
            edge[rows] = fit_bodies(own, start, (*SMALL_BALL, CORE), rounds=15).parameters[:, EDGE]
        return edge

    def fit_own(
        self,
        start: FloatArray,
        free: tuple[int, ...],
        rounds: int,
        done: Callable[[NDArray[np.intp], BodyFits, FloatArray], None],
    ) -> None:
        """Fit every row's own profile from (R, 10) parameters; hand rows and fits over, equal bins together.

        The third thing handed over is how much the general body counts in each of them (0 to 1).

        Notes
        -----
        A body whose form does not describe a profile (speckle that passes for a core in some frames, a kind that is
        wrong) puts the edge where it spoils least, up to a tenth of the radius off. The most general body, which was
        fitted to each profile when its frame was read, then places the edge: the more, the more of the profile the
        given form leaves unexplained that the general one does not.
        """
        for rows in self.by_bins():
            own = self.own(rows)
            fits = fit_bodies(own, start[rows], free, rounds)
            general = fit_bodies(own, np.stack([self._evidence[i].parameters for i in rows]), free, rounds=0)
            share = _share_of_general(own, fits, general)
            for mine, other in ((fits.parameters, general.parameters), (fits.variance, general.variance)):
                mine[:, EDGE] += share * (other[:, EDGE] - mine[:, EDGE])
            fits.chi2[:] += share * (general.chi2 - fits.chi2)
            done(rows, fits, share)


def _share_of_general(own: RadialProfiles, fits: BodyFits, general: BodyFits) -> FloatArray:
    """Return how much (K, 0 to 1) the general body's edge counts, from what the other leaves unexplained beyond it."""
    model = body_profiles(general.parameters, own.level.shape[1], own.step, own.dark)
    height = np.maximum(np.abs(model - general.parameters[:, BASE, None]).max(axis=1), 1e-9)
    excess = np.maximum(0.0, fits.chi2 - general.chi2) / np.maximum(own.weight.sum(axis=1), 1e-12)
    strong = (excess / (_UNEXPLAINED * height) ** 2) ** 2
    return np.asarray(strong / (1 + strong))
