"""Mean curves per condition on a common axis: V/V0 against time, degraded fraction against temperature.

Strategy: every movie's own curve is interpolated on to one axis within the time it covers, and goes into running sums;
so memory does not grow with the number of movies. From the sums follow the mean over particles, the spread between
them, and the uncertainty of the mean from how the movies differ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tem_track.batch.finished import FinishedRun, Group
from tem_track.batch.means import TWO_SIDED_95, student_95
from tem_track.movie import FloatArray
from tem_track.tables import EXPANSION, FRONT, KINDS, Column, Table, blank_table
from tem_track.write.tables import read_table

# Points of a common axis: a curve on a journal page is 1000 px wide.
_MOST_POINTS = 1000
# A gap longer than this many of a movie's own steps is not bridged.
_LONGEST_GAP = 6.0
# Steps of a temperature axis that a reader expects, degC.
_STEPS_C = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
# Less than this is a hold at one temperature, degC, and not a ramp.
_SHORTEST_RAMP_C = 5.0

# Curves of single movies that a group keeps: more are a thicket.
_SHOWN_MOVIES = 12

ALL_KINDS = "all"
VOLUME_CURVE: tuple[Column, ...] = (
    Column("kind", "text", "all, solid, core-shell or hollow"),
    Column("frame", "float", "frame number, where no movie has times"),
    Column("time_s", "float", "time since the first frame", 12),
    Column("movies", "int", "movies that go into this row"),
    Column("particles", "int", "particles that go into it"),
    Column("volume_ratio_mean", "float", "mean V/V0 over the particles"),
    Column("volume_ratio_sd", "float", "spread of V/V0 between particles (standard deviation)"),
    Column(
        "volume_ratio_low", "float", "lower end of the mean's 95 % interval; with several movies from how they differ"
    ),
    Column("volume_ratio_high", "float", "upper end of it"),
)
FRONT_CURVE: tuple[Column, ...] = (
    Column("temperature_c", "float", "temperature on heating"),
    Column("movies", "int", "movies that go into this row"),
    Column("degraded_fraction_mean", "float", "mean share of the film that has degraded"),
    Column("degraded_fraction_sd", "float", "spread between movies (standard deviation)"),
    Column("degraded_fraction_low", "float", "lower end of the mean's 95 % interval, from how the movies differ"),
    Column("degraded_fraction_high", "float", "upper end of it"),
    Column("boundary_fraction_mean", "float", "mean share of the boundary zone"),
    Column("interior_fraction_mean", "float", "mean share of the interiors"),
)


@dataclass(frozen=True)
class GroupCurve:
    """The mean curve of one group, and of one kind of particle where that matters.

    Attributes
    ----------
    group : Group
    table : Table
        Rows of `VOLUME_CURVE` or `FRONT_CURVE`, only where at least one movie has a value.
    movies : tuple of (x, y)
        The curves of single movies on their own axes, a few of them, where there are any to be shown.
    """

    group: Group
    table: Table
    movies: tuple[tuple[FloatArray, FloatArray], ...] = ()


class _Sums:
    """Running sums of curves with mean, spread and standard uncertainty of the mean, at every point of an axis."""

    def __init__(self, points: int):
        self.movies, self.n = np.zeros(points), np.zeros(points)
        self._nm, self._nmm, self._within = np.zeros(points), np.zeros(points), np.zeros(points)
        self._nn, self._nnm, self._nnmm, self._nnee = (np.zeros(points) for _ in range(4))

    def add(self, n: FloatArray, mean: FloatArray, sd: FloatArray, sem: FloatArray) -> None:
        """Add one movie: particles, their mean, spread, and its standard uncertainty; NaN where it has none."""
        known = np.isfinite(mean) & (n > 0)
        n, mean, sd, sem = (np.where(known, np.nan_to_num(values), 0.0) for values in (n, mean, sd, sem))
        self.movies += known
        self.n += n
        self._nm += n * mean
        self._nmm += n * mean**2
        self._within += np.maximum(n - 1, 0) * sd**2
        self._nn += n**2
        self._nnm += n**2 * mean
        self._nnmm += n**2 * mean**2
        self._nnee += n**2 * sem**2

    def results(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the mean, the spread and the half 95 % interval of the mean; NaN where there is none."""
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = self._nm / self.n
            between = np.maximum(self._nmm - self.n * mean**2, 0.0)
            sd = np.sqrt((self._within + between) / np.where(self.n > 1, self.n - 1, np.nan))
            differ = np.maximum(self._nnmm - 2 * mean * self._nnm + mean**2 * self._nn, 0.0) / self.n**2
            movies = np.where(self.movies > 1, self.movies, np.nan)
            scatter = student_95(self.movies - 1) * np.sqrt(movies / (movies - 1) * differ)
            measured = TWO_SIDED_95 * np.sqrt(self._nnee) / self.n
        return mean, sd, np.fmax(scatter, np.where(measured > 0, measured, np.nan))


def volume_curves(groups: Sequence[Group]) -> list[GroupCurve]:
    """Return the mean V/V0 of every group, of all its particles and of each kind, on one axis of time.

    Movies without times are left out, unless none has any: the axis is then the frame number.
    """
    runs = [run for group in groups for run in group.runs if (run.folder / "expansion.csv").is_file()]
    spans = {run.movie: _span(run) for run in runs}
    timed = any(is_timed for _, _, is_timed in spans.values())
    spans = {movie: span for movie, span in spans.items() if span[2] == timed and span[1] > 0}
    if not spans:
        return []
    axis = _time_axis([end for _, end, _ in spans.values()], [step for step, _, _ in spans.values()])
    curves = []
    for group in groups:
        sums = {kind: _Sums(len(axis)) for kind in (ALL_KINDS, *KINDS)}
        for run in group.runs:
            if run.movie in spans:
                _add_expansion(sums, read_table(run.folder / "expansion.csv", EXPANSION), axis, timed)
        for kind, total in sums.items():
            if total.n.any():
                curves.append(GroupCurve(group, _volume_rows(kind, axis, total, timed)))
    return curves


def front_curves(groups: Sequence[Group]) -> list[GroupCurve]:
    """Return the mean degraded fraction of every group against temperature, from the heating of each movie."""
    tables = {run.movie: t for group in groups for run in group.runs if (t := _heating(run)) is not None}
    if not tables:
        return []
    low = min(float(table["temperature_c"].min()) for table in tables.values())
    high = max(float(table["temperature_c"].max()) for table in tables.values())
    step = next((step for step in _STEPS_C if (high - low) / step < _MOST_POINTS / 2), _STEPS_C[-1])
    axis = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
    curves = []
    for group in groups:
        own = [tables[run.movie] for run in group.runs if run.movie in tables]
        if own:
            single = tuple((table["temperature_c"], table["degraded_fraction"]) for table in own[:_SHOWN_MOVIES])
            curves.append(GroupCurve(group, _front_rows(axis, own), single))
    return curves


def _span(run: FinishedRun) -> tuple[float, float, bool]:
    """Return the usual step, the end, and whether they are times, of a movie's curve."""
    expansion = read_table(run.folder / "expansion.csv", EXPANSION)
    timed = bool(np.isfinite(expansion["time_s"]).any())
    axis = expansion["time_s" if timed else "frame"].astype(np.float64)
    axis = axis[np.isfinite(axis)]
    return (float(np.median(np.diff(axis))), float(axis[-1]), timed) if len(axis) > 1 else (1.0, 0.0, timed)


def _time_axis(ends: Sequence[float], steps: Sequence[float]) -> FloatArray:
    end, step = max(ends), min(steps)
    step = max(step, end / (_MOST_POINTS - 1))
    return np.asarray(np.arange(int(np.floor(end / step * (1 + 1e-9))) + 1) * step, np.float64)


def _add_expansion(sums: dict[str, _Sums], expansion: Table, axis: FloatArray, timed: bool) -> None:
    x = expansion["time_s" if timed else "frame"].astype(np.float64)
    for kind, total in sums.items():
        ending = "" if kind == ALL_KINDS else f"_{kind.replace('-', '_')}"
        known = np.isfinite(expansion[f"volume_ratio_mean{ending}"]) & np.isfinite(x)
        if known.sum() > 1:
            at = _on_axis(x[known], axis)
            columns = [expansion[f"{name}{ending}"][known].astype(np.float64) for name in _OF_MEAN]
            total.add(*(at(column, column is columns[0]) for column in columns))


_OF_MEAN = ("particles", "volume_ratio_mean", "volume_ratio_sd", "volume_ratio_sem")


def _on_axis(x: FloatArray, axis: FloatArray) -> Callable[[FloatArray, bool], FloatArray]:
    """Return what puts a curve over x on to the axis: NaN outside of it and in its long gaps; counts are not mixed."""
    after = np.clip(np.searchsorted(x, axis), 1, len(x) - 1)
    gaps = x[after] - x[after - 1]
    # A hair's breadth: the axis is made of multiples, the movie's own times are what its file says.
    hair = 1e-6 * max(abs(float(x[-1])), 1e-12)
    inside = (axis >= x[0] - hair) & (axis <= x[-1] + hair) & (gaps <= _LONGEST_GAP * np.median(np.diff(x)))
    nearest = np.where(axis - x[after - 1] <= x[after] - axis, after - 1, after)

    def put(values: FloatArray, counts: bool) -> FloatArray:
        placed = values[nearest] if counts else np.interp(axis, x, values)
        return np.where(inside, placed, np.nan)

    return put


def _volume_rows(kind: str, axis: FloatArray, total: _Sums, timed: bool) -> Table:
    rows = np.flatnonzero(total.n > 0)
    mean, sd, half = total.results()
    table = blank_table(VOLUME_CURVE, len(rows))
    table["kind"][:] = kind
    table["time_s" if timed else "frame"] = axis[rows]
    table["movies"], table["particles"] = total.movies[rows].astype(np.int64), total.n[rows].astype(np.int64)
    table["volume_ratio_mean"], table["volume_ratio_sd"] = mean[rows], sd[rows]
    table["volume_ratio_low"], table["volume_ratio_high"] = (mean - half)[rows], (mean + half)[rows]
    return table


def _heating(run: FinishedRun) -> Table | None:
    """Return the rows of a front in which the specimen is hotter than ever before; None without a ramp."""
    path = run.folder / "front" / "front.csv"
    if not path.is_file():
        return None
    front = read_table(path, FRONT)
    known = np.isfinite(front["temperature_c"]) & np.isfinite(front["degraded_fraction"])
    front = {name: values[known] for name, values in front.items()}
    hottest = np.maximum.accumulate(np.concatenate([[-np.inf], front["temperature_c"]]))
    rising = front["temperature_c"] > hottest[:-1]
    if rising.sum() < 2 or np.ptp(front["temperature_c"][rising]) < _SHORTEST_RAMP_C:
        return None
    return {name: values[rising] for name, values in front.items()}


def _front_rows(axis: FloatArray, tables: Sequence[Table]) -> Table:
    names = ("degraded_fraction", "boundary_fraction", "interior_fraction")
    sums = {name: _Sums(len(axis)) for name in names}
    for table in tables:
        at = _on_axis(table["temperature_c"], axis)
        for name in names:
            values = at(table[name], False)
            sums[name].add(np.ones(len(axis)), values, np.zeros(len(axis)), np.zeros(len(axis)))
    total = sums["degraded_fraction"]
    rows = np.flatnonzero(total.n > 0)
    mean, sd, half = total.results()
    found = blank_table(FRONT_CURVE, len(rows))
    found["temperature_c"], found["movies"] = axis[rows], total.movies[rows].astype(np.int64)
    found["degraded_fraction_mean"], found["degraded_fraction_sd"] = mean[rows], sd[rows]
    # A share is between none and all.
    found["degraded_fraction_low"] = np.maximum(mean - half, 0.0)[rows]
    found["degraded_fraction_high"] = np.minimum(mean + half, 1.0)[rows]
    for name in names[1:]:
        found[f"{name}_mean"] = sums[name].results()[0][rows]
    return found
