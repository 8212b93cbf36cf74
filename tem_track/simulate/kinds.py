"""Which simulation makes the movie of a scene."""

from __future__ import annotations

from tem_track.errors import SettingsError
from tem_track.simulate.heating import simulate_heating
from tem_track.simulate.heating_scene import HeatingScene, PrecipitateScene
from tem_track.simulate.heating_simulation import HeatingSimulation
from tem_track.simulate.lithiation import simulate_lithiation
from tem_track.simulate.precipitate import PrecipitateSimulation, simulate_precipitate
from tem_track.simulate.recording import Recording
from tem_track.simulate.scene import LithiationScene
from tem_track.simulate.simulation import Simulation

SCENES: dict[str, type[Recording]] = {
    "lithiation": LithiationScene,
    "heating": HeatingScene,
    "precipitate": PrecipitateScene,
}
"""Kind of scene by the name of its specimen, as ``scene.json`` has it."""


def simulation_of(scene: Recording) -> Simulation | HeatingSimulation | PrecipitateSimulation:
    """Return the simulation of a scene of any kind.

    Raises
    ------
    SettingsError
        The scene shows no specimen.
    """
    if isinstance(scene, LithiationScene):
        return simulate_lithiation(scene)
    if isinstance(scene, HeatingScene):
        return simulate_heating(scene)
    if isinstance(scene, PrecipitateScene):
        return simulate_precipitate(scene)
    raise SettingsError("a scene needs a specimen: lithiation, heating or precipitate")
