"""A few images of the same particles at different states: from their paths to a finished run folder."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tem_track.errors import InputError, OutputError
from tem_track.movie import Movie
from tem_track.outcome import Outcome, counted
from tem_track.pipeline.opening import open_for
from tem_track.pipeline.reporter import Clock, Reporter
from tem_track.read import hash_input
from tem_track.read.states import State, read_states
from tem_track.settings import Settings
from tem_track.tables import Table
from tem_track.write.files import RunFolder, check_run_folder, open_run_folder
from tem_track.write.lock import check_not_locked, locked
from tem_track.write.run_files import MOST_PAIR_IMAGES

if TYPE_CHECKING:
    from tem_track.pipeline.pair_measure import PairedImage


@dataclass(frozen=True)
class PairRequest:
    """What the user asked for.

    Attributes
    ----------
    images : tuple of Path
        The first one is the state that V0 is taken from.
    output : Path
        The run folder to write.
    settings : Settings
    sources : {stage: {name: source}}
        Where each setting came from.
    states : Path or None
        CSV with the state of each image.
    overwrite : bool
        Replace an earlier run.
    command : tuple of str
        The command line, for the record.
    """

    images: tuple[Path, ...]
    output: Path
    settings: Settings = field(default_factory=Settings)
    sources: dict[str, dict[str, str]] = field(default_factory=dict)
    states: Path | None = None
    overwrite: bool = False
    command: tuple[str, ...] = ()


def pair(request: PairRequest, reporter: Reporter) -> Outcome:
    """Measure particles in a few images, find the same ones, and write V/V0 against the state.

    Raises
    ------
    InputError
        An image or the states cannot be used, an image shows no particles, or no two images show the same place.
    OutputError
        The run folder cannot be written.
    """
    from tem_track.pipeline.pair_measure import measure_images
    from tem_track.pipeline.pair_rows import image_rows, pair_rows

    started, clock = datetime.now(UTC), Clock()
    _check(request)
    check_run_folder(request.output, request.overwrite)
    check_not_locked(request.output)
    with clock.stage("reading"):
        states = [State() for _ in request.images]
        if request.states is not None:
            states = read_states(request.states, request.images)
        movies = [_opened(path, state, request.settings) for path, state in zip(request.images, states, strict=True)]
    names = _names(request.images)
    images = measure_images(movies, names, states, request.settings, reporter, clock)
    pairs = pair_rows(images, request.settings.expansion.volume_model)
    tables = {"pairs.csv": pairs, "images.csv": image_rows(images, pairs)}
    warnings = _attention(images)
    identity = _identity(request, names)
    folder = open_run_folder(request.output)
    with locked(folder.path):
        check_run_folder(request.output, request.overwrite)
        _write(folder, request, images, tables, warnings, identity, clock, started)
    facts = [*_facts(tables["images.csv"]), ("seconds", ", ".join(f"{n} {s:.1f}" for n, s in clock.seconds.items()))]
    return Outcome(f"{len(images)} images of one place", request.output, tuple(facts), tuple(warnings))


def _write(
    folder: RunFolder,
    request: PairRequest,
    images: list[PairedImage],
    tables: dict[str, Table],
    warnings: list[str],
    identity: dict[str, Any],
    clock: Clock,
    started: datetime,
) -> None:
    from tem_track.pipeline.pair_results import write_pair_results

    try:
        folder.clear()
        folder.forget_stages()
        write_pair_results(
            folder,
            images,
            tables,
            request.settings,
            clock,
            identity=identity,
            sources=request.sources,
            command=request.command,
            started=started,
            warnings=warnings,
        )
    except BaseException:
        folder.discard()
        raise


def _check(request: PairRequest) -> None:
    if not 2 <= len(request.images) <= MOST_PAIR_IMAGES:
        raise InputError(f"{counted(len(request.images), 'image')} given; pair takes 2 to {MOST_PAIR_IMAGES}")
    folder, seen = request.output.resolve(), set()
    for path in request.images:
        if path.resolve() in seen:
            raise InputError(f"{path}: given twice")
        seen.add(path.resolve())
    for path in (*request.images, *([request.states] if request.states else [])):
        if folder.is_dir() and folder in path.resolve().parents:
            raise OutputError(f"{request.output}: {path.name} stands in the run folder to be written; move it out")


def _opened(path: Path, state: State, settings: Settings) -> Movie:
    """Return an image as a movie of one frame, its pixel size as the states say where they do."""
    given = settings.input
    if np.isfinite(state.pixel_size_nm):
        given = replace(given, pixel_size_nm=state.pixel_size_nm)
    movie = open_for(path, given, None)
    if len(movie) > 1:
        raise InputError(f"{path.name}: has {len(movie)} frames; pair takes single images (analyze takes movies)")
    return movie


def _names(paths: tuple[Path, ...]) -> list[str]:
    """Return file names, or the paths as given where two files have one name."""
    short = [path.name for path in paths]
    return [name if short.count(name) == 1 else str(path) for name, path in zip(short, paths, strict=True)]


def _identity(request: PairRequest, names: list[str]) -> dict[str, Any]:
    """Return name, size and hash of everything read; the first image stands for the run."""
    images = []
    for path, name in zip(request.images, names, strict=True):
        size, digest = hash_input(path)
        images.append({"name": name, "bytes": size, "sha256": digest})
    identity = {**images[0], "images": images}
    if request.states is not None:
        size, digest = hash_input(request.states)
        identity["states"] = {"name": request.states.name, "bytes": size, "sha256": digest}
    return identity


def _attention(images: list[PairedImage]) -> list[str]:
    """Return what a person should look at before using the numbers."""
    lines = []
    for image in images:
        lines += [f"{image.name}: {text}" for text in (*image.movie.warnings, *image.measured.warnings)]
        if image.turned:
            polarity = image.measured.appearance.polarity
            lines.append(f"{image.name}: particles taken as {polarity}: only so it fits the other images")
    for image in images[1:]:
        registration, scale = image.registration, image.scale
        if registration is None:
            lines.append(f"{image.name}: shows nothing that the other images show; it is left out")
            continue
        if registration.confirmed_by == "nothing":
            lines.append(f"{image.name}: one particle in each image, taken as the same one; nothing confirms it")
        if scale is None:
            lines.append(
                f"{image.name}: no scale to the first image: no V/V0; give pixel sizes (--states, --pixel-size)"
            )
        elif scale.disagrees:
            lines.append(_disagreement(images[0], image, registration.similarity.scale, registration.log_scale_sd))
        if registration.similarity.mirrored:
            lines.append(f"{image.name}: shows the specimen from behind (mirrored)")
    return lines


def _disagreement(first: PairedImage, image: PairedImage, found: float, log_sd: float) -> str:
    sizes = image.movie.calibration.pixel_size_nm, first.movie.calibration.pixel_size_nm
    assert sizes[0] is not None
    assert sizes[1] is not None
    off = 100 * (found * sizes[1] / sizes[0] - 1)
    return (
        f"{image.name}: its pixel size does not fit that of {first.name}: off by {off:+.1f} % "
        f"(± {100 * log_sd:.1f} %); the scale found in the images is used"
    )


def _facts(table: Table) -> list[tuple[str, str]]:
    """Return a line per image: how it lies on the first, how many particles, mean V/V0."""
    lines = []
    for k, name in enumerate(table["image"].tolist()):
        cell = {column: values[k] for column, values in table.items()}
        if not cell["registered"]:
            lines.append((name, str(cell["reason"])))
        elif k == 0:
            lines.append((name, f"{counted(cell['particles'], 'particle')}, {cell['matched']} in other images too"))
        else:
            ratio = f"V/V0 {cell['volume_ratio_mean']:.3f} ± {1.96 * cell['volume_ratio_sem']:.3f} (95 %, mean of "
            ratio = f"{ratio}{cell['counted']})" if cell["counted"] else "no V/V0"
            found = f"scale {cell['scale']:.4f} ± {1.96 * cell['scale_sd']:.4f} ({cell['scale_source']})"
            turn = f"{cell['rotation_deg']:.1f}°, confirmed by {cell['confirmed_by']}"
            lines.append((name, f"{ratio}; {cell['matched']} of {cell['particles']} matched; {found}, {turn}"))
    return lines
