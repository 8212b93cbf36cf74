"""A lithiation movie from a scene: lazily rendered frames and their truth."""

from __future__ import annotations

import numpy as np

from tem_track.movie import Calibration, Movie
from tem_track.simulate.course import course_of
from tem_track.simulate.render import LithiationFrames
from tem_track.simulate.scene import LithiationScene
from tem_track.simulate.simulation import Simulation
from tem_track.simulate.tracks import tracks_of
from tem_track.simulate.truth import truth_of


def simulate_lithiation(scene: LithiationScene) -> Simulation:
    """Return the movie of a scene with its truth; frames and label images are rendered when asked for.

    Parameters
    ----------
    scene : LithiationScene

    Returns
    -------
    Simulation
        The same frames and truth, bit for bit, whenever the scene is the same.

    Raises
    ------
    SettingsError
        The particles do not fit into the field.

    Notes
    -----
    Bodies are star-shaped with an exact area and volume (`outline`), V/V0 follows the papers' curves (`curves`), the
    image is the Beer-Lambert law in bright field and proportional to thickness in annular dark field (`render`).

    >>> from tem_track.simulate import LithiationScene
    >>> simulation = simulate_lithiation(LithiationScene(height_px=384, width_px=384, frames=2))
    >>> simulation.frames[1].shape, simulation.frames[1].dtype.name
    ((384, 384), 'uint16')
    """
    course = course_of(scene)
    tracks, events = tracks_of(scene, course)
    frames = LithiationFrames(scene, course, tracks)
    movie = Movie(
        frames=frames,
        shape=(scene.frames, scene.height_px, scene.width_px),
        dtype=np.dtype(np.uint16),
        times_s=course.times_s,
        time_source="simulated",
        timed=True,
        calibration=Calibration(scene.pixel_size_nm, "simulated"),
        name="simulated lithiation",
        format="simulation",
    )
    return Simulation(scene, movie, truth_of(scene, course, tracks, events))
