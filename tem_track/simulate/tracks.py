"""True tracks: every particle, piece and merged particle from its first frame to its last."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray
from tem_track.simulate.chance import chance
from tem_track.simulate.course import Course
from tem_track.simulate.layout import centres_of
from tem_track.simulate.outline import Sector, SectorShare, elliptic_outline, sector_share, wavy_outline
from tem_track.simulate.particles import BALL, Particle, Swelling, particles_of
from tem_track.simulate.scene import LithiationScene

# Aspect ratio of a pair of equal balls when it merges, and frames in which it relaxes towards a ball.
MERGED_ASPECT = 1.7
MERGED_RELAXES_FRAMES = 12.0
# Frames a particle takes to leave the field once it has let go.
LEAVING_FRAMES = 10


@dataclass(frozen=True)
class Merged:
    """Outline of a merged particle: an ellipse that becomes rounder."""

    aspect: FloatArray
    direction: float
    waviness: FloatArray


@dataclass(frozen=True)
class TrueTrack:
    """One track of the truth.

    Attributes
    ----------
    number, lineage : int
        As `track_id` and `lineage_id` of tracks.csv.
    particle : Particle
        The particle it is, is a piece of, or (merged) the larger of the two it came from.
    swelling : Swelling
        Of the whole body, also for a piece.
    centre_nm : (T, 2) float64
        Centre of the body, specimen frame, (y, x).
    alive : (T,) bool
        Frames in which the track exists.
    sector : Sector or None
        Which piece of the body; None = all of it.
    merged : Merged or None
    share : SectorShare
        Shares of area and volume, and the centroid over the radius.
    parents : tuple of int
    state : str
        ``"whole"``, ``"fractured"`` or ``"merged"``.
    """

    number: int
    lineage: int
    particle: Particle
    swelling: Swelling
    centre_nm: FloatArray
    alive: NDArray[np.bool_]
    sector: Sector | None
    merged: Merged | None
    share: SectorShare
    parents: tuple[int, ...] = ()
    state: str = "whole"

    def outline(self, k: int) -> FloatArray:
        """Return the unit outline (ANGLES,) in frame k."""
        if self.merged is None:
            return self.particle.outline
        return elliptic_outline(float(self.merged.aspect[k]), self.merged.direction, self.merged.waviness)

    @property
    def area_nm2(self) -> FloatArray:
        """Projected area (T,) in nm2."""
        return np.asarray(np.pi * self.swelling.radius_nm**2 * self.share.area)

    @property
    def volume_nm3(self) -> FloatArray:
        """Volume of the envelope (T,) in nm3."""
        return np.asarray(self.swelling.volume_nm3 * self.share.volume)

    @property
    def centroid_nm(self) -> FloatArray:
        """Centroid of the projection (T, 2) in nm, specimen frame."""
        return np.asarray(self.centre_nm + self.swelling.radius_nm[:, None] * np.array([self.share.y, self.share.x]))


@dataclass(frozen=True)
class TrueEvent:
    """Something that happens to tracks in a frame, as a row of events.csv."""

    frame: int
    event: str
    track: int
    others: tuple[int, ...] = ()


def tracks_of(scene: LithiationScene, course: Course) -> tuple[list[TrueTrack], list[TrueEvent]]:
    """Return the tracks (numbered from 1: particles, then pieces and merged ones by frame) and the events."""
    particles = particles_of(scene, course.seen_s)
    centres = centres_of(scene, particles, course.drift_px)
    _move(scene, course, particles, centres)
    tracks = [_whole(p, centre) for p, centre in zip(particles, centres, strict=True)]
    events: list[TrueEvent] = []
    changes = [(int(row[1]), row) for row in scene.fracture] + [(int(row[2]), row) for row in scene.coalescence]
    for frame, row in sorted(changes):
        if row in scene.fracture:
            _break(scene, course, tracks, events, int(row[0]), frame, int(row[2]))
        else:
            _merge(scene, course, tracks, events, (int(row[0]), int(row[1])), frame)
    return tracks, events


def _whole(particle: Particle, centre_nm: FloatArray) -> TrueTrack:
    return TrueTrack(
        number=particle.number,
        lineage=particle.number,
        particle=particle,
        swelling=particle.swelling,
        centre_nm=centre_nm,
        alive=np.ones(len(centre_nm), dtype=bool),
        sector=None,
        merged=None,
        share=sector_share(None, particle.outline, particle.top),
    )


def _move(scene: LithiationScene, course: Course, particles: list[Particle], centres: FloatArray) -> None:
    """Add to the centres what particles do on their own: jump by a radius, or let go and leave."""
    for number, frame in scene.detachment:
        n = int(number) - 1
        step = _free_direction(centres, n, int(frame)) * particles[n].swelling.radius_nm[int(frame)]
        centres[n][course.shown >= int(frame)] += step
    for number, frame in scene.leaving:
        n = int(number) - 1
        radius = float(particles[n].swelling.radius_nm.max() * particles[n].outline.max())
        centres[n] += _way_out(scene, course, centres[n], radius, int(frame))


def _free_direction(centres: FloatArray, n: int, frame: int) -> FloatArray:
    """Return the unit vector that leads away from the particle nearest to particle n."""
    apart = centres[n, frame] - np.delete(centres[:, frame], n, axis=0)
    if not len(apart):
        return np.array([0.0, 1.0])
    nearest = apart[np.argmin(np.hypot(*apart.T))]
    return np.asarray(nearest / np.hypot(*nearest))


def _way_out(scene: LithiationScene, course: Course, centre: FloatArray, radius: float, frame: int) -> FloatArray:
    """Displacement (T, 2) in nm that takes a particle over the nearest border, slowly at first."""
    seen = (centre + course.drift_px * scene.pixel_size_nm)[frame]
    field = np.array([scene.height_px, scene.width_px]) * scene.pixel_size_nm
    ways = [(seen[0], (-1, 0)), (field[0] - seen[0], (1, 0)), (seen[1], (0, -1)), (field[1] - seen[1], (0, 1))]
    distance, direction = min(ways)
    progress = np.clip((course.shown - frame + 1) / LEAVING_FRAMES, 0, None) ** 2
    return np.asarray(progress[:, None] * (distance + 1.1 * radius) * np.array(direction, dtype=np.float64))


def _break(
    scene: LithiationScene,
    course: Course,
    tracks: list[TrueTrack],
    events: list[TrueEvent],
    number: int,
    frame: int,
    pieces: int,
) -> None:
    """End a track and go on with its pieces, which move apart."""
    rng = chance(scene.seed, "fracture", number)
    parent = tracks[number - 1]
    after = course.shown >= frame
    tracks[number - 1] = replace(parent, alive=parent.alive & ~after)
    widths = 1 + rng.uniform(-0.15, 0.15, pieces)
    cracks = rng.uniform(0, 2 * np.pi) + np.concatenate([[0], np.cumsum(widths / widths.sum()) * 2 * np.pi])
    bend, phase = rng.uniform(0.1, 0.25), rng.uniform(0, 2 * np.pi)
    gap = _gap_nm(scene, course, parent, frame) / (2 * np.sin(np.pi / pieces))
    born = []
    for start, end in pairwise(cracks):
        sector = Sector(float(start), float(end), float(bend), float(phase))
        away = np.array([np.sin((start + end) / 2), np.cos((start + end) / 2)])
        born.append(len(tracks) + 1)
        tracks.append(
            replace(
                parent,
                number=born[-1],
                centre_nm=parent.centre_nm + gap[:, None] * away,
                alive=parent.alive & after,
                sector=sector,
                share=sector_share(sector, parent.particle.outline, parent.particle.top),
                parents=(number,),
                state="fractured",
            )
        )
    events.append(TrueEvent(_first(after), "fracture", number, tuple(born)))


def _gap_nm(scene: LithiationScene, course: Course, parent: TrueTrack, frame: int) -> FloatArray:
    """Width (T,) of the cracks in nm: at once wide enough to be seen, wider over the next ten frames or so."""
    wide = np.maximum(0.12 * parent.swelling.radius_nm[frame], 4 * scene.pixel_size_nm)
    return np.asarray(wide * (1 + 0.6 * (1 - np.exp(-np.clip(course.shown - frame, 0, None) / 10))))


def _merge(
    scene: LithiationScene,
    course: Course,
    tracks: list[TrueTrack],
    events: list[TrueEvent],
    pair: tuple[int, int],
    frame: int,
) -> None:
    """End two tracks and go on with one particle of their summed volume, long at first, rounder later."""
    a, b = (tracks[n - 1] for n in pair)
    after = course.shown >= frame
    for track in (a, b):
        tracks[track.number - 1] = replace(track, alive=track.alive & ~after)
    weight = (a.swelling.volume_nm3 / (a.swelling.volume_nm3 + b.swelling.volume_nm3))[:, None]
    apart = b.centre_nm[frame] - a.centre_nm[frame]
    relaxed = np.exp(-np.clip(course.shown - frame, 0, None) / MERGED_RELAXES_FRAMES)
    aspect = 1 + (MERGED_ASPECT - 1) * relaxed
    rng = chance(scene.seed, "merged", *pair)
    number = len(tracks) + 1
    tracks.append(
        TrueTrack(
            number=number,
            lineage=number,
            particle=max(a, b, key=lambda t: t.swelling.volume_nm3[0]).particle,
            swelling=_merged_swelling(a.swelling, b.swelling, aspect),
            centre_nm=weight * a.centre_nm + (1 - weight) * b.centre_nm,
            alive=a.alive & b.alive & after,
            sector=None,
            merged=Merged(aspect, float(np.arctan2(apart[0], apart[1])), wavy_outline(rng, scene.roughness)),
            share=SectorShare(1.0, 1.0, 0.0, 0.0),
            parents=pair,
            state="merged",
        )
    )
    events.append(TrueEvent(_first(after), "coalescence", number, pair))


def _merged_swelling(a: Swelling, b: Swelling, aspect: FloatArray) -> Swelling:
    """Mass and volume of both in one body: an ellipsoid turned about its long axis, without core or void."""
    volume = a.volume_nm3 + b.volume_nm3
    # Semi-axes l > s, s: radius = sqrt(l s), height = s = radius / sqrt(aspect).
    radius = np.cbrt(volume / BALL * np.sqrt(aspect))
    mean = {}
    for name in ("density", "crystallinity"):
        whole_a, whole_b = (_whole_body(s, name) for s in (a, b))
        mean[name] = (whole_a * a.volume_nm3 + whole_b * b.volume_nm3) / volume
    none = np.zeros_like(radius)
    return Swelling(radius, radius / np.sqrt(aspect), none, none, mean["density"], none, mean["crystallinity"], none)


def _whole_body(swelling: Swelling, name: str) -> FloatArray:
    """Mean (T,) of a part's property over the envelope, weighted by volume; the void counts as nothing."""
    squash = swelling.height_nm / swelling.radius_nm
    core = BALL * swelling.core_radius_nm**3 * squash
    void = BALL * swelling.void_radius_nm**3 * squash
    wall = np.where(core > 0, core - void, 0)
    shell = swelling.volume_nm3 - np.where(core > 0, core, void)
    total = getattr(swelling, f"shell_{name}") * shell + getattr(swelling, f"core_{name}") * wall
    return np.asarray(total / swelling.volume_nm3)


def _first(after: NDArray[np.bool_]) -> int:
    """Frame from which it shows (a duplicate still shows the frame before)."""
    return int(np.argmax(after)) if after.any() else len(after)
