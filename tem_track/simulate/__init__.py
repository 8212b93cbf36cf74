"""Movies with known truth: what a perfect analysis would find, beside the frames it would find it in."""

from tem_track.simulate.lithiation import simulate_lithiation
from tem_track.simulate.presets import PRESETS
from tem_track.simulate.scene import LithiationScene, scene_dict, scene_from
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
    "LithiationScene",
    "Simulation",
    "Truth",
    "View",
    "scene_dict",
    "scene_from",
    "simulate_lithiation",
    "simulate_views",
]
