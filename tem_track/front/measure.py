"""From an arrival map and grains to the front's tables and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from tem_track.front.grains.network import Grains
from tem_track.front.propagation.along import along_boundaries
from tem_track.front.propagation.control import BoundaryControl, boundary_control
from tem_track.front.propagation.crossings import Crossing, find_crossings, near_entry
from tem_track.front.propagation.entries import boundary_sides, entering, passing
from tem_track.front.propagation.kinetics import Kinetics, measure_kinetics
from tem_track.front.propagation.nuclei import Nucleus, find_minima, one_per_damage, sites_of
from tem_track.front.propagation.onset import Onset, find_onset
from tem_track.front.propagation.voids import Voids, find_voids
from tem_track.front.propagation.zone import DEFAULT_NM, DEFAULT_PX, zone_width_px
from tem_track.front.rows import (
    crossing_table,
    distance_table,
    frame_table,
    grain_table,
    nucleus_table,
    void_table,
)
from tem_track.front.scale import Scale
from tem_track.front.speed import BOUNDARY_BLUR_PX, Slope, steepness, well_fitted_slope
from tem_track.front.summary import summarise
from tem_track.movie import FloatArray, Image, Labels, Mask
from tem_track.settings import FrontSettings
from tem_track.tables import Table

# A stand at a boundary counts from this many frames on: what interpolating between frames can make of none.
LEAST_DELAY_FRAMES = 2.0
# A minimum of the arrival time is a nucleus where it leads by this many frames, and by this many standard deviations
# of a fitted time.
LEAST_LEAD_FRAMES, LEAST_LEAD_SCATTERS = 1.0, 6.0


class ArrivalMap(Protocol):
    """What is needed of an arrival map, (Y, X) each: fractional frame (NaN = never), its sd, and what was seen."""

    @property
    def frame(self) -> Image:
        """Fractional frame number, NaN = never, 0 = already degraded in the first frame."""

    @property
    def sd_frames(self) -> Image:
        """Standard uncertainty of it."""

    @property
    def seen(self) -> Mask:
        """Pixels that enough frames show."""


@dataclass(frozen=True)
class Front:
    """Everything measured on a degradation front.

    Attributes
    ----------
    tables : mapping of file name to Table
        ``front/front.csv``, ``front/grains.csv``, ``front/crossings.csv``, ``front/nuclei.csv``,
        ``front/distance.csv``, ``front/voids.csv``.
    summary : mapping
        For ``front/summary.json``; None where the movie does not show a number.
    arrival_s : (Y, X) float32
        Arrival time in s (in frames where the movie has no times), NaN = never, 0 = before the movie.
    speed : (Y, X) float32
        Local front speed, nm/s (px per frame where one of the two is not known); NaN where not known.
    zone : (Y, X) bool
        Boundary zone.
    zone_px : float
        Its width to either side of a boundary.
    warnings : tuple of str
    """

    tables: Mapping[str, Table]
    summary: Mapping[str, Any]
    arrival_s: Image
    speed: Image
    zone: Mask
    zone_px: float
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Measured:
    """What the tables and the summary are made of; times are in the unit of `Scale.clock`."""

    scale: Scale
    grains: Grains
    frame: Image
    clock: Image
    field: Mask
    initial: Mask
    zone: Mask
    zone_px: float
    zone_source: str
    slope: Slope
    speed: Image
    stretches: list[Crossing]
    nuclei: list[Nucleus]
    onset: Onset | None
    kinetics: Kinetics
    control: BoundaryControl | None
    voids: Voids | None = None
    told: bool = True


def measure_front(
    arrival: ArrivalMap,
    grains: Grains,
    *,
    times_s: FloatArray,
    timed: bool,
    temperatures_c: FloatArray | None,
    pixel_size_nm: float | None,
    settings: FrontSettings | None = None,
    before: Image | None = None,
    after: Image | None = None,
    told: bool = True,
    settled_until: float = np.inf,
) -> Front:
    """Return the tables and numbers of a degradation front.

    Parameters
    ----------
    arrival : Arrival
    grains : Grains
    times_s : (T,) float64
        Time of each frame; frame numbers where `timed` is False.
    timed : bool
    temperatures_c : (T,) float64 or None
    pixel_size_nm : float or None
    settings : FrontSettings, optional
    before, after : (Y, X) float32, optional
        Mean of registered frames before degradation and of the last ones, NaN where not seen: nanovoids are counted
        where both are given.
    told : bool
        False where no front can be told in this movie: that there is none is then no finding.
    settled_until : float
        Frame number after which arrivals are cut short by the movie's end: they count for no speed.

    Returns
    -------
    Front
    """
    scale = Scale(np.asarray(times_s, float), timed, temperatures_c, pixel_size_nm)
    measured = replace(_measured(arrival, grains, scale, settings or FrontSettings(), settled_until), told=told)
    if before is not None and after is not None:
        degraded = np.asarray(measured.field & np.isfinite(measured.frame) & ~measured.initial)
        measured = replace(measured, voids=find_voids(after, before, degraded, grains))
    summary, warnings = summarise(measured)
    tables = {
        "front/front.csv": frame_table(measured),
        "front/grains.csv": grain_table(measured),
        "front/crossings.csv": crossing_table(measured),
        "front/nuclei.csv": nucleus_table(measured),
        "front/distance.csv": distance_table(measured),
        "front/voids.csv": void_table(measured),
    }
    nm_per_s = scale.nm_per_s(measured.speed)
    shown = nm_per_s if np.isfinite(nm_per_s).any() else measured.speed * scale.interval
    # Already degraded in the first frame is 0 by contract, whatever the first frame's own time is.
    clock = np.where(measured.initial, 0, measured.clock)
    return Front(
        tables,
        summary,
        clock.astype(np.float32),
        np.asarray(shown, np.float32),
        measured.zone,
        measured.zone_px,
        warnings,
    )


def _measured(
    arrival: ArrivalMap, grains: Grains, scale: Scale, settings: FrontSettings, settled_until: float
) -> Measured:
    frame = np.asarray(arrival.frame, np.float32)
    initial = np.isfinite(frame) & (frame <= 0)
    clock = np.asarray(scale.clock(frame), np.float32)
    # A pixel that the frames around its arrival do not show has its time from its neighbours: it counts in fractions,
    # where leaving it out would favour what degrades before the specimen drifts away, but not in slopes.
    film = np.asarray((arrival.seen | np.isfinite(frame)) & ~grains.outside)
    usable = film & arrival.seen & ~initial & np.isfinite(clock)
    clear = usable & (grains.distance_px > BOUNDARY_BLUR_PX)
    slope, noise = well_fitted_slope(clock, grains.territory, clear)
    width, source = _zone_width(steepness(slope, noise), grains, scale, settings)
    zone = np.asarray(film & (grains.distance_px <= width))
    speed = _local_speed(clock, grains.territory, zone, clear)
    crossings, nuclei = _events(slope, noise, grains, scale, film & arrival.seen, initial, width)
    degrees = None if scale.temperatures_c is None else scale.degrees(frame)
    settled, along = frame <= settled_until, along_boundaries(clock, grains, clear)
    along = None if along is None else np.where(settled, along, np.float32(np.nan))
    return Measured(
        scale=scale,
        grains=grains,
        frame=frame,
        clock=clock,
        field=film,
        initial=initial & film,
        zone=zone,
        zone_px=width,
        zone_source=source,
        slope=slope,
        speed=speed,
        stretches=crossings,
        nuclei=nuclei,
        onset=find_onset(clock, _sd(arrival, scale), film & ~initial, settings.onset_fraction),
        kinetics=_kinetics(np.where(settled, speed, np.float32(np.nan)), along, zone, usable, degrees),
        control=boundary_control(clock, zone, film & ~initial),
    )


def _sd(arrival: ArrivalMap, scale: Scale) -> Image:
    return np.asarray(arrival.sd_frames * scale.interval, np.float32)


def _local_speed(clock: Image, territory: Labels, zone: Mask, usable: Mask) -> Image:
    """Return the local speed, px per unit of the clock, from windows that hold one grain's zone or interior only."""
    inside, near = (
        well_fitted_slope(clock, np.where(part, territory, 0).astype(np.int32), usable) for part in (~zone, zone)
    )
    with np.errstate(divide="ignore"):
        return np.where(zone, 1 / steepness(*near), 1 / steepness(*inside))


def _kinetics(local: Image, along: Image | None, zone: Mask, passed: Mask, degrees: FloatArray | None) -> Kinetics:
    """Return speeds and energy: along boundaries where fronts run so, else from the zone's own steepness."""
    never = np.float32(np.nan)
    boundary = np.where(zone, local, never) if along is None else along
    interior = np.where(zone, never, local)
    return measure_kinetics(boundary.astype(np.float64), interior.astype(np.float64), zone, degrees, passed)


def _zone_width(steep: Image, grains: Grains, scale: Scale, settings: FrontSettings) -> tuple[float, str]:
    """Return the width of the boundary zone in px and where it comes from."""
    nm = scale.pixel_size_nm
    if settings.boundary_zone_nm > 0 and nm is not None:
        return settings.boundary_zone_nm / nm, "settings"
    found = zone_width_px(steep, grains.distance_px, np.isfinite(steep))
    if found is not None:
        return found, "step of the front speed with distance"
    return (DEFAULT_PX if nm is None else max(DEFAULT_NM / nm, DEFAULT_PX / 2)), "default"


def _events(
    slope: Slope, noise: float, grains: Grains, scale: Scale, film: Mask, initial: Mask, zone_px: float
) -> tuple[list[Crossing], list[Nucleus]]:
    """Return crossings and nuclei, each by time."""
    window = 2.0 * slope.radius + 1
    sides = boundary_sides(grains.territory, slope)
    least_delay = LEAST_DELAY_FRAMES * scale.interval
    usual = float(np.nanmedian(steepness(slope, noise))) if np.isfinite(slope.noise).any() else 0.0
    crossings = find_crossings(sides, least_delay, window, usual)
    scatter = float(np.nanmedian(slope.scatter)) if np.isfinite(slope.scatter).any() else 0.0
    lead = max(LEAST_LEAD_FRAMES * scale.interval, LEAST_LEAD_SCATTERS * scatter / window)
    places, times = find_minima(slope, grains, lead)
    grain = _grain_at(grains.territory, places)
    entries = near_entry(sides, entering(sides, least_delay) | passing(sides, least_delay), places, grain, window)
    starts = ~entries & one_per_damage(places, times, grain, initial, window)
    sites = sites_of(places, grains, zone_px, slope.radius + 1.0, film)
    nuclei = [
        Nucleus(float(y), float(x), float(t), int(g), site)
        for (y, x), t, g, site, starts_here in zip(places, times, grain, sites, starts, strict=True)
        if starts_here
    ]
    return crossings, sorted(nuclei, key=lambda n: n.time)


def _grain_at(territory: Labels, places: FloatArray) -> Any:
    y, x = np.rint(places).astype(int).T if len(places) else (np.zeros(0, int), np.zeros(0, int))
    return territory[y, x]
