"""What is compared with the truth of a heating movie. Pure functions on arrays.

Errors of single numbers (onset, crossing) count where there is one to find; one that was not found, or found where
there is none, is counted apart (`missed`, `invented`).
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from tem_track.movie import FloatArray, Image, Labels, Mask
from tem_track.tables import Table

from .score import Figures, Share, mean_of

# Frames with less than this share degraded since the start have no overlap to speak of; they show what is invented.
LEAST_FRACTION = 0.005
# Where less than this share of the field is never reached, which of it was reached wrongly says nothing.
LEAST_NEVER = 0.02
# Overlap over union at which a found grain stands for a true one, and the smallest true grain asked for.
SAME_GRAIN, LEAST_GRAIN_PX = 0.7, 400
# A crossing is asked for where its front took at least this much, a nucleus likewise.
LEAST_GAIN_PX, LEAST_NUCLEUS_PX = 200, 200
# A nucleus is found within this distance and time.
NUCLEUS_PX, NUCLEUS_FRAMES = 15.0, 6.0
# A precipitate is asked for from this many pixels on.
LEAST_CRYSTAL_PX = 75.0


def arrival_figures(found: Image, true: Image, times_s: FloatArray) -> Figures:
    """Return the errors of an arrival map in frames, over pixels that degrade in both, and who was reached wrongly.

    Parameters
    ----------
    found, true : (Y, X) float
        Seconds; NaN = never, 0 = before the movie (such true pixels are not asked for).
    times_s : (T,) float64
    """
    asked = ~(true == 0)
    here, there = np.isfinite(found) & asked, np.isfinite(true) & asked
    both = here & there
    frames = np.arange(len(times_s))
    error = np.interp(found[both], times_s, frames) - np.interp(true[both], times_s, frames)
    either, never = int((here | there).sum()), int((asked & ~there).sum())
    asked_of_never = never >= LEAST_NEVER * true.size
    return {
        "arrival_error": float(np.abs(error).mean()) if error.size else float("nan"),
        "arrival_bias": float(error.mean()) if error.size else float("nan"),
        "reached_iou": both.sum() / either if either else float("nan"),
        "false_reached": 100 * float((here & ~there).sum() / never) if asked_of_never else float("nan"),
    }


def mask_figures(found: Image, true: Image, times_s: FloatArray, drift_px: FloatArray, shown: Mask) -> Figures:
    """Return the mean overlap of the degraded places over frames, and the area (%) invented while nothing degrades.

    Only what the field shows in a frame counts. What was degraded before the movie is part of the overlap.
    """
    overlaps, invented = [], []
    for k in np.flatnonzero(shown).tolist():
        here, there = _degraded(found, times_s[k], drift_px[k]), _degraded(true, times_s[k], drift_px[k])
        before = _degraded(true, 0.0, drift_px[k])
        if (there & ~before).mean() >= LEAST_FRACTION:
            overlaps.append(float((here & there).sum() / (here | there).sum()))
        else:
            invented.append(100 * float((here & ~there).mean()))
    return {"mask_iou": mean_of(overlaps), "false_area": mean_of(invented)}


def _degraded(arrival: Image, time_s: float, drift: FloatArray) -> Mask:
    """Return the degraded places (Y, X) that a frame at this drift shows, cut to them."""
    (dy, dx), (height, width) = np.round(drift).astype(int), arrival.shape
    cut = arrival[max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)]
    with np.errstate(invalid="ignore"):
        return np.asarray(cut <= time_s)


def number_figures(name: str, found: Mapping[str, float | None], key: str, true: float | None, asked: bool) -> Figures:
    """Return the error of one number, whether it was missed or invented, and whether its interval holds the truth.

    Parameters
    ----------
    found : mapping
        The run's summary: `key`, with ``_low`` and ``_high`` for the interval.
    true : float or None
        None = the movie has none.
    asked : bool
        False where the truth does not say.
    """
    if not asked:
        return {}
    value = found.get(key)
    figures: Figures = {
        f"{name}_missed": float(true is not None and value is None),
        f"{name}_invented": float(true is None and value is not None),
    }
    if true is not None and value is not None:
        low, high = found.get(f"{key}_low"), found.get(f"{key}_high")
        inside = low is not None and high is not None and low <= true <= high
        figures |= {f"{name}_error": abs(value - true), f"{name}_inside": Share(int(inside), 1)}
    return figures


def ratio_figures(found: float | None, true: tuple[float, ...]) -> Figures:
    """Return how far (%) a speed ratio lies outside of what the model and its arrival map give."""
    if not true:
        return {"ratio_invented": float(found is not None)}
    if found is None:
        return {"ratio_missed": 1.0}
    away = max(min(true) - found, found - max(true), 0.0)
    return {"ratio_missed": 0.0, "ratio_error": 100 * away / float(np.mean(true))}


def matched_grains(found: Labels, true: Labels) -> dict[int, int]:
    """Return true grain -> the found one that stands for it."""
    pairs, counts = np.unique(np.stack([true.ravel(), found.ravel()]), axis=1, return_counts=True)
    size_true, size_found = np.bincount(true.ravel()), np.bincount(found.ravel())
    stands = {}
    for (t, f), count in zip(pairs.T.tolist(), counts.tolist(), strict=True):
        if t and f and count >= SAME_GRAIN * (size_true[t] + size_found[f] - count):
            stands[t] = f
    return stands


def grain_figures(found: Labels, rows: Table, true: Labels, half_c: Mapping[int, float]) -> Figures:
    """Return how many grains were found, how many found ones stand for none, and the error of their half (degC)."""
    stands = matched_grains(found, true)
    size = np.bincount(true.ravel())
    wanted = [grain for grain in np.unique(true[true > 0]).tolist() if size[grain] >= LEAST_GRAIN_PX]
    size_found = np.bincount(found.ravel(), minlength=1)
    large = [g for g in range(1, len(size_found)) if size_found[g] >= LEAST_GRAIN_PX]
    half_of = dict(zip(rows["grain_id"].astype(int).tolist(), rows["half_c"].tolist(), strict=True))
    errors = [
        abs(half_of[stands[g]] - half_c[g])
        for g in wanted
        if g in stands and g in half_c and np.isfinite(half_of.get(stands[g], np.nan))
    ]
    return {
        "grains": Share(sum(g in stands for g in wanted), len(wanted)),
        "grains_right": Share(len(set(large) & set(stands.values())), len(large)),
        "half_error": mean_of(errors),
    }


def crossing_figures(found: Table, true: Table, stands: Mapping[int, int]) -> Figures:
    """Return how many crossings between grains that were found, and that let a front take something, were found.

    And how many of the found ones (between grains that stand for true ones) are true, however small.
    """
    if "gained_px" not in true:
        return {}
    pairs = set(zip(_whole(found["from_grain"]), _whole(found["to_grain"]), strict=True))
    rows = list(zip(_whole(true["from_grain"]), _whole(true["to_grain"]), true["gained_px"].tolist(), strict=True))
    asked = [(stands[a], stands[b]) for a, b, gain in rows if gain >= LEAST_GAIN_PX and a in stands and b in stands]
    real = {(stands[a], stands[b]) for a, b, _ in rows if a in stands and b in stands}
    known = set(stands.values())
    judged = [pair for pair in pairs if set(pair) <= known]
    return {
        "crossings": Share(sum(pair in pairs for pair in asked), len(asked)),
        "crossings_right": Share(sum(pair in real for pair in judged), len(judged)),
    }


def nucleus_figures(found: Table, true: Table, frame_s: float) -> Figures:
    """Return how many nuclei whose front took something were found, and how many of those found are near a true one."""
    if "area_px" not in true:
        return {}
    gap = np.hypot(found["y_px"][:, None] - true["y_px"][None, :], found["x_px"][:, None] - true["x_px"][None, :])
    late = np.abs(found["time_s"][:, None] - true["time_s"][None, :])
    near = (gap <= NUCLEUS_PX) & (late <= NUCLEUS_FRAMES * frame_s)
    large = true["area_px"] >= LEAST_NUCLEUS_PX
    return {
        "nuclei": Share(int(near[:, large].any(axis=0).sum()), int(large.sum())),
        "nuclei_right": Share(int(near.any(axis=1).sum()), len(gap)),
    }


def crystal_figures(
    found_nm2: FloatArray, true_nm2: FloatArray, temperatures_c: FloatArray, pixel_nm2: float
) -> Figures:
    """Return the errors (%) of a precipitate's area over the movie and at its end, and of its onset (degC).

    The onset is where the area first stays above what is asked for, in both.
    """
    least = LEAST_CRYSTAL_PX * pixel_nm2
    asked = true_nm2 > least
    error = 100 * np.abs(found_nm2[asked] / true_nm2[asked] - 1)
    onset_true, onset_found = (_onset(areas, least) for areas in (true_nm2, found_nm2))
    figures: Figures = {"crystal_missed": float(onset_found is None)}
    if onset_found is not None and onset_true is not None:
        figures["crystal_onset"] = abs(float(temperatures_c[onset_found] - temperatures_c[onset_true]))
    return figures | {"crystal_area": mean_of(error.tolist()), "crystal_final": mean_of(error[-5:].tolist())}


def _onset(areas: FloatArray, least: float) -> int | None:
    """Return the first of three frames in a row above an area."""
    above = areas > least
    runs = np.flatnonzero(above[:-2] & above[1:-1] & above[2:])
    return int(runs[0]) if runs.size else None


def speed_ratio_of_map(arrival: Image, grains: Labels, zone_px: float) -> float:
    """Return boundary over interior speed as an ideal reading of an arrival map gives it; NaN where it shows none.

    Speeds 1 / |grad a| by central differences inside one grain. Left out: places degraded before the movie, and where
    the differences to both sides disagree by half (starts, meeting fronts). Boundary = within `zone_px` of a grain.
    """
    moving = (arrival > 0) & (grains > 0)
    kept = np.zeros(arrival.shape, bool)
    kept[1:-1, 1:-1] = moving[1:-1, 1:-1]
    slope, bend = [], []
    for axis in (0, 1):
        ahead, behind = np.roll(arrival, -1, axis) - arrival, arrival - np.roll(arrival, 1, axis)
        slope.append(np.nan_to_num((ahead + behind) / 2))
        bend.append(np.abs(np.nan_to_num(ahead - behind)))
        for step in (1, -1):
            kept &= (np.roll(grains, step, axis) == grains) & np.roll(moving, step, axis)
    steep = np.hypot(*slope)
    kept &= (steep > 0) & (np.maximum(*bend) < steep / 2)
    near = _boundary_distance_px(grains) <= zone_px
    if not (kept & near).any() or not (kept & ~near).any():
        return float("nan")
    return float((1 / steep[kept & near]).mean() / (1 / steep[kept & ~near]).mean())


def _boundary_distance_px(grains: Labels) -> Image:
    """Return the distance (Y, X) of pixel centres to the boundary between two grains."""
    wall = np.zeros(grains.shape, bool)
    for axis in (0, 1):
        other = np.roll(grains, -1, axis)
        between = (other != grains) & (other > 0) & (grains > 0)
        (between[-1:] if axis == 0 else between[:, -1:])[...] = False
        wall |= between | np.roll(between, 1, axis)
    away = cv2.distanceTransform((~wall).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(away + np.float32(0.5))


def _whole(numbers: FloatArray) -> list[int]:
    return [int(n) for n in np.nan_to_num(np.asarray(numbers, np.float64), nan=-1)]
