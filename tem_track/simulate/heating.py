"""A heating movie from a scene: lazily rendered frames and their truth."""

from __future__ import annotations

import numpy as np

from tem_track.movie import Calibration, FloatArray, Frames, Movie
from tem_track.simulate.canvas import canvas_of
from tem_track.simulate.chance import chance
from tem_track.simulate.course import Course, course_of
from tem_track.simulate.heating_front import degradation_of
from tem_track.simulate.heating_grains import lamella_of
from tem_track.simulate.heating_ramp import temperature_c
from tem_track.simulate.heating_render import HeatingFrames, specimen_of
from tem_track.simulate.heating_scene import HeatedRecording, HeatingScene
from tem_track.simulate.heating_simulation import HeatingSimulation
from tem_track.simulate.heating_truth import heating_truth_of


def simulate_heating(scene: HeatingScene) -> HeatingSimulation:
    """Return the movie of a heated lamella with its truth; frames are rendered when asked for.

    Parameters
    ----------
    scene : HeatingScene

    Returns
    -------
    HeatingSimulation
        The same frames and truth, bit for bit, whenever the scene is the same.

    Notes
    -----
    The front is the solution of an eikonal equation on the specimen's pixels (`eikonal`), in the time of an Arrhenius
    process on the ramp (`heating_ramp`); its arrival is the truth and what the frames are drawn from.

    >>> from tem_track.simulate import HeatingScene
    >>> simulation = simulate_heating(HeatingScene(height_px=96, width_px=96, frames=2))
    >>> simulation.frames[1].shape, simulation.frames[1].dtype.name
    ((96, 96), 'uint16')
    """
    course = heated_course(scene)
    canvas = canvas_of(scene.height_px, scene.width_px, course.drift_px)
    lamella = lamella_of(scene, canvas)
    degradation = degradation_of(scene, canvas, lamella, float(course.times_s[-1]))
    frames = HeatingFrames(scene, course, canvas, specimen_of(scene, canvas, lamella, degradation))
    movie = heated_movie(scene, course, frames, "simulated heating")
    return HeatingSimulation(scene, movie, heating_truth_of(scene, course, canvas, lamella, degradation))


def heated_course(scene: HeatedRecording) -> Course:
    """Return the course of a heated recording: the holder settles in one direction, ever slower."""
    direction = chance(scene.seed, "settling").uniform(0, 2 * np.pi)
    far = scene.settling_px * np.array([np.sin(direction), np.cos(direction)])

    def settling(times_s: FloatArray) -> FloatArray:
        return np.asarray((1 - np.exp(-times_s / scene.settling_s))[:, None] * far)

    return course_of(scene, settling)


def heated_movie(scene: HeatedRecording, course: Course, frames: Frames, name: str) -> Movie:
    """Return the movie of a heated recording."""
    return Movie(
        frames=frames,
        shape=(scene.frames, scene.height_px, scene.width_px),
        dtype=np.dtype(np.uint16),
        times_s=course.times_s,
        time_source="simulated",
        timed=True,
        calibration=Calibration(scene.pixel_size_nm, "simulated"),
        name=name,
        format="simulation",
        temperatures_c=temperature_c(scene, course.times_s),
        temperature_source="simulated",
    )
