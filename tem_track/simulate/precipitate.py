"""A crystal that grows in a void on heating: frames rendered when asked for, and their truth.

Strategy: void and crystal are convex polygons given by the distances of their facets from a centre. The area of the
crystal follows the temperature, A = A1 (1 - exp(-(T - T0) / dT)); it keeps its shape and the one facet by which it
sits on the void's wall. Frames are drawn 3 x 3 finer than a pixel along its edge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Image, Labels
from tem_track.simulate.camera import Camera
from tem_track.simulate.canvas import Canvas, canvas_of, shifted
from tem_track.simulate.chance import chance
from tem_track.simulate.course import Course
from tem_track.simulate.facets import Facets, hexagon
from tem_track.simulate.heated import HeatedMovie
from tem_track.simulate.heating import heated_course, heated_movie
from tem_track.simulate.heating_ramp import temperature_c
from tem_track.simulate.heating_render import SOFTENED_PX, recorded, relief_of
from tem_track.simulate.heating_scene import PrecipitateScene
from tem_track.simulate.heating_truth import HEATED_FRAMES, heated_frames_table
from tem_track.simulate.truth import TRUE_DRIFT, columns_named, drift_table
from tem_track.tables import TRACKS, Column, Table, table_from_rows

TRUE_CRYSTAL = columns_named(
    TRACKS,
    "track_id frame time_s temperature_c y_px x_px y_specimen_px x_specimen_px area_px area_nm2 "
    "equivalent_diameter_px equivalent_diameter_nm touches_border",
)


@dataclass(frozen=True)
class Crystal:
    """The crystal in its void, in the specimen frame.

    Attributes
    ----------
    shape, void : Facets
    void_size_px : float
        Square root of the void's area.
    void_centre, seat : (2,) float64
        (y, x) in px; `seat` is the middle of the facet of the void the crystal sits on.
    inward : (2,) float64
        Unit vector from the seat into the void.
    sunk : float
        Share of its height that lies beyond the seat, over the rim of the void.
    size_px : (T,) float64
        Square root of the crystal's area in every frame, 0 before it starts.
    """

    shape: Facets
    void: Facets
    void_size_px: float
    void_centre: FloatArray
    seat: FloatArray
    inward: FloatArray
    sunk: float
    size_px: FloatArray

    def centre(self, k: int) -> FloatArray:
        """Return the point (y, x) its facets' distances count from in frame k: the same share stays beyond the seat."""
        height = self.shape.distances[0] + self.shape.distances[3]
        return np.asarray(self.seat + self.inward * self.size_px[k] * (self.shape.distances[0] - self.sunk * height))


class PrecipitateFrames:
    """The frames of a scene: ``frames[k]`` is (Y, X) uint16; safe from several threads."""

    def __init__(self, scene: PrecipitateScene, course: Course, canvas: Canvas, crystal: Crystal):
        self.scene = scene
        self._course = course
        self._canvas = canvas
        self._crystal = crystal
        self._camera = Camera(scene)
        self._matrix = _matrix(scene, canvas, crystal)

    def __len__(self) -> int:
        return self.scene.frames

    def __getitem__(self, k: int, /) -> NDArray[np.uint16]:
        if not 0 <= k < len(self):
            raise IndexError(k)
        k = int(self._course.shown[k])
        if self._course.state[k] == "blank":
            return recorded(self.scene, self._course, self._camera, np.zeros(self._canvas.field, np.float32), k)
        drift = self._course.drift_px[k]
        rows, columns, rest = self._canvas.window(drift)
        brightness = np.maximum(shifted(self._matrix[rows, columns], rest), 0)
        cover = crystal_cover(self._crystal, k, drift, self._canvas.field)
        brightness += cover * np.float32(self.scene.crystal_contrast)
        return recorded(self.scene, self._course, self._camera, brightness, k)


def crystal_cover(crystal: Crystal, k: int, drift: FloatArray, field: tuple[int, int]) -> Image:
    """Return the share (Y, X) of each pixel that the crystal covers in frame k."""
    cover = np.zeros(field, np.float32)
    size = float(crystal.size_px[k])
    if size <= 0:
        return cover
    centre = crystal.centre(k) + drift
    y, x = (np.arange(n, dtype=np.float32) for n in field)
    for dy in (-1 / 3, 0, 1 / 3):
        for dx in (-1 / 3, 0, 1 / 3):
            depth = crystal.shape.depth(
                (y[:, None] + np.float32(dy - centre[0])) / np.float32(size),
                (x[None, :] + np.float32(dx - centre[1])) / np.float32(size),
            )
            # The edge of a third of a pixel, cut straight.
            cover += np.clip(depth * np.float32(3 * size) + np.float32(0.5), 0, 1)
    return cover / np.float32(9)


def _matrix(scene: PrecipitateScene, canvas: Canvas, crystal: Crystal) -> Image:
    """Return the brightness (Y, X) of the lamella with its void on the canvas."""
    relief = relief_of(
        scene, canvas, gradient=scene.thickness_gradient, texture=scene.texture, texture_nm=scene.texture_nm
    )
    y = np.arange(canvas.height, dtype=np.float32)[:, None] + np.float32(canvas.top - crystal.void_centre[0])
    x = np.arange(canvas.width, dtype=np.float32)[None, :] + np.float32(canvas.left - crystal.void_centre[1])
    size = np.float32(crystal.void_size_px)
    depth_px = crystal.void.depth(y / size, x / size) * size
    # Inclined facets: the void opens from its rim inwards.
    opened = np.clip(depth_px * np.float32(scene.pixel_size_nm / scene.void_slope_nm) + np.float32(0.5), 0, 1)
    picture = relief * (1 - np.float32(scene.void_depth) * opened)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), SOFTENED_PX, borderType=cv2.BORDER_REPLICATE))


def _crystal_of(scene: PrecipitateScene, course: Course) -> Crystal:
    rng = chance(scene.seed, "void")
    void = hexagon(rng)
    # Areas as those of discs of the stated diameters.
    void_size, final_size = (np.sqrt(np.pi / 4) * nm / scene.pixel_size_nm for nm in (scene.void_nm, scene.crystal_nm))
    centre = np.array([scene.height_px, scene.width_px]) * (0.5 + rng.uniform(-0.04, 0.04, 2))
    facet = int(rng.integers(6))
    inward = -np.array([np.sin(void.directions[facet]), np.cos(void.directions[facet])])
    ends = void.corners()[[facet - 1, facet]]
    shape = hexagon(rng)
    seat = centre + void_size * ends.mean(axis=0)
    # Its first facet lies on the seat.
    turned = Facets(shape.directions - shape.directions[0] + np.arctan2(-inward[0], -inward[1]), shape.distances)
    warmed = np.maximum(temperature_c(scene, course.seen_s) - scene.growth_c, 0)
    size = final_size * np.sqrt(1 - np.exp(-warmed / scene.growth_span_c))
    return Crystal(turned, void, float(void_size), centre, seat, inward, scene.crystal_sunk, np.asarray(size))


@dataclass(frozen=True)
class PrecipitateTruth:
    """What a perfect analysis would find.

    Attributes
    ----------
    drift_px : (T, 2) float64
    drift, frames, tracks : Table
        Columns `TRUE_DRIFT`, `HEATED_FRAMES`, `TRUE_CRYSTAL`; areas are those of the polygon, not pixel counts.
    summary : dict
    """

    drift_px: FloatArray
    drift: Table
    frames: Table
    tracks: Table
    summary: dict[str, Any]
    _crystal: Crystal
    _field: tuple[int, int]

    def labels(self, k: int) -> Labels:
        """Return the (Y, X) int32 label image of frame k: 1 where the crystal covers half a pixel or more."""
        return np.asarray(crystal_cover(self._crystal, k, self.drift_px[k], self._field) >= 0.5, np.int32)


class PrecipitateSimulation(HeatedMovie[PrecipitateScene, PrecipitateTruth]):
    """A simulated movie of a growing precipitate with known truth."""

    @property
    def specimen(self) -> str:
        """What was simulated."""
        return "precipitate"

    @property
    def tables(self) -> Mapping[str, tuple[tuple[Column, ...], Table]]:
        """Columns and rows of every table of the truth, by name."""
        truth = self.truth
        return {
            "drift": (TRUE_DRIFT, truth.drift),
            "frames": (HEATED_FRAMES, truth.frames),
            "tracks": (TRUE_CRYSTAL, truth.tracks),
        }

    @property
    def label_images(self) -> Mapping[str, Callable[[int], Labels]]:
        """Functions from a frame to its true label image, by name."""
        return {"labels": self.truth.labels}


def simulate_precipitate(scene: PrecipitateScene) -> PrecipitateSimulation:
    """Return the movie of a crystal growing in a void with its truth; frames are rendered when asked for.

    Parameters
    ----------
    scene : PrecipitateScene

    Returns
    -------
    PrecipitateSimulation
        The same frames and truth, bit for bit, whenever the scene is the same.
    """
    course = heated_course(scene)
    canvas = canvas_of(scene.height_px, scene.width_px, course.drift_px)
    crystal = _crystal_of(scene, course)
    movie = heated_movie(scene, course, PrecipitateFrames(scene, course, canvas, crystal), "simulated precipitate")
    truth = PrecipitateTruth(
        drift_px=course.drift_px,
        drift=drift_table(course),
        frames=heated_frames_table(scene, course),
        tracks=_tracks_table(scene, course, crystal),
        summary=_summary(scene, course, crystal),
        _crystal=crystal,
        _field=canvas.field,
    )
    return PrecipitateSimulation(scene, movie, truth)


def _tracks_table(scene: PrecipitateScene, course: Course, crystal: Crystal) -> Table:
    """Return one row for every frame in which there is a crystal."""
    temperatures = temperature_c(scene, course.times_s)
    rows = []
    for k in np.flatnonzero((crystal.size_px > 0) & (course.state != "blank")).tolist():
        area = float(crystal.size_px[k]) ** 2
        middle = crystal.centre(k) + crystal.size_px[k] * crystal.shape.centroid()
        here = middle + course.drift_px[k]
        corners = crystal.centre(k) + crystal.size_px[k] * crystal.shape.corners() + course.drift_px[k]
        inside = ((corners > 0) & (corners < np.array([scene.height_px, scene.width_px]) - 1)).all()
        rows.append(
            {
                "track_id": 1,
                "frame": k,
                "time_s": course.times_s[k],
                "temperature_c": temperatures[k],
                "y_px": here[0],
                "x_px": here[1],
                "y_specimen_px": middle[0],
                "x_specimen_px": middle[1],
                "area_px": area,
                "area_nm2": area * scene.pixel_size_nm**2,
                "equivalent_diameter_px": np.sqrt(4 / np.pi * area),
                "equivalent_diameter_nm": np.sqrt(4 / np.pi * area) * scene.pixel_size_nm,
                "touches_border": int(not inside),
            }
        )
    return table_from_rows(TRUE_CRYSTAL, rows)


def _summary(scene: PrecipitateScene, course: Course, crystal: Crystal) -> dict[str, Any]:
    grew = bool((crystal.size_px > 0).any())
    return {
        "onset_temperature_c": max(scene.growth_c, scene.start_c) if grew else None,
        "final_area_nm2": float(crystal.size_px[-1] * scene.pixel_size_nm) ** 2,
        "void_area_nm2": (crystal.void_size_px * scene.pixel_size_nm) ** 2,
        "log_time_of_frame0_s": scene.log_offset_s,
    }
