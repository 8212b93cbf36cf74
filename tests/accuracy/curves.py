"""`python -m tests.accuracy.curves`: stages, onsets and final values of several hundred curves with known truth.

Curves are the papers' own (onset, pace and size differ from curve to curve), one that bends by itself, one that had
started before the movie, and one of an inert particle. Their noise is that of outlines: white, correlated over a few
frames, or slow on top of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import click
import numpy as np

from tem_track.expansion import measure_expansion
from tem_track.movie import FloatArray
from tem_track.settings import ExpansionSettings
from tem_track.simulate.curves import KINDS, STAGE_BLUR_S, ratio_at
from tem_track.tables import TRACKS, Table, blank_table

from .score import Share

FRAMES, INTERVAL_S, SEED = 70, 12.6, 5
Draw = Callable[[np.random.Generator], tuple[FloatArray, "Truth"]]
TIMES = INTERVAL_S * np.arange(FRAMES)


@dataclass(frozen=True)
class Truth:
    """What a curve is: stages, onset and stage change (NaN = none), law of its first stage."""

    stages: int
    onset_s: float = np.nan
    change_s: float = np.nan
    law: str = "linear"


@dataclass(frozen=True)
class Noise:
    """Noise of a volume curve: relative sd, correlation of neighbours, relative sd of what drifts over the movie."""

    name: str
    sd: float
    correlation: float = 0.0
    slow: float = 0.0


def _paper(kind: str) -> Draw:
    def draw(random: np.random.Generator) -> tuple[FloatArray, Truth]:
        onset, pace = random.uniform(3, 10) * INTERVAL_S, random.uniform(0.85, 1.15)
        size = random.uniform(0.85, 1.1)
        envelope = tuple((pace * t, 1 + size * (v - 1)) for t, v in KINDS[kind].envelope)
        change = onset + envelope[1][0] if KINDS[kind].stages == 2 else np.nan
        return ratio_at(envelope, TIMES - onset, STAGE_BLUR_S), Truth(KINDS[kind].stages, onset, change)

    return draw


def _parabola(random: np.random.Generator) -> tuple[FloatArray, Truth]:
    onset, length = random.uniform(3, 10) * INTERVAL_S, random.uniform(250, 600)
    course = np.sqrt(np.clip((TIMES - onset) / length, 0, 1))
    return 1 + random.uniform(0.5, 0.9) * course, Truth(1, onset, law="parabolic")


def _begun(random: np.random.Generator) -> tuple[FloatArray, Truth]:
    rise = random.uniform(0.3, 0.8) * np.clip(TIMES / random.uniform(300, 700), 0, 1)
    return 1 + rise, Truth(1)


def _inert(random: np.random.Generator) -> tuple[FloatArray, Truth]:
    return np.ones(FRAMES), Truth(0)


CURVES: dict[str, Draw] = {
    "inert": _inert,
    "NiO, one stage": _paper("NiO"),
    "CuO, two stages": _paper("CuO"),
    "NiO@CuO, two stages": _paper("NiO@CuO"),
    "parabola, one stage": _parabola,
    "begun before the movie": _begun,
}
NOISES = (
    Noise("0.5 %, white", 0.005),
    Noise("1 %, correlated 0.5", 0.01, 0.5),
    Noise("1 %, correlated 0.9", 0.01, 0.9),
    Noise("2 %, white", 0.02),
    Noise("0.5 % and 1 % slow", 0.005, 0.3, 0.01),
)


def noise_of(noise: Noise, random: np.random.Generator) -> FloatArray:
    """Return relative errors of a curve's rows, (FRAMES,)."""
    fresh = random.standard_normal(FRAMES)
    rows = fresh.copy()
    for k in range(1, FRAMES):
        rows[k] = noise.correlation * rows[k - 1] + np.sqrt(1 - noise.correlation**2) * fresh[k]
    # Half a wave to one and a half over the movie, at any phase: outlines that follow a contrast that fades.
    waves = random.uniform(0.5, 1.5) * 2 * np.pi * np.linspace(0, 1, FRAMES) + random.uniform(0, 2 * np.pi)
    return noise.sd * rows + noise.slow * np.sqrt(2) * np.sin(waves)


def tracks_of(ratios: list[FloatArray], noise: Noise) -> Table:
    """Return TRACKS rows of balls of the given V/V0, their areas' error stated as it is."""
    table = blank_table(TRACKS, FRAMES * len(ratios))
    table["track_id"] = table["lineage_id"] = np.repeat(np.arange(1, len(ratios) + 1), FRAMES)
    table["frame"], table["time_s"] = np.tile(np.arange(FRAMES), len(ratios)), np.tile(TIMES, len(ratios))
    table["area_px"] = 5000.0 * np.concatenate(ratios) ** (2 / 3)
    table["area_sd_px"] = np.hypot(noise.sd, noise.slow) / 1.5 * table["area_px"]
    table["major_axis_px"] = table["minor_axis_px"] = 2 * np.sqrt(table["area_px"] / np.pi)
    table["state"][:] = "whole"
    return table


def rates(draw: Draw, noise: Noise, count: int, seed: int = SEED) -> dict[str, Share | float]:
    """Return how often stages, onsets and final values of `count` curves come out right."""
    random = np.random.default_rng(seed)
    drawn = [draw(random) for _ in range(count)]
    noisy = [curve * (1 + noise_of(noise, random)) for curve, _ in drawn]
    found = measure_expansion(
        tracks_of(noisy, noise),
        kinds={},
        fates={},
        pixel_size_nm=1.0,
        times_s=TIMES,
        timed=True,
        settings=ExpansionSettings(),
    )
    particles, truths = found.particles, [truth for _, truth in drawn]
    stages = particles["stage_count"] - np.array([truth.stages for truth in truths])
    onset = np.array([truth.onset_s for truth in truths])
    change = np.array([truth.change_s for truth in truths])
    final = np.array([curve[-3:].mean() / curve[0] for curve, _ in drawn])
    asked = (particles["stage_count"] == [truth.stages for truth in truths])[found.stages["track_id"] - 1]
    laws = found.stages["growth_law"][asked]
    true_laws = np.array([truths[i - 1].law for i in found.stages["track_id"][asked]], object)
    return {
        "too many stages": _share(stages > 0),
        "too few": _share(stages < 0),
        "onset missed": _share(np.isnan(particles["onset_s"])[np.isfinite(onset)]),
        "invented": _share(np.isfinite(particles["onset_s"])[np.isnan(onset)]),
        "onset held": _held(particles, "onset", onset),
        "change held": _held(particles, "stage_change", change),
        "onset, frames": _error(particles["onset_s"], onset),
        "change, frames": _error(particles["stage_change_s"], change),
        "final held": _share(
            (particles["final_volume_ratio_low"] <= final) & (final <= particles["final_volume_ratio_high"])
        ),
        "final, %": float(np.mean(np.abs(particles["final_volume_ratio"] - final))) * 100,
        "law right": _share(laws == true_laws),
        "law wrong": _share((laws != true_laws) & (laws != "undecided")),
    }


def _share(chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Share:
    return Share(int(chosen.sum()), len(chosen))


def _held(particles: Table, name: str, truth: FloatArray) -> Share:
    low, high = particles[f"{name}_low_s"], particles[f"{name}_high_s"]
    asked = np.isfinite(truth) & np.isfinite(low)
    return _share(((low <= truth) & (truth <= high))[asked])


def _error(found: FloatArray, truth: FloatArray) -> float:
    error = np.abs(found - truth)[np.isfinite(found) & np.isfinite(truth)]
    return float(error.mean()) / INTERVAL_S if len(error) else float("nan")


@click.command()
@click.option("--count", default=50, show_default=True, help="Curves of each kind and noise.")
def main(count: int) -> None:
    """Print the rates of every kind of curve under every kind of noise."""
    header = list(rates(_inert, NOISES[0], 1))
    click.echo("| curve | noise | " + " | ".join(header) + " |\n" + "|---" * (len(header) + 2) + "|")
    for name, draw in CURVES.items():
        for noise in NOISES:
            cells = [_cell(figure) for figure in rates(draw, noise, count).values()]
            click.echo(f"| {name} | {noise.name} | " + " | ".join(cells) + " |")


def _cell(figure: Share | float) -> str:
    if isinstance(figure, Share):
        return f"{figure.hits} of {figure.total}" if figure.total else ""
    return f"{figure:.2f}" if np.isfinite(figure) else ""


if __name__ == "__main__":
    main()
