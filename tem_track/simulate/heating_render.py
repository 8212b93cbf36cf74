"""Frames of a simulated lamella that degrades on heating, each rendered when it is asked for.

Strategy: the undamaged lamella is drawn once on the canvas. In frame k a place that degraded at time a has fallen by
its own depth: most of it at once, (1 - q) / (1 + exp(-4 (t - a) / fall)), the rest slowly,
q (1 - exp(-(t - a) / slow)), while voids open in it. The picture is then cut out at the frame's drift and goes through
point spread, scan and camera.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Image
from tem_track.simulate.burn_in import burn_in
from tem_track.simulate.camera import Camera, vignetted
from tem_track.simulate.canvas import Canvas, shifted
from tem_track.simulate.chance import chance
from tem_track.simulate.course import Course
from tem_track.simulate.heating_front import Degradation
from tem_track.simulate.heating_grains import Lamella
from tem_track.simulate.heating_scene import HeatedRecording, HeatingScene
from tem_track.simulate.relief import cloud, waves

# Annular dark field of platinum over that of the oxide at equal thickness, about (78 / 23)^1.7 by atoms and a third of
# that by the thinner and porous deposit.
PLATINUM = 2.2
# What is left of the lamella's signal where there is none (stray electrons).
VACUUM = 0.03
# Edges between grains are drawn by pixel: this blur (px) takes the steps out before the picture is shifted.
SOFTENED_PX = 0.5
# Relative darkening of a place: no place brightens, none goes black.
DARKEST, FAINTEST = 0.65, 0.01
# Cracks in the paper's aged grains (Fig. 2b) are a few nm wide and nearly through.
CRACK_NM, CRACK_DEPTH = 4.0, 0.6
# Spread (of the logarithm) of the voids' radii.
VOID_SPREAD = 0.35


@dataclass(frozen=True)
class Specimen:
    """What the frames are drawn from, on the canvas.

    Attributes
    ----------
    undamaged : (Y, X) float32
        Brightness of the lamella before heating, 1 on average.
    depth : (Y, X) float32
        Relative darkening of each place once it has degraded.
    arrival_s : (Y, X) float32
        Infinite = never; far before 0 where degraded before the movie.
    void : (Y, X) float32
        Distance to the nearest void's centre over its final radius.
    """

    undamaged: Image
    depth: Image
    arrival_s: Image
    void: Image


def specimen_of(scene: HeatingScene, canvas: Canvas, lamella: Lamella, degradation: Degradation) -> Specimen:
    """Return what the frames of a scene are drawn from."""
    arrival = degradation.arrival_s
    long_ago = -100 * (scene.slow_s + scene.fall_s)
    drawn = np.where(arrival > 0, arrival, np.where(arrival == 0, long_ago, np.inf))
    return Specimen(
        undamaged=_undamaged(scene, canvas, lamella),
        depth=_depth(scene, canvas),
        arrival_s=drawn.astype(np.float32),
        void=_voids(scene, canvas, "voids", scene.voids_per_um2, scene.void_nm),
    )


class HeatingFrames:
    """The frames of a scene: ``frames[k]`` is (Y, X) uint16; safe from several threads."""

    def __init__(self, scene: HeatingScene, course: Course, canvas: Canvas, specimen: Specimen):
        self.scene = scene
        self._course = course
        self._canvas = canvas
        self._specimen = specimen
        self._camera = Camera(scene)

    def __len__(self) -> int:
        return self.scene.frames

    def __getitem__(self, k: int, /) -> NDArray[np.uint16]:
        if not 0 <= k < len(self):
            raise IndexError(k)
        k = int(self._course.shown[k])
        if self._course.state[k] == "blank":
            share = np.zeros(self._canvas.field, np.float32)
        else:
            share = self.brightness(float(self._course.seen_s[k]), self._course.drift_px[k])
        return recorded(self.scene, self._course, self._camera, share, k)

    def brightness(self, time_s: float, drift: FloatArray) -> Image:
        """Return the brightness (Y, X) of the specimen at a time and a drift (dy, dx), before any optics."""
        rows, columns, rest = self._canvas.window(drift)
        s = self._specimen
        cut = s.undamaged[rows, columns] * self._kept(time_s, rows, columns)
        return np.asarray(np.maximum(shifted(cut, rest), 0))

    def _kept(self, time_s: float, rows: slice, columns: slice) -> Image:
        """Return the share of the brightness that is left at each place of a cut of the canvas."""
        scene, s = self.scene, self._specimen
        since = np.clip(np.float32(time_s) - s.arrival_s[rows, columns], -1e6, 1e6)
        # The logistic function, by tanh: it does not overflow.
        fallen = np.float32(0.5) * (1 + np.tanh(since * np.float32(2 / scene.fall_s)))
        slow = 1 - np.exp(np.minimum(-since, 0) * np.float32(1 / scene.slow_s))
        q = np.float32(scene.slow_share)
        kept = 1 - s.depth[rows, columns] * ((1 - q) * fallen + q * slow)
        if scene.void_depth > 0:
            # The path through a spherical void of radius sqrt(slow): what opens, opens by diffusion.
            chord = np.sqrt(np.maximum(slow - s.void[rows, columns] ** 2, 0))
            kept *= 1 - np.float32(scene.void_depth) * chord
        return np.asarray(kept)


def recorded(scene: HeatedRecording, course: Course, camera: Camera, brightness: Image, k: int) -> NDArray[np.uint16]:
    """Return frame k (Y, X) from the brightness of the specimen in it: point spread, scan, dose, camera, overlays."""
    share = brightness
    if course.state[k] != "blank":
        share = share + np.float32(scene.background)
        if course.psf_px[k] > 0:
            share = cv2.GaussianBlur(share, (0, 0), float(course.psf_px[k]), borderType=cv2.BORDER_REPLICATE)
        share = camera.scanned(share, k)
        share = vignetted(share * np.float32(scene.dose_per_px * course.brightness[k]), scene)
    frame = camera.frame(share, k)
    if scene.scale_bar or scene.timestamp:
        white = min(65535, round(scene.offset_counts + scene.counts_per_electron * scene.dose_per_px * PLATINUM))
        burn_in(scene, frame, float(course.times_s[k]), white)
    return frame


def relief_of(scene: HeatedRecording, canvas: Canvas, *, gradient: float, texture: float, texture_nm: float) -> Image:
    """Return thickness and fine texture (Y, X) of a lamella, 1 on average."""
    rng = chance(scene.seed, "thickness")
    y, x = (np.linspace(-0.5, 0.5, n, dtype=np.float32) for n in canvas.shape)
    direction = rng.uniform(0, 2 * np.pi)
    slope = y[:, None] * np.float32(np.sin(direction)) + x[None, :] * np.float32(np.cos(direction))
    thickness = 1 + np.float32(gradient) * (slope + np.float32(0.25) * waves(rng, y[:, None], x[None, :], 0.5))
    grain = cloud(chance(scene.seed, "texture"), canvas.shape, max(texture_nm / scene.pixel_size_nm, 1.5))
    return np.asarray(thickness * (1 + np.float32(texture) * grain), np.float32)


def _undamaged(scene: HeatingScene, canvas: Canvas, lamella: Lamella) -> Image:
    relief = relief_of(
        scene, canvas, gradient=scene.thickness_gradient, texture=scene.texture, texture_nm=scene.texture_nm
    )
    picture = lamella.brightness * (1 - lamella.line) * relief * _curtains(scene, canvas)
    if scene.old_voids_per_um2 > 0:
        old = _voids(scene, canvas, "old voids", scene.old_voids_per_um2, scene.void_nm)
        picture *= 1 - np.float32(scene.void_depth) * np.sqrt(np.maximum(1 - old**2, 0))
    if scene.cracks:
        picture *= 1 - np.float32(CRACK_DEPTH) * _cracks(scene, canvas)
    if scene.pt_strip_nm > 0:
        granular = 1 + np.float32(0.12) * cloud(chance(scene.seed, "platinum"), canvas.shape, 8 / scene.pixel_size_nm)
        picture += lamella.strip * (np.float32(PLATINUM) * granular - picture)
    if scene.vacuum_nm > 0:
        picture += lamella.vacuum * (np.float32(VACUUM) - picture)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), SOFTENED_PX, borderType=cv2.BORDER_REPLICATE))


def _curtains(scene: HeatingScene, canvas: Canvas) -> Image:
    """Return the stripes (Y, X) of the ion beam: long down the field, of all widths across it, mean 1."""
    rng = chance(scene.seed, "curtains")
    stripes = np.zeros(canvas.shape, np.float32)
    for width_nm in (12.0, 35.0, 90.0):
        across = cloud(rng, (1, canvas.width), max(width_nm / scene.pixel_size_nm, 1.5))
        along = np.float32(0.6) + np.float32(0.4) * cloud(rng, (canvas.height, 1), canvas.height / 3)
        stripes += across * along
    return 1 + np.float32(scene.curtaining / np.sqrt(3)) * stripes


def _depth(scene: HeatingScene, canvas: Canvas) -> Image:
    """Return how much each place darkens: patches of two sizes, as reduced oxide is."""
    rng = chance(scene.seed, "darkening")
    patches = np.float32(0.8) * cloud(rng, canvas.shape, 60 / scene.pixel_size_nm)
    patches += np.float32(0.6) * cloud(rng, canvas.shape, 14 / scene.pixel_size_nm)
    depth = scene.darkening * (1 + np.float32(scene.darkening_spread) * patches)
    return np.asarray(np.clip(depth, FAINTEST, DARKEST), np.float32)


def _voids(scene: HeatingScene, canvas: Canvas, purpose: str, per_um2: float, radius_nm: float) -> Image:
    """Return the distance (Y, X) to the centre of a void over its final radius, the smallest over all voids."""
    rng = chance(scene.seed, purpose)
    near = np.full(canvas.shape, 2.0, np.float32)
    area_um2 = canvas.height * canvas.width * (scene.pixel_size_nm / 1000) ** 2
    count = rng.poisson(per_um2 * area_um2)
    at = rng.uniform(0, 1, (count, 2)) * canvas.shape
    radius = radius_nm / scene.pixel_size_nm * np.exp(VOID_SPREAD * rng.standard_normal(count))
    for (y, x), r in zip(at.tolist(), np.maximum(radius, 0.6).tolist(), strict=True):
        top, left = max(int(y - r), 0), max(int(x - r), 0)
        part = near[top : int(y + r) + 2, left : int(x + r) + 2]
        dy = (np.arange(part.shape[0], dtype=np.float32) + np.float32(top - y)) / np.float32(r)
        dx = (np.arange(part.shape[1], dtype=np.float32) + np.float32(left - x)) / np.float32(r)
        np.minimum(part, np.sqrt(dy[:, None] ** 2 + dx[None, :] ** 2), out=part)
    return near


def _cracks(scene: HeatingScene, canvas: Canvas) -> Image:
    """Return the cover (Y, X) by cracks: thin lines that wander through half the field."""
    cover = np.zeros(canvas.shape, np.uint8)
    rng = chance(scene.seed, "cracks")
    for _ in range(scene.cracks):
        steps = int(min(canvas.shape) / 8)
        heading = rng.uniform(0, 2 * np.pi) + np.cumsum(0.25 * rng.standard_normal(steps))
        path = rng.uniform(0.15, 0.85, 2) * canvas.shape + 4 * np.cumsum(
            np.stack([np.sin(heading), np.cos(heading)], axis=1), axis=0
        )
        # OpenCV wants (x, y), here in sixteenths of a pixel.
        points = np.round(path[:, ::-1] * 16).astype(np.int32)
        width = max(1, round(CRACK_NM / scene.pixel_size_nm))
        cv2.polylines(cover, [points], False, 255, width, cv2.LINE_AA, shift=4)
    return cover.astype(np.float32) / np.float32(255)
