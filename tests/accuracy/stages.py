"""Each stage alone, on the true result of the stage before it: a loss is then blamed on the stage it arises in."""

from __future__ import annotations

import numpy as np

from tem_track.drift import find_fixed_pixels, refine_drift, survey_frames
from tem_track.expansion import measure_expansion
from tem_track.labels import LabelStack
from tem_track.movie import MeasuredFrames, Movie
from tem_track.read import open_movie
from tem_track.segment import Outlines, learn_appearance, outline_particles, segment_frame
from tem_track.settings import Settings
from tem_track.tables import TRACKS, Table, blank_table, row_count, select_rows
from tem_track.track import link_particles

from .quantities import core_figures, curve_figures, event_figures, stage_figures
from .score import Figures, drift_error, match_movie
from .truth import TrueMovie
from .whole import finding_figures, majority, visible_in

# Scatter of the areas handed to the expansion stage, as of well exposed particles of 80 px; the same is stated as sd.
AREA_NOISE, CORE_NOISE = 0.005, 0.01
SEED = 20240229

_SETTINGS = Settings()


def stage_alone_figures(movie: TrueMovie) -> Figures:
    """Return the figures of each stage alone; names begin with the stage."""
    opened = open_movie(movie.movie, times=movie.times)
    frames = MeasuredFrames(opened.frames)
    parts = {
        "drift": _drift(movie, frames),
        "detection": _detection(movie, frames, opened),
        "tracking": _tracking(movie),
        "outlines": _outlines(movie, frames),
        "expansion": _expansion(movie),
    }
    return {f"{stage}.{name}": value for stage, figures in parts.items() for name, value in figures.items()}


def _drift(movie: TrueMovie, frames: MeasuredFrames) -> Figures:
    """Drift on the frames, refined around the true particles."""
    fixed = find_fixed_pixels(frames)
    quality, rough = survey_frames(frames, fixed=fixed, known_bad={}, settings=_SETTINGS.drift)
    fine = refine_drift(frames, rough, quality, particles=movie.labels, fixed=fixed, settings=_SETTINGS.drift)
    return {
        "rough": drift_error(rough.displacement_px, movie.drift_px, movie.shown)[0],
        "drift": drift_error(fine.displacement_px, movie.drift_px, movie.shown)[0],
    }


def _detection(movie: TrueMovie, frames: MeasuredFrames, opened: Movie) -> Figures:
    """Detection in every sharp frame by itself, the true sharp frames given; identities are not asked for."""
    fixed = find_fixed_pixels(frames)
    appearance = learn_appearance(
        frames,
        usable=movie.sharp,
        fixed=fixed,
        pixel_size_nm=opened.calibration.pixel_size_nm,
        settings=_SETTINGS.segment,
    )
    matches = match_movie(
        lambda k: segment_frame(frames[k], appearance, fixed=fixed),
        movie.labels,
        np.flatnonzero(movie.sharp).tolist(),
        visible_in(movie),
    )
    figures = finding_figures(matches)
    right = ("bright" if movie.bright else "dark") == appearance.polarity
    return {"f1": figures["f1"], "iou": figures["iou"], "polarity_wrong": float(not right)}


def _tracking(movie: TrueMovie) -> Figures:
    """Linking of the true label images along the true drift; the numbers in each frame are shuffled."""
    random = np.random.default_rng(SEED)
    shuffled = LabelStack(movie.labels.shape)
    for k, image in enumerate(movie.labels):
        numbers = np.unique(image[image > 0])
        new = np.zeros(int(image.max(initial=0)) + 1, np.int32)
        new[numbers] = random.permutation(len(numbers)) + 1
        shuffled.append(new[image] if movie.sharp[k] else np.zeros_like(image))
    tracks = link_particles(
        shuffled, drift_px=movie.drift_px, usable=movie.sharp, times_s=movie.times_s, settings=_SETTINGS.track
    )
    matches = match_movie(tracks.labels, movie.labels, np.flatnonzero(movie.shown).tolist(), visible_in(movie))
    return finding_figures(matches) | event_figures(movie.events, tracks.events, majority(matches))


def _outlines(movie: TrueMovie, frames: MeasuredFrames) -> Figures:
    """Outlines and cores around the true label images."""
    outlines = outline_particles(
        frames,
        movie.labels,
        drift_px=movie.drift_px,
        measured=set(),
        usable=movie.sharp,
        polarity="bright" if movie.bright else "dark",
        fixed=find_fixed_pixels(frames),
        settings=_SETTINGS.segment,
    )
    tracks = _outline_rows(outlines)
    number = _itself(movie)
    kinds = {
        "track_id": movie.particles["track_id"],
        "kind": np.array([outlines.kinds.get(int(i), "") for i in movie.particles["track_id"]], object),
    }
    unknown = np.full(row_count(kinds), np.nan)
    particles = kinds | {f"final_volume_ratio{end}": unknown for end in ("", "_low", "_high")}
    return curve_figures(movie, tracks, particles, number) | core_figures(movie, tracks, particles, number)


def _outline_rows(outlines: Outlines) -> Table:
    """TRACKS rows of outlines; V/V0 over the truth's own start, volume going with the area to 3/2 (a sphere)."""
    table = blank_table(TRACKS, len(outlines))
    for name in ("track_id", "frame", "area_px", "area_sd_px"):
        table[name] = getattr(outlines, name)
    core = outlines.core_diameter_px
    table["core_equivalent_diameter_px"] = core
    table["core_equivalent_diameter_sd_px"] = outlines.core_diameter_sd_px
    table["shell_thickness_px"] = (2 * np.sqrt(outlines.area_px / np.pi) - core) / 2
    for track in np.unique(outlines.track_id):
        rows = outlines.track_id == track
        start = float(np.median(outlines.area_px[rows][:3]))
        table["volume_ratio"][rows] = (outlines.area_px[rows] / start) ** 1.5
    table["volume_ratio_sd"][:] = np.nan
    return table


def _expansion(movie: TrueMovie) -> Figures:
    """Curves and stages of the true areas with a known scatter, stated as it is."""
    random = np.random.default_rng(SEED)
    true = select_rows(movie.tracks, movie.sharp[movie.tracks["frame"]] & (movie.tracks["visible_fraction"] > 0.5))
    true = select_rows(true, np.lexsort((true["track_id"], true["frame"])))
    table = blank_table(TRACKS, row_count(true))
    for name in ("track_id", "frame", "y_px", "x_px", "touches_border", "state"):
        table[name] = true[name]
    table["lineage_id"] = true["track_id"]
    table["time_s"] = movie.times_s[true["frame"]]
    scatter = AREA_NOISE * random.standard_normal(row_count(true))
    table["area_px"] = true["area_px"] * (1 + scatter)
    table["area_sd_px"] = AREA_NOISE * true["area_px"]
    table["major_axis_px"] = table["minor_axis_px"] = 2 * np.sqrt(table["area_px"] / np.pi)
    core = true["core_diameter_px"] * (1 + CORE_NOISE * random.standard_normal(row_count(true)))
    table["core_equivalent_diameter_px"] = core
    table["core_equivalent_diameter_sd_px"] = CORE_NOISE * core
    table["quality"] = np.ones(row_count(true))
    tracks = np.unique(true["track_id"]).tolist()
    kinds = dict(zip(movie.particles["track_id"].tolist(), movie.particles["kind"].tolist(), strict=True))
    measured = measure_expansion(
        table,
        kinds={i: kinds.get(i, "solid") for i in tracks},
        fates=dict.fromkeys(tracks, "whole"),
        pixel_size_nm=movie.pixel_size_nm,
        times_s=movie.times_s,
        timed=True,
        settings=_SETTINGS.expansion,
    )
    number = _itself(movie)
    return curve_figures(movie, measured.tracks, measured.particles, number) | stage_figures(
        movie, measured.particles, number
    )


def _itself(movie: TrueMovie) -> dict[int, int]:
    return {int(i): int(i) for i in movie.particles["track_id"]}
