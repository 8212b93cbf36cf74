"""Real bodies that dissolve: tomograms seen along three axes, rendered as movies, through the whole tool.

The outline of what is seen has an exact truth, the volume too; no volume model holds, since the particle does not keep
its shape. So either the stated interval of the final V/V0 holds the truth, or the output says that the shape fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import tifffile

from tem_track.movie import FloatArray, Image, Mask
from tem_track.pipeline import Clock, Measurement, Silence, measure_movie
from tem_track.read import open_movie
from tem_track.settings import Settings
from tem_track.tables import Table

# Film or vacuum around the particle, px, and the blur of the lens, px.
MARGIN_PX, BLUR_PX = 40, 1.0
# Electrons per pixel of the background and per voxel of thickness (dark field); without a specimen (bright field),
# where the intensity falls by 1/e in so many voxels.
DARK_FIELD, BRIGHT_FIELD, LENGTH_PX = (20.0, 3.0), 400.0, 100.0
# Frames at the end that the final V/V0 is about.
LAST = 3


def measure_dissolving(folder: Path) -> str:
    """Return a table of the tomograms of a folder, or why there is none."""
    paths = sorted(folder.glob("*.tif"))
    if not paths:
        return f"{folder.name}: left out, not beside the exam"
    bodies: list[Mask] = [np.asarray(tifffile.imread(path)) > 0 for path in paths]
    volume = np.array([float(body.sum()) for body in bodies])
    true = float(volume[-LAST:].mean() / volume[0])
    lines = [f"{folder.name}: seen | area off, mean and worst % | final V/V0, 95 % interval | true | shape holds"]
    for bright_field in (False, True):
        lines += [_line(bodies, axis, bright_field, true) for axis in range(3)]
    return "\n".join(lines)


def _line(bodies: Sequence[Mask], axis: int, bright_field: bool, true: float) -> str:
    thickness = [np.pad(body.sum(axis).astype(np.float32), MARGIN_PX) for body in bodies]
    area = np.array([float((t > 0).sum()) for t in thickness])
    found = _measured([np.asarray(cv2.GaussianBlur(t, (0, 0), BLUR_PX)) for t in thickness], bright_field).expansion
    off = 100 * (_areas(found.tracks, len(bodies)) / area - 1)
    name = f"{'bright' if bright_field else 'dark'} field along axis {axis}"
    particle = {key: values[0] for key, values in found.particles.items()}
    low, high = particle["final_volume_ratio_low"], particle["final_volume_ratio_high"]
    return (
        f"{name} | {np.abs(off).mean():.1f}, {off[np.argmax(np.abs(off))]:+.1f} | "
        f"{particle['final_volume_ratio']:.3f}, {low:.3f} to {high:.3f} | {true:.3f} | {particle['shape_holds']}"
    )


def _measured(thickness: Sequence[Image], bright_field: bool) -> Measurement:
    """Return what the tool measures on a movie of projected thicknesses."""
    rng = np.random.default_rng(0)
    if bright_field:
        electrons = [BRIGHT_FIELD * np.exp(-t / LENGTH_PX) for t in thickness]
    else:
        electrons = [DARK_FIELD[0] + DARK_FIELD[1] * t for t in thickness]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "movie.tif"
        stack = np.stack([rng.poisson(e).astype(np.uint16) for e in electrons])
        tifffile.imwrite(path, stack, photometric="minisblack", metadata={"axes": "TYX"})
        return measure_movie(open_movie(path), Settings(), Silence(), Clock())


def _areas(tracks: Table, count: int) -> FloatArray:
    """Return the area of the largest particle of every frame, px^2."""
    area = np.zeros(count)
    np.maximum.at(area, tracks["frame"].astype(np.intp), np.nan_to_num(tracks["area_px"].astype(np.float64)))
    return area
