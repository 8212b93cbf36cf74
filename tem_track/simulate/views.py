"""Single images of one specimen at different states: other magnification, rotation, shift, contrast, as ex situ.

Strategy: the specimen is drawn once per state at a fine pixel, as the path of the beam; each view turns, scales and
shifts that path, and sends it through its own microscope and camera. Areas and places in a view follow exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from tem_track.errors import SettingsError
from tem_track.movie import Calibration, FloatArray, Image, Movie
from tem_track.simulate.course import course_of
from tem_track.simulate.lithiation import simulate_lithiation
from tem_track.simulate.render import LithiationFrames
from tem_track.simulate.scene import LithiationScene
from tem_track.simulate.simulation import Simulation
from tem_track.tables import Column, Table

# Samples per pixel of a view, along both axes, before they are averaged.
FINE = 2
# A particle shows whole where its centre is this many of its radii from the border: outlines wave by up to a fifth.
CLEAR_RADII = 1.25

TRUE_VIEW = (
    Column("particle", "int", "particle, from 1, the same in every view"),
    Column("y_px", "float", "centroid in the view, down"),
    Column("x_px", "float", "centroid in the view, to the right"),
    Column("area_px", "float", "projected area in px of the view"),
    Column("equivalent_diameter_px", "float", "2 sqrt(area / pi)"),
    Column("core_equivalent_diameter_px", "float", "of the core's outline"),
    Column("volume_ratio", "float", "V/V0 at the state of the view"),
    Column("whole", "int", "1 where the border does not cut it"),
)


@dataclass(frozen=True)
class View:
    """One image of a specimen.

    Attributes
    ----------
    frame : int
        State of the specimen: the frame of its scene.
    height_px, width_px : int
    pixel_size_nm : float
        True edge of a pixel.
    centre_nm : (float, float)
        Place of the specimen (y, x) in the middle of the view.
    rotation_deg : float
        Of the specimen in the view, from right towards down.
    mirrored : bool
        Seen from behind: the specimen's x axis turned round before it is rotated.
    mode : str
        ``"bright-field"`` or ``"haadf"``.
    dose_per_px : float
    stated_pixel_size_nm : float or None
        What the view's calibration says; None = nothing.
    seed : int
        Of the noise.
    """

    frame: int
    height_px: int
    width_px: int
    pixel_size_nm: float
    centre_nm: tuple[float, float]
    rotation_deg: float = 0.0
    mirrored: bool = False
    mode: str = "bright-field"
    dose_per_px: float = 200.0
    stated_pixel_size_nm: float | None = None
    seed: int = 0

    def to_view(self, yx_nm: FloatArray) -> FloatArray:
        """Return (N, 2) (y, x) px of the view for (N, 2) (y, x) nm of the specimen."""
        moved = (np.asarray(yx_nm) - self.centre_nm)[:, ::-1] @ self._turn().T / self.pixel_size_nm
        return np.asarray(moved[:, ::-1] + self._middle())

    def matrix_to_specimen(self, fine: int, pixel_size_nm: float) -> FloatArray:
        """Return the (2, 3) matrix from (x, y) samples of the view to (x, y) px of the specimen's own picture."""
        back = self._turn().T * (self.pixel_size_nm / pixel_size_nm)
        # Sample s of `fine` a pixel lies at (s + 1/2) / fine - 1/2 px.
        offset = np.array([0.5 / fine - 0.5] * 2) - self._middle()[::-1]
        shift = back @ offset + np.array(self.centre_nm[::-1]) / pixel_size_nm
        return np.column_stack([back / fine, shift])

    def _turn(self) -> FloatArray:
        c, s = np.cos(np.radians(self.rotation_deg)), np.sin(np.radians(self.rotation_deg))
        flip = -1.0 if self.mirrored else 1.0
        return np.array([[flip * c, -s], [flip * s, c]])

    def _middle(self) -> FloatArray:
        return np.array([(self.height_px - 1) / 2, (self.width_px - 1) / 2])


class _ViewFrames(LithiationFrames):
    """The one frame of a view: a given path through the microscope and camera of its scene."""

    def __init__(self, scene: LithiationScene, path: Image):
        super().__init__(scene, course_of(scene), [])
        self._path = path

    def path_nm(self, k: int) -> Image:
        return self._path.copy()


def simulate_views(scene: LithiationScene, views: Sequence[View]) -> list[tuple[Movie, Table]]:
    """Return the image (a movie of one frame) and the truth (`TRUE_VIEW`) of each view of a specimen.

    Parameters
    ----------
    scene : LithiationScene
        The specimen and its states, and what all views have in common (psf, camera); its drift is left out. Its pixels
        should be no larger than the views'.
    views : sequence of View

    Raises
    ------
    SettingsError
        A view of a state that the scene does not have, or beyond its field, or coarser pixels in the scene.
    """
    still = replace(scene, drift_px=0.0, jumps=())
    specimens = {mode: simulate_lithiation(replace(still, mode=mode)) for mode in {view.mode for view in views}}
    return [_seen(specimens[view.mode], view) for view in views]


def _seen(specimen: Simulation, view: View) -> tuple[Movie, Table]:
    scene = specimen.scene
    if not 0 <= view.frame < scene.frames:
        raise SettingsError(f"a view of frame {view.frame}, but the scene has frames 0 to {scene.frames - 1}")
    if not _inside(scene, view):
        raise SettingsError("a view looks beyond the specimen; give the scene a larger field")
    if scene.pixel_size_nm > view.pixel_size_nm:
        raise SettingsError(f"the scene's pixels ({scene.pixel_size_nm:g} nm) are larger than a view's")
    assert isinstance(specimen.frames, LithiationFrames)
    frames = _ViewFrames(_scene_of(scene, view), _path(specimen.frames.path_nm(view.frame), scene.pixel_size_nm, view))
    said = view.stated_pixel_size_nm
    movie = Movie(
        frames=frames,
        shape=(1, view.height_px, view.width_px),
        dtype=np.dtype(np.uint16),
        times_s=np.zeros(1),
        calibration=Calibration() if said is None else Calibration(said, "simulated"),
        name="simulated view",
        format="simulation",
    )
    return movie, _truth(specimen, view)


def _inside(scene: LithiationScene, view: View) -> bool:
    """Return whether a view shows nothing beyond the scene's field."""
    matrix = view.matrix_to_specimen(1, scene.pixel_size_nm)
    corners = np.array([[x, y, 1.0] for x in (0, view.width_px - 1) for y in (0, view.height_px - 1)]) @ matrix.T
    return bool((corners >= 0).all() and (corners <= (scene.width_px - 1, scene.height_px - 1)).all())


def _scene_of(scene: LithiationScene, view: View) -> LithiationScene:
    """Return the scene of an empty frame with the view's microscope: nothing in it but what it is given."""
    empty = {"nio": 0, "cuo": 0, "core_shell": 0, "touching": 0, "border": 0, "outside": 0, "inert": 0}
    nothing = ("fracture", "coalescence", "detachment", "leaving", "illumination_steps", "blurred", "blank")
    return replace(
        scene,
        **empty,  # type: ignore[arg-type]
        **dict.fromkeys((*nothing, "duplicate", "dropped"), ()),  # type: ignore[arg-type]
        mode=view.mode,
        height_px=view.height_px,
        width_px=view.width_px,
        pixel_size_nm=view.pixel_size_nm,
        dose_per_px=view.dose_per_px,
        seed=view.seed,
        frames=1,
        support="none",
        dendrite_frame=-1,
    )


def _path(path: Image, pixel_size_nm: float, view: View) -> Image:
    """Return the (Y, X) path of the specimen as the view shows it, nm of NiO."""
    matrix = view.matrix_to_specimen(FINE, pixel_size_nm)
    size = (view.width_px * FINE, view.height_px * FINE)
    how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    fine = cv2.warpAffine(path, matrix, size, flags=how, borderMode=cv2.BORDER_REFLECT_101)
    shown = cv2.resize(fine, (view.width_px, view.height_px), interpolation=cv2.INTER_AREA)
    return np.asarray(np.clip(shown, 0, None))


def _truth(specimen: Simulation, view: View) -> Table:
    """Return the particles whose centre the view shows."""
    tracks = specimen.truth.tracks
    at = tracks["frame"] == view.frame
    places = view.to_view(np.stack([tracks["y_px"], tracks["x_px"]], axis=1)[at] * specimen.scene.pixel_size_nm)
    diameter = tracks["equivalent_diameter_nm"][at] / view.pixel_size_nm
    margin = np.minimum(places + 0.5, np.array([view.height_px, view.width_px]) - 0.5 - places).min(axis=1)
    table = {
        "particle": tracks["track_id"][at],
        "y_px": places[:, 0],
        "x_px": places[:, 1],
        "area_px": tracks["area_nm2"][at] / view.pixel_size_nm**2,
        "equivalent_diameter_px": diameter,
        "core_equivalent_diameter_px": tracks["core_equivalent_diameter_nm"][at] / view.pixel_size_nm,
        "volume_ratio": tracks["volume_ratio"][at],
        "whole": (margin > CLEAR_RADII * diameter / 2).astype(np.int64),
    }
    return {name: values[margin > 0] for name, values in table.items()}
