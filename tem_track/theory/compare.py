"""Measured V/V0 minus what unit cells say, particle by particle and per kind.

A particle is compared with the complete reaction at its end, and with the stages before where its curve has as many
stages as the reaction. The envelope of a hollow particle holds its void, of which unit cells know nothing; where a void
was measured the particle is therefore compared a second time without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from tem_track.movie import FloatArray
from tem_track.tables import KINDS, THEORY, Table, row_count, select_rows, table_from_rows
from tem_track.theory.reaction import Level
from tem_track.theory.void import around, solid_ratio, void_share

# 95 % of a normal distribution lies within this many standard deviations.
_TWO_SIDED_95 = 1.959964
# Without times nothing says that a curve ended on a plateau but this many frames after its last stage.
_PLATEAU_FRAMES = 3
# What a comparison reads of TRACKS.
_NEEDED = (
    "frame",
    "volume_ratio",
    "volume_ratio_sd",
    "equivalent_diameter_px",
    "void_equivalent_diameter_px",
    "void_equivalent_diameter_sd_px",
    "touches_border",
)
# A particle that the border cuts in more than half of its frames has no volume of its own (as in the figures).
_CUT = 0.5


def compare(particles: Table, stages: Table, tracks: Table, expected: Mapping[str, Sequence[Level]]) -> Table:
    """Return the THEORY table: one row per track, level reached and body.

    Parameters
    ----------
    particles, stages, tracks : Table
        PARTICLES, STAGES, TRACKS of a run.
    expected : mapping of kind to sequence of Level
        Of the kind's reaction, in the order of its stages; empty leaves the kind out.

    Notes
    -----
    A particle whose volume still changes at the end, whose V0 was not seen, that did not react or that the border cuts
    is listed with a remark and does not count in the mean. Intervals hold the uncertainty of the cells where it is
    known for all of them.
    """
    rows: list[dict[str, Any]] = []
    rows_of_track, rows_of_stages = _rows_by_track(tracks), _rows_by_track(stages)
    needed = {name: tracks[name] for name in _NEEDED}
    nothing = np.empty(0, np.int64)
    for k in range(row_count(particles)):
        particle = {name: values[k] for name, values in particles.items()}
        track = select_rows(needed, rows_of_track.get(int(particle["track_id"]), nothing))
        of_stages = select_rows(stages, rows_of_stages.get(int(particle["track_id"]), nothing))
        if wanted := expected.get(particle["kind"]):
            rows.extend(_rows_of_particle(particle, of_stages, track, wanted))
    return table_from_rows(THEORY, rows)


def _rows_by_track(table: Table) -> dict[int, NDArray[np.int64]]:
    """Return the rows of each track of a table, in their order."""
    order = np.argsort(table["track_id"], kind="stable")
    ids, starts = np.unique(table["track_id"][order], return_index=True)
    return dict(zip(ids.tolist(), np.split(order, starts[1:]), strict=True)) if len(order) else {}


def kind_means(table: Table) -> list[dict[str, Any]]:
    """Return, for each kind, level and body, the mean of the counted particles minus theory.

    Returns
    -------
    list of dict
        ``kind``, ``level``, ``body``, ``particles`` (counted), ``volume_ratio``, ``expected_volume_ratio``,
        ``difference`` and the ends of its 95 % interval, ``difference_low`` and ``difference_high``.

    Notes
    -----
    What the particles have in common does not average out: the interval of a mean is that of its scatter (Student's
    factor) or of the single uncertainties, whichever is larger, and the mean of the shared part in quadrature.
    """
    found = []
    keys = dict.fromkeys(zip(table["kind"], table["level"], table["body"], strict=True))
    for kind, level, body in sorted(keys, key=lambda key: (KINDS.index(key[0]), key[2], key[1] == "complete", key[1])):
        chosen = (table["kind"] == kind) & (table["level"] == level) & (table["body"] == body)
        rows = select_rows(table, chosen & (table["counted"] == 1))
        if row_count(rows):
            found.append({"kind": kind, "level": level, "body": body, **_mean(rows)})
    return found


def _mean(rows: Table) -> dict[str, Any]:
    n, values = row_count(rows), rows["volume_ratio"]
    half = np.hypot(_half_width_own(values, rows["sd_own"]), _TWO_SIDED_95 * float(rows["sd_shared"].mean()))
    half = float(np.hypot(half, _half_width_of_cells(rows)))
    expected = float(rows["expected_volume_ratio"][0])
    difference = float(values.mean()) - expected
    return {
        "particles": n,
        "volume_ratio": float(values.mean()),
        "expected_volume_ratio": expected,
        "difference": difference,
        "difference_low": difference - half,
        "difference_high": difference + half,
    }


def _half_width_own(values: FloatArray, sds: FloatArray) -> float:
    n = len(values)
    stated = _TWO_SIDED_95 * float(np.sqrt((sds**2).sum())) / n
    if n < 2:
        return stated
    return max(stated, float(stdtrit(n - 1, 0.975)) * float(np.std(values, ddof=1)) / float(np.sqrt(n)))


def _half_width_of_cells(rows: Table) -> float:
    """Return by how much, in quadrature, the difference is less sure than the measured value: the cells' share."""
    measured = rows["volume_ratio_high"][0] - rows["volume_ratio"][0]
    widened = rows["difference_high"][0] - rows["difference"][0]
    return float(np.sqrt(max(widened**2 - measured**2, 0.0)))


def _rows_of_particle(
    particle: Mapping[str, Any], stages: Table, track: Table, expected: Sequence[Level]
) -> Iterator[dict[str, Any]]:
    if not np.isfinite(particle["final_volume_ratio"]):
        return
    no_reference = _no_reference(particle, track)
    states: list[tuple[Level, _State, str]] = []
    if len(expected) == row_count(stages):
        for level, frame in zip(expected[:-1], stages["end_frame"][:-1], strict=True):
            states.append((level, _at_frame(track, float(frame)), no_reference))
    states.append((expected[-1], _at_end(particle), no_reference or _not_complete(particle, stages)))
    for level, envelope, remark in states:
        bodies = {"envelope": envelope, "without void": _without_void(envelope, particle, track)}
        for body, state in bodies.items():
            if state is not None and np.isfinite(state.ratio):
                named = {"track_id": particle["track_id"], "kind": particle["kind"], "level": level.label, "body": body}
                yield {**named, **_difference(state, level), "counted": int(not remark), "remark": remark}


@dataclass(frozen=True)
class _State:
    """A measured V/V0 at a frame: 95 % interval, and its standard uncertainty in an own and a shared part."""

    frame: float
    ratio: float
    low: float
    high: float
    own: float
    shared: float


def _at_end(particle: Mapping[str, Any]) -> _State:
    """Return the final V/V0 with what PARTICLES says of its uncertainty."""
    own = float(np.sqrt(sum(particle[f"final_sd_{part}"] ** 2 for part in ("noise", "curve", "v0"))))
    shared = float(np.hypot(particle["final_sd_localisation"], particle["final_sd_shape"]))
    low, ratio, high = (float(particle[f"final_volume_ratio{end}"]) for end in ("_low", "", "_high"))
    if not np.isfinite(own + shared):
        own, shared = 0.0, (high - low) / (2 * _TWO_SIDED_95)
    return _State(float(particle["last_frame"]), ratio, low, high, own, shared)


def _at_frame(track: Table, frame: float) -> _State:
    """Return V/V0 at a frame within the track; its uncertainty counts as shared, the table does not part it."""
    known = np.isfinite(track["volume_ratio"])
    near = around(track["frame"], frame) & known
    ratio = float(np.interp(frame, track["frame"][known], track["volume_ratio"][known]))
    sd = float(np.median(track["volume_ratio_sd"][near])) if near.any() else float("nan")
    half = _TWO_SIDED_95 * sd
    return _State(frame, ratio, ratio - half, ratio + half, 0.0, sd)


def _without_void(envelope: _State, particle: Mapping[str, Any], track: Table) -> _State | None:
    """Return the state of the solid in a hollow particle; None where no void was measured then or at the start."""
    if particle["volume_model"] != "sphere":
        return None
    onset = particle["onset_frame"]
    before = track["frame"] < onset if np.isfinite(onset) else around(track["frame"], float(track["frame"].min()))
    start, now = void_share(track, before), void_share(track, around(track["frame"], envelope.frame))
    solid = solid_ratio(envelope.ratio, now, start) if start and now else None
    if solid is None or start is None:
        return None
    ratio, void_sd = solid
    stretched = 1 / (1 - start.value)
    low, high = (
        ratio + sign * float(np.hypot(stretched * abs(end - envelope.ratio), _TWO_SIDED_95 * void_sd))
        for sign, end in ((-1, envelope.low), (1, envelope.high))
    )
    shared = float(np.hypot(stretched * envelope.shared, void_sd))
    return _State(envelope.frame, ratio, low, high, stretched * envelope.own, shared)


def _difference(state: _State, level: Level) -> dict[str, Any]:
    difference = state.ratio - level.volume_ratio
    cells = _TWO_SIDED_95 * float(np.nan_to_num(level.volume_ratio_sd))
    return {
        "frame": state.frame,
        "volume_ratio": state.ratio,
        "volume_ratio_low": state.low,
        "volume_ratio_high": state.high,
        "sd_own": state.own,
        "sd_shared": state.shared,
        "expected_volume_ratio": level.volume_ratio,
        "difference": difference,
        "difference_low": difference - float(np.hypot(state.ratio - state.low, cells)),
        "difference_high": difference + float(np.hypot(state.high - state.ratio, cells)),
    }


def _no_reference(particle: Mapping[str, Any], track: Table) -> str:
    """Return why the particle's V/V0 is not its whole volume over the pristine one, if so."""
    if particle["volume_model"] == "film":
        return "film: its thickness is not measured"
    if not particle["v0_seen"]:
        return "V0 not seen"
    return "cut by the border" if track["touches_border"].mean() > _CUT else ""


def _not_complete(particle: Mapping[str, Any], stages: Table) -> str:
    """Return why the end of the curve is not the end of the reaction, if so."""
    if not row_count(stages):
        unchanged = particle["final_volume_ratio_low"] <= 1 <= particle["final_volume_ratio_high"]
        return "no change of volume" if unchanged else "no stages found"
    timed = np.isfinite(stages["end_s"]).any()
    frames_after = particle["last_frame"] - stages["end_frame"][-1]
    complete = np.isfinite(particle["complete_s"]) if timed else frames_after >= _PLATEAU_FRAMES
    return "" if complete else "still changing at the end"
