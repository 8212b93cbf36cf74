"""V/V0 of all whole particles, frame by frame, and of each kind."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tem_track.movie import FloatArray, Mask
from tem_track.tables import EXPANSION, KINDS, Table, blank_table


def population_curve(
    tracks: Table, times_s: FloatArray, kinds: Mapping[int, str], referred: Mapping[int, bool]
) -> Table:
    """Return the EXPANSION table, one row per frame.

    Parameters
    ----------
    tracks : Table
        TRACKS with `volume_ratio` and its standard uncertainty.
    times_s : (T,) float64
        Time of each frame.
    kinds : mapping of track to str
    referred : mapping of track to bool
        Whether the track's V0 is the particle's own: its start was seen, or it is in the field from the first frame
        on. Others (entering late and already swollen, pieces, products) are left out.

    Returns
    -------
    Table

    Notes
    -----
    Only whole particles that do not touch the border count. The standard uncertainty of the mean is the larger of
    spread / sqrt(n) and what the single uncertainties make, sqrt(sum sd^2) / n; with one particle it is its own.
    """
    table = blank_table(EXPANSION, len(times_s))
    table["frame"] = np.arange(len(times_s))
    table["time_s"] = np.asarray(times_s, float).copy()
    table["temperature_c"] = _temperatures(tracks, len(times_s))
    known = np.array([referred.get(int(i), False) for i in tracks["track_id"]], bool)
    whole = np.isin(tracks["state"], ("whole", "inferred", "")) & (tracks["touches_border"] == 0)
    counted = known & whole & np.isfinite(tracks["volume_ratio"])
    kind_of_row = np.array([kinds.get(int(i), "") for i in tracks["track_id"]], object)
    _fill(table, "", tracks, counted)
    for kind in KINDS:
        _fill(table, f"_{kind.replace('-', '_')}", tracks, counted & (kind_of_row == kind))
    return table


def _fill(table: Table, suffix: str, tracks: Table, chosen: Mask) -> None:
    """Write count, mean, spread, its uncertainty and median of the chosen rows into the columns with this ending."""
    if not chosen.any():
        return
    frames, ratios = tracks["frame"][chosen], tracks["volume_ratio"][chosen]
    sds = np.nan_to_num(tracks["volume_ratio_sd"][chosen])
    order = np.argsort(frames, kind="stable")
    present, starts = np.unique(frames[order], return_index=True)
    for frame, rows in zip(present, np.split(order, starts[1:]), strict=True):
        n, values = len(rows), ratios[rows]
        spread = float(np.std(values, ddof=1)) if n > 1 else float("nan")
        stated = float(np.sqrt((sds[rows] ** 2).sum())) / n
        table[f"particles{suffix}"][frame] = n
        table[f"volume_ratio_mean{suffix}"][frame] = values.mean()
        table[f"volume_ratio_sd{suffix}"][frame] = spread
        table[f"volume_ratio_sem{suffix}"][frame] = max(stated, spread / np.sqrt(n)) if n > 1 else stated
        table[f"volume_ratio_median{suffix}"][frame] = np.median(values)


def _temperatures(tracks: Table, count: int) -> FloatArray:
    """Return the temperature of each frame as far as any row of the tracks knows it."""
    temperatures = np.full(count, np.nan)
    if "temperature_c" in tracks:
        known = np.isfinite(tracks["temperature_c"])
        temperatures[tracks["frame"][known]] = tracks["temperature_c"][known]
    return temperatures
