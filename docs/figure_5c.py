"""The comparison of the lithiation paper's Fig. 5c from three simulated movies: V/V0 of NiO, CuO and NiO@CuO.

python docs/figure_5c.py figure_5c_runs

Simulates a movie of each material with the paper's sizes and kinetics, analyses it with the defaults as
`tem-track analyze` does, draws all three into docs/figure_5c.png and prints what was recovered beside the truth. The
folder given keeps the movies and the run folders; finished runs in it are used again.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import click
import cv2
import numpy as np

from tem_track.batch.means import TWO_SIDED_95, Mean, mean_of
from tem_track.pipeline import Request, Silence, analyze
from tem_track.simulate import PRESETS, TRUE_TRACKS, LithiationScene, simulate_lithiation
from tem_track.tables import EXPANSION, PARTICLES, TRACKS, Table, select_rows
from tem_track.write.figure_style import COLUMN_MM, GREY, journal_style, new_figure, ratio_axis, save_figure
from tem_track.write.files import is_finished
from tem_track.write.simulation import write_simulation
from tem_track.write.tables import read_table

# The picture of the README, px wide.
WIDTH_PX = 900


@dataclass(frozen=True)
class Material:
    """One curve of the figure: its scene, its colour, and the paper's marks (V/V0 at the end, times in s)."""

    name: str
    scene: LithiationScene
    colour: str
    final: float
    change_s: float | None
    complete_s: float


# NiO breaks once it is fully lithiated (Fig. 4b); the others stay whole. The presets have the paper's mean sizes and
# the times of Fig. 4c and 5c; how long NiO and CuO take is chosen (see `tem_track.simulate.curves`).
MATERIALS = (
    Material(
        "NiO",
        replace(PRESETS["nio"], fracture=((1.0, 42.0, 3.0), (3.0, 46.0, 2.0), (4.0, 51.0, 4.0))),
        "#0072B2",
        1.94,
        None,
        110.0,
    ),
    Material("CuO", PRESETS["cuo"], "#009E73", 1.61, 260.0, 760.0),
    Material("NiO@CuO", PRESETS["core-shell"], "#D55E00", 1.76, 260.0, 760.0),
)


def main(folder: Path) -> None:
    """Make the movies, analyse them, draw the figure and print the table."""
    tables = {material.name: run_tables(material, folder) for material in MATERIALS}
    draw(tables, Path(__file__).with_suffix(""))
    click.echo(comparison(tables))


def run_tables(material: Material, folder: Path) -> dict[str, Table]:
    """Return the tables of a material's run and the truth of its movie, made where they do not stand yet."""
    name = material.name.replace("@", "_").lower()
    movie, run = folder / f"{name}_movie", folder / f"{name}_run"
    if not is_finished(run):
        write_simulation(simulate_lithiation(material.scene), movie, overwrite=True)
        analyze(Request(movie / "movie.tif", run, overwrite=True), Silence())
    return {
        "tracks": read_table(run / "tracks.csv", TRACKS),
        "particles": read_table(run / "particles.csv", PARTICLES),
        "expansion": read_table(run / "expansion.csv", EXPANSION),
        "truth": read_table(movie / "truth" / "tracks.csv", TRUE_TRACKS),
    }


def final_ratio(particles: Table) -> Mean:
    """Return the mean final V/V0 of the particles that were seen to react from their start."""
    rows = select_rows(particles, (particles["v0_seen"] == 1) & np.isfinite(particles["final_volume_ratio"]))
    own = np.hypot(rows["final_sd_noise"], rows["final_sd_v0"])
    shared = np.hypot(rows["final_sd_localisation"], rows["final_sd_shape"])
    return mean_of(rows["final_volume_ratio"].tolist(), own.tolist(), shared.tolist())


def mark(particles: Table, name: str) -> Mean | None:
    """Return the mean of a stage's time (`stage_change` or `complete`), s; None where no particle has it."""
    rows = select_rows(particles, np.isfinite(particles[f"{name}_s"]))
    if not len(rows["track_id"]):
        return None
    values = rows[f"{name}_s"]
    low, high = (rows.get(f"{name}_{end}_s", np.full(len(values), np.nan)) for end in ("low", "high"))
    own = np.nan_to_num((high - low) / (2 * TWO_SIDED_95))
    return mean_of(values.tolist(), own.tolist(), [0.0] * len(values))


def comparison(tables: dict[str, dict[str, Table]]) -> str:
    """Return the recovered figures beside the truth as a Markdown table."""
    lines = ["| | truth (paper) | recovered | 95 % interval | holds |", "|---|---|---|---|---|"]
    for material in MATERIALS:
        particles = tables[material.name]["particles"]
        rows = [("final V/V0, %", 100 * material.final, _scaled(final_ratio(particles), 100.0))]
        for words, name, true in (
            ("end of the first stage, s", "stage_change", material.change_s),
            ("complete, s", "complete", material.complete_s),
        ):
            found = mark(particles, name)
            if true is not None and found is not None:
                rows.append((words, true, found))
        for words, true, found in rows:
            holds = "yes" if found.low <= true <= found.high else "no"
            lines.append(
                f"| {material.name}, {words} | {true:.0f} | {found.value:.1f} (n = {found.count}) "
                f"| {found.low:.1f} to {found.high:.1f} | {holds} |"
            )
    return "\n".join(lines)


def _scaled(mean: Mean, factor: float) -> Mean:
    return Mean(mean.value * factor, mean.low * factor, mean.high * factor, mean.count)


def draw(tables: dict[str, dict[str, Table]], target: Path) -> None:
    """Draw the means with their 95 % bands over the single particles and the truth, and save the README's picture."""
    with journal_style():
        figure = new_figure(COLUMN_MM * 1.3, 72)
        axes = figure.subplots()
        for material in MATERIALS:
            _draw_material(axes, material, tables[material.name])
        ratio_axis(axes, "Time (s)")
        axes.plot([], [], color="black", linestyle=(0, (1, 1.5)), linewidth=0.8, label="truth")
        axes.legend(loc="lower right")
    png, svg = save_figure(figure, target)
    svg.unlink()
    picture = cv2.imread(str(png))
    height = round(picture.shape[0] * WIDTH_PX / picture.shape[1])
    small = cv2.resize(picture, (WIDTH_PX, height), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(png), small, [cv2.IMWRITE_PNG_COMPRESSION, 9])


def _draw_material(axes, material: Material, tables: dict[str, Table]) -> None:  # type: ignore[no-untyped-def]
    tracks, expansion, truth = tables["tracks"], tables["expansion"], tables["truth"]
    for track in np.unique(tracks["track_id"][tracks["state"] == "whole"]):
        rows = select_rows(tracks, tracks["track_id"] == track)
        axes.plot(rows["time_s"], rows["volume_ratio"], color=material.colour, alpha=0.35, linewidth=0.5)
    one = select_rows(truth, (truth["state"] == "whole") & (truth["track_id"] == _longest(truth)))
    axes.plot(one["time_s"], one["volume_ratio"], color="black", linestyle=(0, (1, 1.5)), linewidth=0.8, zorder=4)
    half = TWO_SIDED_95 * expansion["volume_ratio_sem"]
    middle = expansion["volume_ratio_mean"]
    axes.fill_between(expansion["time_s"], middle - half, middle + half, color=material.colour, alpha=0.25, linewidth=0)
    final = final_ratio(tables["particles"])
    label = f"{material.name}: {100 * final.value:.0f} % ({100 * final.low:.0f} to {100 * final.high:.0f})"
    axes.plot(expansion["time_s"], middle, color=material.colour, label=label)
    broken = tracks["track_id"][tracks["state"] == "fractured"]
    if len(broken):
        first = [tracks["time_s"][tracks["track_id"] == n].min() for n in np.unique(broken)]
        axes.plot(np.unique(first), [material.final + 0.04] * len(np.unique(first)), "x", color=GREY, markersize=3)
        axes.annotate("breaks", (max(first), material.final + 0.04), xytext=(4, -2), textcoords="offset points")
    change = mark(tables["particles"], "stage_change")
    if change is not None:
        height = float(np.interp(change.value, expansion["time_s"], middle))
        ends = [[change.value - change.low], [change.high - change.value]]
        axes.errorbar(
            [change.value], [height], xerr=ends, fmt="o", color=material.colour, markersize=3.5, capsize=2, zorder=5
        )


def _longest(truth: Table) -> int:
    """Return the track that is seen whole the longest."""
    ids, counts = np.unique(truth["track_id"][truth["state"] == "whole"], return_counts=True)
    return int(ids[np.argmax(counts)])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
