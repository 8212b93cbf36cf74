"""One track's rows to volumes, V/V0, stages and a line of the particles table.

Everything is measured in pixels; nm columns are the same numbers times the pixel size, empty without one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tem_track.expansion import volume
from tem_track.expansion.ending import rows_of_event
from tem_track.expansion.gaps import bridged, bridged_sd
from tem_track.expansion.noise import mean_inflation, roughness, student_factor
from tem_track.expansion.other_onsets import OtherOnsets
from tem_track.expansion.shape import ShapeCheck, check_shape
from tem_track.expansion.stages import FEWEST_ROWS_FOR_STAGES, StageFit, end_rows, find_stages
from tem_track.expansion.uncertainty import (
    NORMAL_FACTOR,
    FinalRatio,
    edge_error_of_ratio,
    final_ratio,
    shape_error,
    slow_part,
)
from tem_track.expansion.wrong_rows import doubtful_rows
from tem_track.movie import FloatArray, Mask
from tem_track.settings import ExpansionSettings
from tem_track.tables import Table

_BRIDGED = (
    ("area_px", "area_sd_px"),
    ("core_equivalent_diameter_px", "core_equivalent_diameter_sd_px"),
    ("void_equivalent_diameter_px", "void_equivalent_diameter_sd_px"),
)
_TEXT_OF_BROKEN = ("fractured", "merged")


@dataclass(frozen=True)
class Curve:
    """The volume curve of one track.

    Attributes
    ----------
    rows : Table
        The track's rows in order of time, completed.
    level, level_sd : float
        V0 and its standard uncertainty in px^3 (film: px^2); NaN where there is none.
    level_seen : bool
        Whether V0 is from rows before an onset.
    fit : StageFit or None
        None for a curve too short or cut by the border all along.
    final : FinalRatio or None
    shape : ShapeCheck
        Whether the outline keeps the shape that the volume model stands on.
    before : (N,) bool
        Rows that V0 stands on.
    fitted_rows : (N,) bool
        Rows that the stages were fitted to.
    """

    rows: Table
    level: float
    level_sd: float
    level_seen: bool
    fit: StageFit | None
    final: FinalRatio | None
    shape: ShapeCheck
    before: Mask
    fitted_rows: Mask

    @property
    def onset_known(self) -> bool:
        """Whether the start of the first stage is an onset."""
        return self.fit is not None and len(self.fit.stages) > 0 and (self.level_seen or self.fit.onset_by_others)


def track_curve(
    rows: Table,
    settings: ExpansionSettings,
    pixel_size_nm: float | None,
    fate: str = "whole",
    others: OtherOnsets | None = None,
) -> Curve:
    """Return the completed rows, V0, stages and final V/V0 of one track.

    Parameters
    ----------
    rows : Table
        TRACKS rows of one track, in order of time; not modified.
    settings : ExpansionSettings
    pixel_size_nm : float or None
    fate : str
        What became of the track: rows that belong to the break or merger at its end are no part of its curve.
    others : OtherOnsets, optional
        When the other particles of the movie began.
    """
    model, shared = settings.volume_model, min(settings.shared_edge_error, 1.0)
    rows = {name: values.copy() for name, values in rows.items()}
    seen = np.isfinite(rows["area_px"]) & (rows["area_px"] > 0)
    _bridge(rows, seen)
    if settings.outline_shift_px:
        _shift_outlines(rows, settings.outline_shift_px)
    envelope = volume.envelope_volume(rows["area_px"], model, rows["major_axis_px"], rows["minor_axis_px"])
    stated = volume.volume_exponent(model) * rows["area_sd_px"] / rows["area_px"]
    mixed = _mixed(rows)
    whole = seen & (rows["touches_border"] == 0) & ~mixed
    usable = whole & np.isfinite(envelope)
    usable[usable] = ~doubtful_rows(stated[usable])
    usable[usable] = ~rows_of_event(rows["time_s"][usable], envelope[usable], fate)
    fit = _fitted(rows["time_s"], envelope, stated, usable, others) if _enough(usable, rows) else None
    level, level_sd, before = _reference(rows["time_s"], envelope, stated, seen, fit, _broken(rows))
    if settings.v0_frames and np.isfinite(level):
        level, level_sd, before = _given_reference(envelope, stated, seen, settings.v0_frames, fit)
    level_seen = fit is not None and fit.level_seen
    noise = (
        fit.noise.sd / fit.level if fit else roughness(envelope[seen] / np.median(envelope[seen])) if seen.any() else 0
    )
    _write_sizes(rows, envelope, np.fmax(stated, noise), pixel_size_nm, model)
    edge = _write_ratios(rows, envelope, level, level_sd, stated, float(np.nan_to_num(noise)), before, shared)
    rows["volume_ratio"][mixed] = rows["volume_ratio_sd"][mixed] = np.nan
    _write_parts(rows, envelope, before if np.isfinite(level) else np.zeros_like(before))
    last = _last(usable)
    half_width = NORMAL_FACTOR * np.hypot(edge, level_sd / level)
    aspect = rows["major_axis_px"] / rows["minor_axis_px"]
    shape = check_shape(aspect, rows["solidity"], before, usable, last, half_width)
    rows["volume_ratio_sd"] = np.hypot(rows["volume_ratio_sd"], rows["volume_ratio"] * shape.row_hidden_sd)
    final = _final(rows, level, level_sd, fit, edge, before & usable, last, model, shape.hidden_sd)
    return Curve(rows, level, level_sd, level_seen, fit, final, shape, before, usable)


def _bridge(rows: Table, seen: Mask) -> None:
    """Fill the measured columns of unseen rows between seen ones; such rows become ``inferred``."""
    times = rows["time_s"]
    for name, sd_name in _BRIDGED:
        measured = np.isfinite(rows[name])
        if measured.any():
            rows[sd_name] = np.where(seen, rows[sd_name], bridged_sd(times, rows[name], rows[sd_name], measured))
            rows[name] = np.where(seen, rows[name], bridged(times, rows[name], measured))
    for name in ("major_axis_px", "minor_axis_px"):
        measured = np.isfinite(rows[name])
        rows[name] = np.where(seen, rows[name], bridged(times, rows[name], measured))
    rows["state"][~seen] = "inferred"


def _broken(rows: Table) -> bool:
    """Return whether the track starts as a piece or a product, whose V0 belongs to its parents."""
    measured = rows["state"][rows["state"] != "inferred"]
    return bool(len(measured)) and measured[0] in _TEXT_OF_BROKEN


def _mixed(rows: Table) -> Mask:
    """Return the rows from which on a particle goes together with a piece of a broken neighbour."""
    broken = np.isin(rows["state"], _TEXT_OF_BROKEN)
    return np.logical_or.accumulate(broken) if not _broken(rows) else np.zeros_like(broken)


def _enough(usable: Mask, rows: Table) -> bool:
    """Return whether a curve can be cut into stages: a particle of its own, with enough uncut rows in one stretch.

    A particle that the border cuts most of the time has single rows that look uncut: they are no curve.
    """
    at = np.flatnonzero(usable)
    if len(at) < FEWEST_ROWS_FOR_STAGES or not np.all(np.diff(rows["time_s"]) > 0) or _broken(rows):
        return False
    return len(at) >= 0.5 * int(np.isfinite(rows["area_px"][at[0] : at[-1] + 1]).sum())


def _fitted(
    times: FloatArray, envelope: FloatArray, stated: FloatArray, usable: Mask, others: OtherOnsets | None
) -> StageFit:
    """Return the stages of the usable rows, each weighted by its stated error within a factor of three."""
    error = stated[usable]
    typical = float(np.median(error[np.isfinite(error)])) if np.isfinite(error).any() else 0.0
    weights = None
    if typical > 0:
        # Beyond a factor of three the stated errors are no longer trusted to rank the rows.
        relative = np.clip(np.nan_to_num(error, nan=typical) / typical, 1 / 3, 3.0)
        weights = 1 / relative**2
    return find_stages(times[usable], envelope[usable], weights, others)


def _reference(
    times: FloatArray, envelope: FloatArray, stated: FloatArray, seen: Mask, fit: StageFit | None, broken: bool
) -> tuple[float, float, Mask]:
    """Return V0, its standard uncertainty, and the rows before the onset (at least the first three seen)."""
    first = np.zeros_like(seen)
    first[np.flatnonzero(seen)[:3]] = True
    if broken or int(seen.sum()) < 2:
        return float("nan"), float("nan"), first
    if fit is None:
        # Too few rows to see an onset: the first of two or three, the median of the first three of more.
        start = np.flatnonzero(seen)[: max(1, min(3, int(seen.sum()) // 2))]
        level = float(np.median(envelope[start]))
        return level, float(np.nan_to_num(level * np.median(stated[start]))), first
    if not fit.level_seen or not fit.stages:
        return fit.level, fit.level_sd, first if fit.stages else seen
    return fit.level, fit.level_sd, first | (seen & (times <= fit.stages[0].start_s))


def _given_reference(
    envelope: FloatArray, stated: FloatArray, seen: Mask, count: int, fit: StageFit | None
) -> tuple[float, float, Mask]:
    """Return V0 as the median over the first rows that the user names, its standard uncertainty, and these rows."""
    first = np.zeros_like(seen)
    first[np.flatnonzero(seen)[:count]] = True
    rows = int(first.sum())
    level = float(np.median(envelope[first]))
    if fit is None:
        return level, level * float(np.nan_to_num(np.median(stated[first]))), first
    # The variance of a median of more than two is pi / 2 times that of a mean.
    share = mean_inflation(fit.noise.correlation, rows) / rows * (np.pi / 2 if rows > 2 else 1.0)
    return level, fit.noise.sd * float(np.sqrt(share)), first


def _shift_outlines(rows: Table, shift_px: float) -> None:
    """Move every outline outwards (Steiner's formula for convex bodies, A + P s + pi s^2), in place."""
    perimeter = volume.ellipse_perimeter(rows["area_px"], rows["major_axis_px"], rows["minor_axis_px"])
    area = rows["area_px"] + perimeter * shift_px + np.pi * shift_px**2
    rows["area_px"] = np.where(area > 0, area, np.nan)
    for name in ("major_axis_px", "minor_axis_px"):
        rows[name] = np.maximum(rows[name] + 2 * shift_px, 0.0)


def _write_sizes(
    rows: Table, envelope: FloatArray, relative_sd: FloatArray, pixel_size_nm: float | None, model: str
) -> None:
    """Fill diameters in px, and areas, diameters and volumes in nm where a pixel size is known."""
    diameter = volume.equivalent_diameter(rows["area_px"])
    rows["equivalent_diameter_px"] = diameter
    rows["shell_thickness_px"] = (diameter - rows["core_equivalent_diameter_px"]) / 2
    nm = float("nan") if pixel_size_nm is None else pixel_size_nm
    rows["area_nm2"], rows["area_sd_nm2"] = rows["area_px"] * nm**2, rows["area_sd_px"] * nm**2
    diameter_sd = volume.diameter_sd(rows["area_px"], rows["area_sd_px"])
    rows["equivalent_diameter_nm"], rows["equivalent_diameter_sd_nm"] = diameter * nm, diameter_sd * nm
    for part in ("core", "void"):
        rows[f"{part}_equivalent_diameter_nm"] = rows[f"{part}_equivalent_diameter_px"] * nm
    rows["core_equivalent_diameter_sd_nm"] = rows["core_equivalent_diameter_sd_px"] * nm
    rows["shell_thickness_nm"] = rows["shell_thickness_px"] * nm
    rows["shell_thickness_sd_nm"] = np.hypot(diameter_sd, rows["core_equivalent_diameter_sd_px"]) / 2 * nm
    # A film's volume needs its thickness, which a projection does not show: only its ratio is given.
    scale = float("nan") if model == "film" else nm**3
    rows["volume_nm3"], rows["volume_sd_nm3"] = envelope * scale, envelope * relative_sd * scale


def _write_ratios(
    rows: Table,
    envelope: FloatArray,
    level: float,
    level_sd: float,
    stated: FloatArray,
    noise: float,
    before: Mask,
    shared: float,
) -> FloatArray:
    """Fill V/V0 and its standard uncertainty; return the (N,) relative edge error left in the ratio."""
    ratio = envelope / level
    slow = slow_part(stated, noise)
    slow_before = float(np.median(slow[before])) if before.any() else 0.0
    edge = edge_error_of_ratio(ratio, slow, slow_before, shared)
    rows["volume_ratio"] = ratio
    rows["volume_ratio_sd"] = ratio * np.sqrt(noise**2 + (level_sd / level) ** 2 + edge**2)
    return edge


def _write_parts(rows: Table, envelope: FloatArray, before: Mask) -> None:
    """Fill V/V0 of core, shell and void, each over its own volume before the onset."""
    core, void = rows["core_equivalent_diameter_px"], rows["void_equivalent_diameter_px"]
    if not np.isfinite(core).any():
        return
    outer = rows["equivalent_diameter_px"]
    outer_sd = volume.diameter_sd(rows["area_px"], rows["area_sd_px"])
    found = volume.parts(
        envelope,
        outer,
        outer_sd,
        core,
        rows["core_equivalent_diameter_sd_px"],
        void,
        rows["void_equivalent_diameter_sd_px"],
    )
    for part, (values, sds) in found.items():
        known = before & np.isfinite(values) & (values > 0)
        if not known.any():
            continue
        start, n = float(np.median(values[known])), int(known.sum())
        scatter = np.nan_to_num(float(np.median(sds[known]))) / start / np.sqrt(n)
        rows[f"{part}_volume_ratio"] = values / start
        with np.errstate(divide="ignore", invalid="ignore"):
            rows[f"{part}_volume_ratio_sd"] = values / start * np.hypot(sds / values, scatter)


def _last(usable: Mask) -> Mask:
    """Return the rows that are the end of the curve."""
    last, at = np.zeros_like(usable), np.flatnonzero(usable)
    last[at[len(at) - end_rows(len(at)) :]] = True
    return last


def _final(
    rows: Table,
    level: float,
    level_sd: float,
    fit: StageFit | None,
    edge: FloatArray,
    before: Mask,
    last: Mask,
    model: str,
    hidden_sd: float,
) -> FinalRatio | None:
    """Return V/V0 over the last rows with its interval; None where there is no V0 or the end is cut by the border."""
    if not np.isfinite(level) or level <= 0 or int(last.sum()) < 2:
        return None
    shape = hidden_sd
    if model != "film":
        shape = max(shape, shape_error(rows["major_axis_px"] / rows["minor_axis_px"], before, last))
    edge_end = float(np.median(edge[last]))
    if fit is None:
        # Two to five frames: the last one over the first, each with its stated error.
        at = np.flatnonzero(last)[-1]
        end = float(rows["volume_ratio"][at]) * level
        end_sd = end * level_sd / level
        return final_ratio(end, end_sd, level, level_sd, 0.0, edge=edge_end, shape=shape, factor=1.96)
    rows_behind = float(fit.trusted.sum()) * (1 - fit.noise.correlation) / (1 + fit.noise.correlation)
    return final_ratio(
        fit.end,
        fit.end_sd,
        level,
        level_sd,
        fit.end_level_covariance,
        edge=edge_end,
        shape=shape,
        model=fit.model_sd,
        factor=student_factor(rows_behind - 6),
    )
