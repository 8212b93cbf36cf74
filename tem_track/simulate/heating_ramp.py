"""Temperature of a heating movie: the ramp, the clock of an Arrhenius process on it, and the holder's log."""

from __future__ import annotations

import numpy as np

from tem_track.movie import FloatArray
from tem_track.simulate.chance import chance
from tem_track.simulate.heating_scene import HeatedRecording, HeatingScene
from tem_track.tables import Column, Table

# Boltzmann constant, CODATA 2018 (exact), in eV/K.
BOLTZMANN_EV = 8.617333262e-5
ZERO_C_K = 273.15
# Speeds are stated at this temperature: where the paper's fronts leave their grains.
REFERENCE_C = 600.0
# The log begins before the movie and ends after it.
LOG_TAIL_S = 15.0

LOG = (
    Column("time_s", "float", "time on the log's own clock", 9),
    Column("temperature_c", "float", "temperature of the chip", 6),
)


def temperature_c(scene: HeatedRecording, times_s: FloatArray) -> FloatArray:
    """Return the temperature (degC) at times (s) of the movie; before frame 0 the same ramp."""
    return np.asarray(np.minimum(scene.start_c + scene.ramp_c_per_s * times_s, scene.hold_c))


def when_c(scene: HeatedRecording, temperatures_c: FloatArray) -> FloatArray:
    """Return the time (s) at which the ramp reaches each temperature, not before 0; infinity where it never does."""
    with np.errstate(divide="ignore", invalid="ignore"):
        times = np.maximum((temperatures_c - scene.start_c) / scene.ramp_c_per_s, 0)
    reached = (temperatures_c <= scene.hold_c) & (scene.ramp_c_per_s > 0)
    return np.asarray(np.where(temperatures_c <= scene.start_c, 0.0, np.where(reached, times, np.inf)))


def arrhenius(scene: HeatingScene, temperatures_c: FloatArray) -> FloatArray:
    """Return the rate of the process over its rate at `REFERENCE_C`."""
    inverse = 1 / (temperatures_c + ZERO_C_K) - 1 / (REFERENCE_C + ZERO_C_K)
    return np.asarray(np.exp(-scene.activation_ev / BOLTZMANN_EV * inverse))


class Clock:
    """Turns time into the time a process at `REFERENCE_C` would need to come as far, and back.

    With one temperature for the whole field, a front of speed m(x) A(T(t)) obeys |grad tau| = 1/m(x) in the time
    tau(t), the integral of A(T) dt: a static eikonal equation.
    """

    # Steps of the integral: a hundredth of a degree or so on the paper's ramp.
    STEPS = 40_000

    def __init__(self, scene: HeatingScene, end_s: float):
        self._times_s = np.linspace(0, max(end_s, 1e-6), self.STEPS)
        rate = arrhenius(scene, temperature_c(scene, self._times_s))
        step = self._times_s[1]
        self._ripe_s = np.concatenate([[0.0], np.cumsum((rate[1:] + rate[:-1]) / 2 * step)])

    @property
    def end_s(self) -> float:
        """The reading at the end of the movie."""
        return float(self._ripe_s[-1])

    def reading(self, times_s: FloatArray) -> FloatArray:
        """Return tau (s at the reference temperature) at times t (s); infinite beyond the movie."""
        return np.asarray(np.interp(times_s, self._times_s, self._ripe_s, right=np.inf))

    def time_s(self, readings: FloatArray) -> FloatArray:
        """Return the times t (s) of readings tau; infinite beyond the movie."""
        return np.asarray(np.interp(readings, self._ripe_s, self._times_s, right=np.inf))


def log_table(scene: HeatedRecording, end_s: float) -> Table:
    """Return the holder's log: readings at a slightly uneven rate, with noise, on a clock of its own, gaps left out."""
    rng = chance(scene.seed, "log")
    count = int((scene.log_offset_s + end_s + LOG_TAIL_S) * scene.log_rate_hz) + 2
    ticks = np.arange(count) / scene.log_rate_hz
    # A tenth of the interval: readings stay in order.
    wander = rng.normal(0, 0.1, count).clip(-0.4, 0.4) / scene.log_rate_hz
    clock = np.asarray(np.round(np.maximum(ticks + wander, 0), 3), np.float64)
    readings = temperature_c(scene, clock - scene.log_offset_s) + rng.normal(0, 1, count) * scene.log_noise_c
    kept = np.ones(count, bool)
    for low, high in scene.log_gaps:
        kept &= (clock < low) | (clock > high)
    return {"time_s": clock[kept], "temperature_c": np.round(readings[kept], 1)}
