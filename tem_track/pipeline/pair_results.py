"""The run folder of a pair run, file by file, `run.json` last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from tem_track.movie import finite
from tem_track.pair import IMAGES, PAIRS
from tem_track.pipeline.pair_measure import PairedImage
from tem_track.pipeline.pair_rows import reference_pixel_size_nm
from tem_track.pipeline.reporter import Clock
from tem_track.settings import Settings
from tem_track.tables import Table, row_count
from tem_track.write.drawing import DrawnParticle, OverlayFrame
from tem_track.write.files import RunFolder
from tem_track.write.overlay import write_picture
from tem_track.write.run import run_record, write_run_json
from tem_track.write.run_files import pair_picture_name
from tem_track.write.tables import write_table

_FOREIGN = ("image", "state")
# The matrix of the first image.
_AS_IT_IS = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
# What run.json says of each image.
_SAID = (
    *("image", "registered", "scale", "scale_sd", "scale_found", "scale_calibrated", "rotation_deg", "residual_px"),
    *("confirmed_by", "matched", "counted", "volume_ratio_mean", "volume_ratio_sem"),
)


def write_pair_results(
    folder: RunFolder,
    images: Sequence[PairedImage],
    tables: Mapping[str, Table],
    settings: Settings,
    clock: Clock,
    *,
    identity: Mapping[str, Any],
    sources: Mapping[str, Mapping[str, str]],
    command: Sequence[str],
    started: datetime,
    warnings: Sequence[str],
) -> None:
    """Write tables, pictures, figures and the record of a pair run.

    Raises
    ------
    OutputError
        The folder cannot be written; it is then left recognisably unfinished.
    """
    with clock.stage("tables"):
        for name, columns in (("pairs.csv", PAIRS), ("images.csv", IMAGES)):
            write_table(folder.file(name), columns, tables[name], foreign=_FOREIGN)
    if settings.output.overlay:
        with clock.stage("pictures"):
            _write_pictures(folder, images)
    if settings.output.figures:
        with clock.stage("figures"):
            _write_figures(folder, images, tables)
    record = run_record(
        images[0].movie,
        settings,
        identity=identity,
        command=command,
        sources=sources,
        seconds=clock.seconds,
        warnings=warnings,
        outcome=_outcome(images, tables),
        started=started,
    )
    write_run_json(folder.file("run.json"), record)
    folder.finish()


def drawn_particles(image: PairedImage, chosen: set[int] | None = None) -> list[DrawnParticle]:
    """Return the outlines of an image under the numbers of the run, those of no number left out."""
    outlines = image.outlines
    return [
        DrawnParticle(number, outlines.outline(i), outlines.core_outline(i))
        for i, number in enumerate(image.numbers.tolist())
        if number > 0 and (chosen is None or number in chosen)
    ]


def _write_pictures(folder: RunFolder, images: Sequence[PairedImage]) -> None:
    size_nm = reference_pixel_size_nm(images)
    for k, image in enumerate(images):
        words = "  ".join(part for part in (image.name, image.state.state) if part)
        missing = k > 0 and image.registration is None
        overlay = OverlayFrame(drawn_particles(image), words, "not registered" if missing else "")
        nm = size_nm * image.scale.value if image.scale is not None else float("nan")
        write_picture(folder.file(pair_picture_name(k)), image.movie.frames, overlay, nm if np.isfinite(nm) else None)


def _write_figures(folder: RunFolder, images: Sequence[PairedImage], tables: Mapping[str, Table]) -> None:
    from tem_track.write.figure_style import save_figure
    from tem_track.write.pair_figures import ACROSS, Panel, gallery_figure, states_figure

    figure = states_figure(tables["pairs.csv"], tables["images.csv"])
    if figure is not None:
        save_figure(figure, folder.file("figures/states"))
    panels = [
        Panel(
            image.name,
            image.state.state or image.name,
            finite(image.movie.frames[0]),
            _AS_IT_IS if image.registration is None else image.registration.similarity.matrix(),
            {p.track_id: (p.outline, p.core) for p in drawn_particles(image)},
        )
        for image in [image for k, image in enumerate(images) if k == 0 or image.registration is not None][:ACROSS]
    ]
    gallery = gallery_figure(panels, tables["pairs.csv"], reference_pixel_size_nm(images))
    if gallery is not None:
        save_figure(gallery, folder.file("figures/gallery"))


def _outcome(images: Sequence[PairedImage], tables: Mapping[str, Table]) -> dict[str, Any]:
    table = tables["images.csv"]
    return {
        "kind": "pair",
        "particles": len(np.unique(tables["pairs.csv"]["particle"])),
        "images": [{name: table[name][k] for name in _SAID} for k in range(row_count(table))],
        "calibrations": [
            {
                "image": image.name,
                "pixel_size_nm": image.movie.calibration.pixel_size_nm,
                "source": image.movie.calibration.source,
            }
            for image in images
        ],
    }
