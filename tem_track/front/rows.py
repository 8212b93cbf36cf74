"""The front's tables: per frame, grain, crossing, nucleus and distance from the boundaries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from tem_track.front.propagation.crossings import Crossing, one_per_pair
from tem_track.movie import FloatArray, Mask
from tem_track.tables import CROSSINGS, DISTANCE, FRONT, GRAINS, NUCLEI, VOIDS, Table, blank_table, table_from_rows

if TYPE_CHECKING:
    from tem_track.front.measure import Measured

# Degraded shares of a grain that are its onset and its completion: 1 % is a few pixels of a small grain, and the last
# pixels of a grain are a matter of noise.
ONSET_SHARE, COMPLETE_SHARE = 0.01, 0.95
# A frame's front speed is the median of the pixels that degrade within this many frames of it, if so many there are.
NEAR_FRAMES, FEWEST_PIXELS = 1.0, 20
# Distances from a boundary are counted in classes of a pixel, no more than this many.
MOST_DISTANCES = 400


def frame_table(m: Measured) -> Table:
    """Return ``front/front.csv``: degraded fractions, front speed and length frame by frame."""
    count = len(m.scale.times_s)
    table = blank_table(FRONT, count)
    frames = np.arange(count)
    table["frame"][:] = frames
    table["time_s"][:] = m.scale.seconds(frames)
    table["temperature_c"][:] = m.scale.degrees(frames)
    for name, where in (
        ("degraded_fraction", m.field),
        ("boundary_fraction", m.field & m.zone),
        ("interior_fraction", m.field & ~m.zone),
    ):
        table[name][:] = _fractions(m.frame[where], count)
    speed = _speeds(m, np.isfinite(m.speed))
    table["front_speed_nm_per_s"][:] = m.scale.nm_per_s(speed)
    table["front_speed_px_per_frame"][:] = speed * m.scale.interval
    table["boundary_speed_nm_per_s"][:] = m.scale.nm_per_s(_speeds(m, np.isfinite(m.speed) & m.zone))
    table["interior_speed_nm_per_s"][:] = m.scale.nm_per_s(_speeds(m, np.isfinite(m.speed) & ~m.zone))
    table["front_length_px"][:] = _lengths(m)
    table["front_length_nm"][:] = m.scale.nm(table["front_length_px"])
    return table


def _fractions(arrival_frame: NDArray[np.float32], count: int) -> FloatArray:
    """Return the share (T,) of pixels degraded by each frame; NaN without pixels."""
    if not arrival_frame.size:
        return np.full(count, np.nan)
    reached = np.sort(arrival_frame[np.isfinite(arrival_frame)])
    return np.searchsorted(reached, np.arange(count), side="right") / arrival_frame.size


def _speeds(m: Measured, known: Mask) -> FloatArray:
    """Return the median speed (T,), px per unit of the clock, of the pixels that degrade around each frame."""
    order = np.argsort(m.frame[known], kind="stable")
    frame, speed = m.frame[known][order], m.speed[known][order]
    frames = np.arange(len(m.scale.times_s))
    first, last = (np.searchsorted(frame, frames + e) for e in (-NEAR_FRAMES, NEAR_FRAMES))
    return np.array(
        [np.median(speed[a:b]) if b - a >= FEWEST_PIXELS else np.nan for a, b in zip(first, last, strict=True)]
    )


def _lengths(m: Measured) -> FloatArray:
    """Return the length of the front line (T,), px: |grad a| over the pixels of a frame's time, by their duration.

    By the coarea formula the area integral of |grad a| over arrival times between two moments is the integral of the
    front's length over the time between them.
    """
    known = np.isfinite(m.slope.noise)
    steep = np.hypot(m.slope.dy[known], m.slope.dx[known])
    count = len(m.scale.times_s)
    frame = np.clip(np.floor(m.frame[known] + 0.5), 0, count - 1).astype(int)
    edges = m.scale.clock(np.clip(np.arange(-0.5, count), 0, count - 1))
    return np.asarray(np.bincount(frame, steep, minlength=count) / np.maximum(np.diff(edges), 1e-12))


def grain_table(m: Measured) -> Table:
    """Return ``front/grains.csv``: when every grain began, was half done and done."""
    entered: dict[int, list[str]] = {}
    for crossing in sorted(one_per_pair(m.stretches), key=lambda c: c.time):
        entered.setdefault(crossing.target, []).append(str(crossing.source))
    nuclei = np.bincount([n.grain for n in m.nuclei], minlength=len(m.grains) + 1)
    rows = []
    for k, box in enumerate(find_objects(m.grains.territory), start=1):
        if box is not None:
            row = _grain_row(m, k, box) | {"nuclei": int(nuclei[k]), "entered_from": "+".join(entered.get(k, []))}
            rows.append(row)
    return table_from_rows(GRAINS, rows)


def _grain_row(m: Measured, k: int, box: tuple[slice, ...]) -> dict[str, Any]:
    inside = m.grains.territory[box] == k
    y, x = np.nonzero(inside)
    seen = inside & m.field[box]
    initial, fresh = seen & m.initial[box], seen & ~m.initial[box]
    frames = m.frame[box][fresh]
    area = float(inside.sum())
    at_edge = any(s.start == 0 or s.stop == size for s, size in zip(box, m.frame.shape, strict=True))
    row: dict[str, Any] = {
        "grain_id": k,
        "area_px": area,
        "area_nm2": float(m.scale.nm(1.0) ** 2 * area),
        "equivalent_diameter_nm": float(m.scale.nm(2 * np.sqrt(area / np.pi))),
        "y_px": box[0].start + float(y.mean()),
        "x_px": box[1].start + float(x.mean()),
        "touches_border": int(at_edge),
        "seen_fraction": float(seen.sum() / area),
        "initial_fraction": float(initial.sum() / max(seen.sum(), 1)),
        "final_fraction": float(np.isfinite(m.frame[box][seen]).mean()) if seen.any() else np.nan,
    }
    for name, share in (("onset", ONSET_SHARE), ("half", 0.5), ("complete", COMPLETE_SHARE)):
        at = when_share(frames, share)
        row |= {f"{name}_frame": at, f"{name}_s": m.scale.seconds(at), f"{name}_c": m.scale.degrees(at)}
    return row


def when_share(frames: NDArray[np.float32], share: float) -> float:
    """Return the arrival time by which a share of the pixels had degraded; NaN where the share never had.

    >>> when_share(np.array([1.0, 2.0, 3.0, np.nan], np.float32), 0.5)
    2.0
    """
    if not frames.size:
        return float("nan")
    needed = max(int(np.ceil(share * frames.size)), 1) - 1
    at = float(np.partition(np.where(np.isfinite(frames), frames, np.inf), needed)[needed])
    return at if np.isfinite(at) else float("nan")


def crossing_table(m: Measured) -> Table:
    """Return ``front/crossings.csv``: every ordered pair of grains with a crossing, by time."""
    rows = [_crossing_row(m, c) for c in sorted(one_per_pair(m.stretches), key=lambda c: c.time)]
    return table_from_rows(CROSSINGS, rows)


def _crossing_row(m: Measured, crossing: Crossing) -> dict[str, Any]:
    arrival, frame = m.scale.frame(crossing.arrival), m.scale.frame(crossing.time)
    target = (m.grains.territory == crossing.target) & m.field & ~m.initial
    return {
        "from_grain": crossing.source,
        "to_grain": crossing.target,
        "y_px": crossing.y_px,
        "x_px": crossing.x_px,
        "arrival_s": m.scale.seconds(arrival),
        "crossing_s": m.scale.seconds(frame),
        "delay_s": m.scale.seconds(frame) - m.scale.seconds(arrival),
        "temperature_c": m.scale.degrees(frame),
        "crossing_sd_s": crossing.time_sd if m.scale.timed else np.nan,
        "crossing_frame": frame,
        "delay_frames": frame - arrival,
        "length_px": crossing.length_px,
        "length_nm": m.scale.nm(crossing.length_px),
        "target_fraction": float((m.clock[target] < crossing.time).mean()) if target.any() else np.nan,
    }


def nucleus_table(m: Measured) -> Table:
    """Return ``front/nuclei.csv``: every nucleus, by time."""
    rows = []
    for nucleus in m.nuclei:
        frame = m.scale.frame(nucleus.time)
        distance = float(m.grains.distance_px[round(nucleus.y_px), round(nucleus.x_px)])
        distance = distance if np.isfinite(distance) else np.nan
        rows.append(
            {
                "y_px": nucleus.y_px,
                "x_px": nucleus.x_px,
                "time_s": m.scale.seconds(frame),
                "temperature_c": m.scale.degrees(frame),
                "site": nucleus.site,
                "grain_id": nucleus.grain,
                "frame": frame,
                "distance_px": distance,
                "distance_nm": m.scale.nm(distance),
            }
        )
    return table_from_rows(NUCLEI, rows)


def void_table(m: Measured) -> Table:
    """Return ``front/voids.csv``: every nanovoid, in reading order; none where no images were given."""
    if m.voids is None:
        return blank_table(VOIDS, 0)
    y, x = np.rint(m.voids.places).astype(int).T
    table = blank_table(VOIDS, len(y))
    distance = m.grains.distance_px[y, x]
    table["y_px"][:], table["x_px"][:] = m.voids.places.T
    table["diameter_px"][:] = m.voids.diameter_px
    table["diameter_nm"][:] = m.scale.nm(m.voids.diameter_px)
    table["grain_id"][:] = m.grains.territory[y, x]
    table["distance_nm"][:] = m.scale.nm(np.where(np.isfinite(distance), distance, np.nan))
    return table


def distance_table(m: Measured) -> Table:
    """Return ``front/distance.csv``: arrival and speed against the distance from the nearest boundary."""
    near = m.field & np.isfinite(m.grains.distance_px)
    if not near.any():
        return blank_table(DISTANCE, 0)
    width = max(1, int(np.ceil(float(m.grains.distance_px[near].max()) / MOST_DISTANCES)))
    number = (m.grains.distance_px[near] / width).astype(int)
    order = np.argsort(number, kind="stable")
    classes, starts = np.unique(number[order], return_index=True)
    frames, speeds = (np.split(v[near][order], starts[1:]) for v in (m.frame, m.speed))
    rows = [_distance_row(m, (k + 0.5) * width, f, v) for k, f, v in zip(classes.tolist(), frames, speeds, strict=True)]
    return table_from_rows(DISTANCE, rows)


def _distance_row(
    m: Measured, distance: float, frames: NDArray[np.float32], speeds: NDArray[np.float32]
) -> dict[str, Any]:
    low, half, high = (when_share(frames, share) for share in (0.16, 0.5, 0.84))
    known = speeds[~np.isnan(speeds)]
    return {
        "distance_px": distance,
        "distance_nm": m.scale.nm(distance),
        "area_px": float(len(frames)),
        "arrival_s": m.scale.seconds(half),
        "arrival_low_s": m.scale.seconds(low),
        "arrival_high_s": m.scale.seconds(high),
        "arrival_c": m.scale.degrees(half),
        "front_speed_nm_per_s": m.scale.nm_per_s(float(np.median(known))) if known.size else np.nan,
        "final_fraction": float(np.isfinite(frames).mean()),
    }
