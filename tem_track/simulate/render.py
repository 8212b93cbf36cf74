"""Frames of a simulated movie, each rendered when it is asked for.

Strategy: the path of the beam through carbon, shells, cores and lithium is summed as nm of NiO; bright field is
I0 exp(-mu path), annular dark field is proportional to the path; then point spread, scan errors, dose, counting,
camera. Frame k depends on the scene and k only.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Image
from tem_track.simulate.burn_in import burn_in
from tem_track.simulate.camera import Camera, vignetted
from tem_track.simulate.course import Course
from tem_track.simulate.dendrite import Dendrite
from tem_track.simulate.footprint import Footprint, core_share, footprint
from tem_track.simulate.outline import profile
from tem_track.simulate.scene import LithiationScene
from tem_track.simulate.speckle import Speckle
from tem_track.simulate.support import Support
from tem_track.simulate.tracks import TrueTrack

# Signal per nm over that of NiO. Bright field by density (carbon 2.0, NiO 6.67, Li about 0.53 under Li2O 2.0 g/cm3);
# annular dark field by atoms times Z^1.7 (carbon 0.10 / A3 x 21, NiO 17.7 / A3).
CARBON = {"bright-field": 0.30, "haadf": 0.12}
LITHIUM = {"bright-field": 0.15, "haadf": 0.05}
# Annular dark field averages over diffraction: what is left of the speckle.
SPECKLE = {"bright-field": 1.0, "haadf": 0.2}
# HAADF dose is defined behind this thickness of NiO.
HAADF_REFERENCE_NM = 100.0
# Particles larger than this are sampled once a pixel, smaller ones 2 x 2 (their edges are a larger part of them).
FINE_BELOW_PX = 60.0


class LithiationFrames:
    """The frames of a scene: ``frames[k]`` is (Y, X) uint16; safe from several threads."""

    def __init__(self, scene: LithiationScene, course: Course, tracks: list[TrueTrack]):
        self.scene = scene
        self._course = course
        self._tracks = tracks
        self._support = Support(scene, course.drift_px)
        self._speckle = {t.particle.number: Speckle(scene, t.particle.number) for t in tracks} if scene.speckle else {}
        self._dendrite = Dendrite(scene) if scene.dendrite_frame >= 0 else None
        self._camera = Camera(scene)

    def __len__(self) -> int:
        return self.scene.frames

    def __getitem__(self, k: int, /) -> NDArray[np.uint16]:
        if not 0 <= k < len(self):
            raise IndexError(k)
        k = int(self._course.shown[k])
        frame = self._camera.frame(self._electrons(k), k)
        scene = self.scene
        if scene.scale_bar or scene.timestamp:
            brightest = scene.dose_per_px * (1.3 if scene.mode == "bright-field" else 3.0)
            white = min(65535, round(scene.offset_counts + scene.counts_per_electron * brightest))
            burn_in(scene, frame, float(self._course.times_s[k]), white)
        return frame

    def path_nm(self, k: int) -> Image:
        """Return the (Y, X) path through the specimen in frame k, as nm of NiO."""
        scene, drift = self.scene, self._course.drift_px[k]
        path = self._support.thickness_nm(drift)
        path *= np.float32(CARBON[scene.mode])
        if self._dendrite is not None:
            lithium = self._dendrite.thickness_nm(float(self._course.seen_s[k]), drift)
            path += np.float32(LITHIUM[scene.mode]) * lithium if lithium is not None else 0
        for track in self._tracks:
            if track.alive[k]:
                self._add(path, track, k, drift)
        return path

    def _add(self, path: Image, track: TrueTrack, k: int, drift: FloatArray) -> None:
        small = track.swelling.radius_nm[k] / self.scene.pixel_size_nm < FINE_BELOW_PX
        place = footprint(self.scene, track, k, drift, fine=2 if small else 1)
        if place is None:
            return
        part = self._track_path(track, k, place)
        rows, columns = place.rows, place.columns
        if place.fine > 1:
            size = (columns.stop - columns.start, rows.stop - rows.start)
            part = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        path[rows, columns] += part

    def _track_path(self, track: TrueTrack, k: int, place: Footprint) -> Image:
        """Return the path through one particle, fine sampling: shell, wall of the core, nothing in the void."""
        s = track.swelling
        twice = np.float32(2 * s.height_nm[k])
        whole = twice * profile(place.u, track.particle.top)
        squash = np.float32(1 / s.radius_nm[k])
        core = np.zeros_like(whole)
        if s.core_radius_nm[k] > 0:
            core = twice * squash * np.float32(s.core_radius_nm[k]) * profile(core_share(track, k, place), 1.0)
        void = np.zeros_like(whole)
        if s.void_radius_nm[k] > 0:
            radius = np.float32(s.void_radius_nm[k])
            void = twice * squash * radius * profile(place.r_nm / radius, 1.0)
        has_core = bool(s.core_radius_nm[k] > 0)
        shell = np.clip(whole - (core if has_core else void), 0, None) * np.float32(s.shell_density[k])
        wall = np.clip(core - void, 0, None) * np.float32(s.core_density[k]) if has_core else core
        if self._speckle:
            contrast = self._speckle[track.particle.number].at(float(self._course.seen_s[k]), place.u, place.theta)
            contrast *= np.float32(self.scene.speckle * SPECKLE[self.scene.mode])
            shell *= np.clip(1 + contrast * np.float32(s.shell_crystallinity[k]), 0, None)
            wall *= np.clip(1 + contrast * np.float32(s.core_crystallinity[k]), 0, None)
        return np.asarray((shell + wall) * place.inside)

    def _electrons(self, k: int) -> Image:
        """Return the electrons (Y, X) expected in frame k."""
        scene = self.scene
        if self._course.state[k] == "blank":
            return np.zeros((scene.height_px, scene.width_px), np.float32)
        path = self.path_nm(k)
        if scene.mode == "bright-field":
            fringe = _fringe(path, scene) if scene.fringe_nm else None
            # In place from here on: a frame of 4096 px is 64 MB.
            share = path
            share *= np.float32(-scene.attenuation_per_nm)
            np.exp(share, out=share)
            share *= np.float32(1 - scene.background)
            if fringe is not None:
                share *= fringe
        else:
            share = path
            share *= np.float32(1 / HAADF_REFERENCE_NM)
        share += np.float32(scene.background)
        if self._course.psf_px[k] > 0:
            share = cv2.GaussianBlur(share, (0, 0), float(self._course.psf_px[k]), borderType=cv2.BORDER_REPLICATE)
        share = self._camera.scanned(share, k)
        share *= np.float32(scene.dose_per_px * self._course.brightness[k])
        return vignetted(share, scene)


def _fringe(path: Image, scene: LithiationScene) -> Image:
    """Factor (Y, X) by which defocus redistributes intensity: 1 + c laplacian(thickness), transport of intensity.

    References
    ----------
    M. R. Teague, J. Opt. Soc. Am. 73 (1983) 1434, doi:10.1364/JOSA.73.001434
    """
    curvature = cv2.Laplacian(cv2.GaussianBlur(path, (0, 0), 1.0), cv2.CV_32F) / np.float32(scene.pixel_size_nm**2)
    return np.asarray(np.clip(1 + np.float32(scene.fringe_nm) * curvature, 0.2, 2.0), dtype=np.float32)
