"""Ex situ sets through `tem-track pair`'s chain, against their truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tem_track.errors import InputError
from tem_track.movie import FloatArray
from tem_track.pair import Similarity, fit_similarity
from tem_track.pipeline import Clock, Silence
from tem_track.pipeline.pair_measure import PairedImage, measure_images
from tem_track.pipeline.pair_rows import pair_rows
from tem_track.read.states import State
from tem_track.settings import Settings
from tem_track.simulate import View, simulate_views
from tem_track.tables import Table, select_rows

from .pair_sets import PAIR_SETS, PairSet
from .score import Figures, Share, mean_of
from .table import Heading, markdown

MARKERS = ("<!-- pairs: begin -->", "<!-- pairs: end -->")
PAIRS = (
    Heading("registered", "images registered"),
    Heading("place_error", "place error, px", 2),
    Heading("same", "particles matched"),
    Heading("wrong", "wrongly", 0, "sum"),
    Heading("scale_stated", "scale stated, error %", 2),
    Heading("scale_used", "scale used, error %", 2),
    Heading("ratio_error", "V/V0, % of V0"),
    Heading("ratio_bias", "bias, % of V0"),
    Heading("ratio_inside", "V/V0 inside its 95 %"),
)


def pair_table(chosen: Callable[[str], bool], say: Callable[[str], None]) -> str:
    """Return the table of the sets whose name is chosen; `say` is told of each as it is done."""
    results: dict[str, Figures] = {}
    for benchmark in PAIR_SETS:
        if chosen(benchmark.name):
            results[benchmark.name] = pair_figures(benchmark)
            say(f"{benchmark.name} ({benchmark.what}): done")
    return markdown(PAIRS, {"all": results}).replace("| movie |", "| set |", 1)


def pair_figures(benchmark: PairSet) -> Figures:
    """Return every figure of one set; nothing where the tool refuses it."""
    seen = simulate_views(benchmark.scene, benchmark.views)
    names = [f"{k}.tif" for k in range(len(seen))]
    states = [State() for _ in seen]
    try:
        images = measure_images([movie for movie, _ in seen], names, states, Settings(), Silence(), Clock())
    except InputError:
        return {}
    truths = [truth for _, truth in seen]
    table = pair_rows(images, Settings().expansion.volume_model)
    figures = [_image_figures(benchmark.views, truths, images, table, k) for k in range(1, len(images))]
    pooled: Figures = {"registered": Share(sum(bool(f) for f in figures), len(figures))}
    for name in (heading.figure for heading in PAIRS[1:]):
        values = [f[name] for f in figures if name in f]
        shares = [v for v in values if isinstance(v, Share)]
        numbers = [float(v) for v in values if not isinstance(v, Share)]
        pooled[name] = sum(shares, Share(0, 0)) if shares else _together(name, numbers)
    return pooled


def _together(name: str, numbers: Sequence[float]) -> float:
    return float(sum(numbers)) if name == "wrong" else mean_of(numbers)


def _image_figures(
    views: Sequence[View], truths: Sequence[Table], images: Sequence[PairedImage], table: Table, k: int
) -> Figures:
    image = images[k]
    if image.registration is None or image.scale is None:
        return {}
    true = true_similarity(views[0], views[k])
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]) * (views[k].height_px, views[k].width_px)
    away = image.registration.similarity.apply(corners) - true.apply(corners)
    same = _matching(truths, images, k)
    stated = image.movie.calibration.pixel_size_nm, images[0].movie.calibration.pixel_size_nm
    figures: Figures = {
        "place_error": float(np.sqrt((away**2).sum(axis=1).mean())),
        "same": same[0],
        "wrong": float(same[1]),
        "scale_used": 100 * abs(float(np.log(image.scale.value / true.scale))),
    }
    if stated[0] is not None and stated[1] is not None:
        figures["scale_stated"] = 100 * abs(float(np.log(stated[0] / stated[1] / true.scale)))
    return figures | _ratio_figures(truths, images, table, k)


def true_similarity(reference: View, view: View) -> Similarity:
    """Return where a view lies on the reference."""
    places = np.array([[0.0, 0.0], [0.0, 300.0], [300.0, 0.0], [300.0, 300.0]]) + np.array(view.centre_nm)
    return fit_similarity(view.to_view(places), reference.to_view(places), None, reference.mirrored != view.mirrored)


def true_particles(truth: Table, image: PairedImage) -> dict[int, int]:
    """Return outline row -> true particle of an image: the nearest, within half a diameter."""
    places = np.stack([truth["y_px"], truth["x_px"]], axis=1)
    found = {}
    for i in range(len(image.outlines)):
        away = np.hypot(*(places - (image.outlines.y_px[i], image.outlines.x_px[i])).T)
        near = int(np.argmin(away))
        if away[near] < 0.5 * truth["equivalent_diameter_px"][near]:
            found[i] = int(truth["particle"][near])
    return found


def _matching(truths: Sequence[Table], images: Sequence[PairedImage], k: int) -> tuple[Share, int]:
    """Return how many particles outlined in both images have one number, and how many numbers join two particles."""
    first, now = (
        {int(images[j].numbers[i]): p for i, p in true_particles(truths[j], images[j]).items()} for j in (0, k)
    )
    both = set(first.values()) & set(now.values())
    right = sum(now.get(number) == particle for number, particle in first.items() if particle in both)
    wrong = sum(now[number] != particle for number, particle in first.items() if number in now)
    return Share(right, len(both)), wrong


def _ratio_figures(truths: Sequence[Table], images: Sequence[PairedImage], table: Table, k: int) -> Figures:
    """Return errors of V/V0 of particles that show whole in both images, and how often the interval holds the truth."""
    of_row = true_particles(truths[k], images[k])
    particle = {int(images[k].numbers[i]): p for i, p in of_row.items()}
    start, now = (_by_particle(truths[j]) for j in (0, k))
    rows = select_rows(table, (table["image"] == images[k].name) & np.isfinite(table["volume_ratio"]))
    errors: list[float] = []
    inside = 0
    for i, number in enumerate(rows["particle"].tolist()):
        p = particle.get(number)
        if p is None or p not in start or not (start[p]["whole"] and now[p]["whole"]):
            continue
        true = float(now[p]["volume_ratio"] / start[p]["volume_ratio"])
        errors.append(100 * (float(rows["volume_ratio"][i]) - true))
        inside += int(rows["volume_ratio_low"][i] <= true <= rows["volume_ratio_high"][i])
    off: FloatArray = np.array(errors)
    return {
        "ratio_error": mean_of(np.abs(off)),
        "ratio_bias": mean_of(off),
        "ratio_inside": Share(inside, len(errors)),
    }


def _by_particle(truth: Table) -> dict[int, dict[str, float]]:
    return {int(p): {n: float(v[i]) for n, v in truth.items()} for i, p in enumerate(truth["particle"].tolist())}
