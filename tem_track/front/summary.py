"""The numbers for the paper, each with a 95 % interval, and what a reader must know about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tem_track.front.propagation.crossings import choice_spread, first_crossing, one_per_pair
from tem_track.front.propagation.kinetics import Estimate
from tem_track.front.propagation.nuclei import SITES
from tem_track.front.propagation.onset import NORMAL_95

if TYPE_CHECKING:
    from tem_track.front.measure import Measured

METHOD = (
    "Arrival time per pixel in the specimen frame; speed = 1/|grad arrival| from planes fitted within one grain and "
    "zone, noise taken off; boundary zone within boundary_zone_nm of a grain boundary, its speed that along the "
    "boundary where fronts run so; stated speeds are the mean over what a front passed; intervals are 95 %."
)
CONFOUNDED = (
    "activation energy: on a ramp the temperature rises together with the degraded fraction and the path the front has "
    "left; the value is apparent and holds both"
)
# What the summary says where no front can be told.
ALWAYS_SAID = {"seen_fraction", "method", "warnings"}
# Without this share of the field degraded there is nothing to measure: the largest false area allowed a still movie.
SOMETHING = 0.001


def summarise(m: Measured) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the content of ``front/summary.json`` and the warnings.

    Parameters
    ----------
    m : Measured

    Returns
    -------
    summary : dict
        None where the movie does not show a number or its unit is not known.
    warnings : tuple of str
    """
    warnings = _warnings(m)
    summary: dict[str, Any] = {
        **_onset(m),
        **_crossing(m),
        **_speeds(m),
        **_extent(m),
        **_control(m),
        **_voids(m),
        "fit_window_px": 2 * m.slope.radius + 1,
        "method": METHOD,
        "warnings": list(warnings),
    }
    kept = set(summary) if m.told else ALWAYS_SAID
    return {name: _plain(value) if name in kept else None for name, value in summary.items()}, warnings


def _onset(m: Measured) -> dict[str, Any]:
    if m.onset is None:
        return _interval("onset_temperature_c", Estimate()) | _interval("onset_s", Estimate())
    frame = Estimate(*(m.scale.frame(t) for t in (m.onset.time, m.onset.low, m.onset.high)))
    return _at(m, "onset", frame)


def _crossing(m: Measured) -> dict[str, Any]:
    first = first_crossing(m.stretches)
    if first is None:
        return _interval("crossing_temperature_c", Estimate()) | _interval("crossing_s", Estimate())
    # The scatter along the stretch, half a frame that any arrival time may be off, and which stretch is the first.
    spread = NORMAL_95 * np.hypot(first.time_sd, m.scale.interval / 2)
    low, high = choice_spread(m.stretches)
    ends = first.time - np.hypot(spread, first.time - low), first.time + np.hypot(spread, high - first.time)
    frame = Estimate(*(m.scale.frame(t) for t in (first.time, *ends)))
    return _at(m, "crossing", frame) | {"first_crossing": f"{first.source}>{first.target}"}


def _at(m: Measured, name: str, frame: Estimate) -> dict[str, Any]:
    """Return temperature and time, with their intervals, of a moment given in frames."""
    out: dict[str, Any] = {}
    for key, at in ((f"{name}_temperature_c", m.scale.degrees), (f"{name}_s", m.scale.seconds)):
        ends = (float(at(frame.low)), float(at(frame.high)))
        out |= _interval(key, Estimate(float(at(frame.value)), min(ends), max(ends)))
    return out | {f"{name}_frame": frame.value}


def _speeds(m: Measured) -> dict[str, Any]:
    k = m.kinetics
    out: dict[str, Any] = {}
    for name, e in (("boundary", k.boundary), ("interior", k.interior)):
        nm = Estimate(*(float(m.scale.nm_per_s(v)) for v in (e.value, e.low, e.high)))
        px = Estimate(*(v * m.scale.interval for v in (e.value, e.low, e.high)))
        out |= _interval(f"{name}_speed_nm_per_s", nm) | _interval(f"{name}_speed_px_per_frame", px)
    return (
        out
        | _interval("boundary_interior_ratio", k.ratio)
        | {"boundary_interior_ratio_same_temperature": k.ratio_same_temperature}
        | _interval("activation_energy_ev", k.activation_ev)
        | {"boundary_zone_nm": m.scale.nm(m.zone_px), "boundary_zone_px": m.zone_px}
        | {"boundary_zone_from": m.zone_source}
    )


def _extent(m: Measured) -> dict[str, Any]:
    degraded = np.isfinite(m.frame) & m.field
    seen = max(int(m.field.sum()), 1)
    sites = {f"nuclei_{site}": sum(n.site == site for n in m.nuclei) for site in SITES}
    return {
        "degraded_fraction_initial": float(m.initial.sum() / seen),
        "degraded_fraction_final": float(degraded.sum() / seen),
        "seen_fraction": float(m.field.mean()),
        "grains": len(m.grains),
        "junctions": len(m.grains.junctions),
        "boundary_shown_by_front_share": float(m.grains.by_front.sum() / max(int(m.grains.boundary.sum()), 1)),
        "crossings": len(one_per_pair(m.stretches)),
        "nuclei": len(m.nuclei),
        **sites,
    }


def _control(m: Measured) -> dict[str, Any]:
    c = m.control
    names = ("boundary_lead", "boundary_lead_shuffled_low", "boundary_lead_shuffled_high", "boundary_lead_p_value")
    values = (None,) * 4 if c is None else (c.lead, c.shuffled_low, c.shuffled_high, c.p_value)
    return dict(zip(names, values, strict=True))


def _voids(m: Measured) -> dict[str, Any]:
    """Return count, density and size of the nanovoids; None where no images were given."""
    names = ("voids", "voids_before", "voids_per_um2", "void_diameter_nm", "voids_dispersed")
    v = m.voids
    if v is None:
        return dict.fromkeys(names)
    # 1 um2 = 1e6 nm2.
    density = 1e6 * len(v.places) / v.area_px / float(m.scale.nm(1.0)) ** 2 if v.area_px else np.nan
    size = float(m.scale.nm(np.median(v.diameter_px))) if len(v.places) else np.nan
    return dict(zip(names, (len(v.places), v.before, density, size, v.dispersed), strict=True))


def _warnings(m: Measured) -> tuple[str, ...]:
    if not m.told:
        return ()
    out = []
    if len(m.grains) <= 1:
        out.append("no grain boundary was found: no crossings, no boundary zone, one grain at most in the grain table")
    if (np.isfinite(m.frame) & m.field).sum() < SOMETHING * max(int(m.field.sum()), 1):
        out.append("nothing degraded in this movie")
    if np.isfinite(m.kinetics.activation_ev.value):
        out.append(CONFOUNDED)
    if m.zone_source == "default" and len(m.grains) > 1:
        out.append("the front is no faster along boundaries than elsewhere: the boundary zone has its default width")
    if m.scale.temperatures_c is None:
        out.append("no temperature: give --temperature or --ramp for onset and crossing temperatures")
    return tuple(out)


def _interval(name: str, e: Estimate) -> dict[str, Any]:
    return {name: e.value, f"{name}_low": e.low, f"{name}_high": e.high}


def _plain(value: Any) -> Any:
    """Return numbers as Python's own, None for what is not a finite number."""
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
