"""Movies with known truth: what a perfect analysis would find, beside the frames it would find it in."""

from tem_track.simulate.heating import simulate_heating
from tem_track.simulate.heating_scene import HeatingScene, PrecipitateScene
from tem_track.simulate.heating_simulation import HeatingSimulation
from tem_track.simulate.heating_truth import HeatingTruth
from tem_track.simulate.kinds import simulation_of
from tem_track.simulate.lithiation import simulate_lithiation
from tem_track.simulate.precipitate import PrecipitateSimulation, PrecipitateTruth, simulate_precipitate
from tem_track.simulate.presets import PRESETS
from tem_track.simulate.recording import Recording, scene_changed, scene_dict
from tem_track.simulate.scene import LithiationScene, scene_from
from tem_track.simulate.simulation import Simulation
from tem_track.simulate.truth import FRAMES, TRUE_DRIFT, TRUE_PARTICLES, TRUE_TRACKS, Truth
from tem_track.simulate.views import TRUE_VIEW, View, simulate_views

__all__ = [
    "FRAMES",
    "PRESETS",
    "TRUE_DRIFT",
    "TRUE_PARTICLES",
    "TRUE_TRACKS",
    "TRUE_VIEW",
    "HeatingScene",
    "HeatingSimulation",
    "HeatingTruth",
    "LithiationScene",
    "PrecipitateScene",
    "PrecipitateSimulation",
    "PrecipitateTruth",
    "Recording",
    "Simulation",
    "Truth",
    "View",
    "scene_changed",
    "scene_dict",
    "scene_from",
    "simulate_heating",
    "simulate_lithiation",
    "simulate_precipitate",
    "simulate_views",
    "simulation_of",
]
