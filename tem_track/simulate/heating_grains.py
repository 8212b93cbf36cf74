"""The grains of a simulated lamella: their numbers, the boundaries between them and how those look.

Strategy: the nearest of scattered seeds numbers a pixel, in coordinates bent by a smooth relief so that boundaries
curve. The two nearest seeds name the boundary a pixel lies by and give its distance: (d2^2 - d1^2) / 2 |s2 - s1|.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from tem_track.movie import FloatArray, Image, Labels, Mask
from tem_track.simulate.canvas import Canvas
from tem_track.simulate.chance import chance
from tem_track.simulate.heating_scene import HeatingScene
from tem_track.simulate.relief import cloud, waves

# Seeds keep this share of the mean distance: grains of real cathodes are equiaxed, not slivers.
SPACING = 0.62
# Rows numbered at a time.
BAND_ROWS = 256
# Boundaries that carry a line are between these shares of the darkest one.
LINE_DEPTHS = (0.25, 1.0)


@dataclass(frozen=True)
class Lamella:
    """Grains on the canvas.

    Attributes
    ----------
    labels : (Y, X) int32
        Grain of each pixel; 0 = platinum or vacuum. Grains seen in frame 0 count from 1 in reading order.
    brightness : (Y, X) float32
        Of the grain, mean 1 (orientation contrast); no lines, no texture.
    line : (Y, X) float32
        Relative darkening by the boundary lines.
    boundary_nm : (Y, X) float32
        Distance to the nearest boundary between two grains.
    strip, vacuum : (Y, X) float32
        Cover by the platinum strip and by vacuum, 0 to 1.
    """

    labels: Labels
    brightness: Image
    line: Image
    boundary_nm: Image
    strip: Image
    vacuum: Image


def lamella_of(scene: HeatingScene, canvas: Canvas) -> Lamella:
    """Return the grains of a scene."""
    seeds = _seeds(scene, canvas)
    first, second, gap_px = _nearest(scene, canvas, seeds)
    hidden, depth = _walls(scene, first, second, len(seeds))
    level = _levels(scene, len(seeds), hidden)
    width = np.float32(scene.wall_nm / scene.pixel_size_nm)
    line = depth * np.exp(-((gap_px / width) ** 2) / 2)
    strip, vacuum = _edges(scene, canvas)
    labels = np.where((strip < 0.5) & (vacuum < 0.5), first + 1, 0).astype(np.int32)
    labels = _numbered(canvas, labels)
    between = boundary_mask(labels, labels > 0)
    return Lamella(
        labels=labels,
        brightness=level[first],
        line=line.astype(np.float32),
        boundary_nm=distance_nm(between, scene.pixel_size_nm),
        strip=strip,
        vacuum=vacuum,
    )


def boundary_mask(labels: Labels, inside: Mask) -> Mask:
    """Return the pixels (Y, X) that have a pixel of another grain beside them, both inside."""
    between = np.zeros(labels.shape, bool)
    across = (labels[:, 1:] != labels[:, :-1]) & inside[:, 1:] & inside[:, :-1]
    between[:, 1:] |= across
    between[:, :-1] |= across
    down = (labels[1:] != labels[:-1]) & inside[1:] & inside[:-1]
    between[1:] |= down
    between[:-1] |= down
    return between


def distance_nm(of: Mask, pixel_size_nm: float) -> Image:
    """Return the distance (Y, X) in nm to the boundary next to the marked pixels, half a pixel beyond their centres."""
    if not of.any():
        return np.full(of.shape, np.inf, np.float32)
    away = cv2.distanceTransform((~of).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray((away + np.float32(0.5)) * np.float32(pixel_size_nm), np.float32)


def _seeds(scene: HeatingScene, canvas: Canvas) -> FloatArray:
    """Scatter seeds (N, 2) in px over the canvas and a grain beyond it, none nearer than `SPACING` allows."""
    rng = chance(scene.seed, "grain seeds")
    # A grain of diameter d covers pi/4 d^2: so far apart are seeds of as many grains on a square grid.
    pitch = scene.grain_nm / scene.pixel_size_nm * np.sqrt(np.pi / 4)
    low, high = np.array([-2 * pitch, -2 * pitch]), np.array(canvas.shape) + 2 * pitch
    wanted = max(4, round(float(np.prod(high - low)) / pitch**2))
    kept: list[FloatArray] = []
    least = SPACING * pitch
    tree_of = 0
    tree: cKDTree | None = None
    for candidate in rng.uniform(low, high, (12 * wanted, 2)):
        if len(kept) - tree_of > 50:
            tree, tree_of = cKDTree(np.array(kept)), len(kept)
        near = [p for p in kept[tree_of:] if np.hypot(*(p - candidate)) < least]
        if not near and (tree is None or tree.query(candidate)[0] >= least):
            kept.append(candidate)
        if len(kept) == wanted:
            break
    return np.array(kept)


def _nearest(
    scene: HeatingScene, canvas: Canvas, seeds: FloatArray
) -> tuple[NDArray[np.int32], NDArray[np.int32], Image]:
    """Return the nearest and second nearest seed (Y, X) of every pixel and the distance (px) to where they change."""
    rng = chance(scene.seed, "grain bending")
    pitch = scene.grain_nm / scene.pixel_size_nm
    y, x = (np.arange(n, dtype=np.float32) for n in canvas.shape)
    # Bends of half a grain, and finer ones of a sixth: amplitudes keep the map from folding.
    bend = [
        np.float32(scene.curved * pitch)
        * (
            np.float32(0.10) * waves(rng, y[:, None], x[None, :], pitch)
            + np.float32(0.016) * waves(rng, y[:, None], x[None, :], pitch / 4)
        )
        for _ in range(2)
    ]
    tree = cKDTree(seeds)
    first, second = np.zeros(canvas.shape, np.int32), np.zeros(canvas.shape, np.int32)
    gap = np.zeros(canvas.shape, np.float32)
    for rows in (slice(r, r + BAND_ROWS) for r in range(0, canvas.height, BAND_ROWS)):
        at = np.stack([y[rows, None] + bend[0][rows], x[None, :] + bend[1][rows]], axis=-1)
        away, which = tree.query(at, k=2)
        apart = np.hypot(*(seeds[which[..., 0]] - seeds[which[..., 1]]).transpose(2, 0, 1))
        gap[rows] = (away[..., 1] ** 2 - away[..., 0] ** 2) / (2 * apart)
        first[rows], second[rows] = which[..., 0], which[..., 1]
    return first, second, gap


def _walls(
    scene: HeatingScene, first: NDArray[np.int32], second: NDArray[np.int32], seeds: int
) -> tuple[NDArray[np.int64], Image]:
    """Return the hidden boundaries as pairs (N, 2) of seeds, and each pixel's depth (Y, X) of the line it lies by."""
    rng = chance(scene.seed, "boundary lines")
    low, high = np.minimum(first, second), np.maximum(first, second)
    key = low.astype(np.int64) * seeds + high
    keys, place = np.unique(key, return_inverse=True)
    depths = scene.wall_contrast * rng.uniform(*LINE_DEPTHS, len(keys))
    hidden = _hidden(rng, np.stack([keys // seeds, keys % seeds], axis=1), scene.hidden_walls)
    depths[hidden] = 0
    pairs = np.stack([keys[hidden] // seeds, keys[hidden] % seeds], axis=1)
    return pairs, depths[place].reshape(first.shape).astype(np.float32)


def _hidden(rng: np.random.Generator, pairs: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    """Choose which boundaries (rows of the pairs (N, 2) of grains) do not show: at most one of every grain.

    Chains of them would melt many grains into one.
    """
    taken: set[int] = set()
    chosen: list[int] = []
    for row in rng.permutation(len(pairs)).tolist():
        a, b = pairs[row].tolist()
        if len(chosen) < share * len(pairs) and not taken & {a, b}:
            chosen.append(row)
            taken |= {a, b}
    return np.array(chosen, np.int64)


def _levels(scene: HeatingScene, seeds: int, hidden: NDArray[np.int64]) -> Image:
    """Return the brightness of every grain; the same on both sides of a hidden boundary."""
    rng = chance(scene.seed, "grain levels")
    level = np.clip(1 + scene.grain_contrast * rng.standard_normal(seeds), 0.4, 1.8)
    level[hidden[:, 1]] = level[hidden[:, 0]]
    return np.asarray(level, np.float32)


def _edges(scene: HeatingScene, canvas: Canvas) -> tuple[Image, Image]:
    """Return the cover (Y, X) by the platinum strip at the top and the vacuum at the bottom of frame 0."""
    strip, vacuum = np.zeros(canvas.shape, np.float32), np.zeros(canvas.shape, np.float32)
    y = np.arange(canvas.height, dtype=np.float32)[:, None] + np.float32(canvas.top)
    for cover, height_nm, name in ((strip, scene.pt_strip_nm, "strip"), (vacuum, scene.vacuum_nm, "vacuum")):
        if height_nm <= 0:
            continue
        rng = chance(scene.seed, name)
        rough = np.float32(10 / scene.pixel_size_nm) * cloud(rng, (1, canvas.width), 80 / scene.pixel_size_nm)
        inside = np.float32(height_nm / scene.pixel_size_nm)
        depth = inside - y if name == "strip" else y - (canvas.field[0] - inside)
        # An ion-polished edge is a few nm sharp.
        cover[:] = np.clip((depth + rough) / np.float32(6 / scene.pixel_size_nm) + np.float32(0.5), 0, 1)
    return strip, vacuum


def _numbered(canvas: Canvas, labels: Labels) -> Labels:
    """Return labels with the grains of frame 0 numbered from 1 in reading order, those outside of it after them."""
    order: list[int] = []
    for part in (canvas.of_frame_0(labels), labels):
        numbers, at = np.unique(part, return_index=True)
        order += [n for n in numbers[np.argsort(at)].tolist() if n and n not in order]
    renamed = np.zeros(int(labels.max()) + 1, np.int32)
    renamed[order] = np.arange(1, len(order) + 1)
    return np.asarray(renamed[labels], np.int32)
