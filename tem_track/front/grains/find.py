"""Grains of a polycrystalline film from one image of it, before anything has changed."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from tem_track.front.grains.cracks import without_cracks
from tem_track.front.grains.held import held_evidence
from tem_track.front.grains.led import led_evidence
from tem_track.front.grains.lines import arrival_planes
from tem_track.front.grains.merging import (
    Evidence,
    basins,
    boundary_strength,
    common_boundaries,
    merge_order,
    merged,
    without_small,
)
from tem_track.front.grains.network import Grains, boundaries_between, grains_from_labels
from tem_track.front.grains.outside import outside_film
from tem_track.front.grains.walls import wall_evidence
from tem_track.movie import Image, Labels, Mask

# Longer side of the picture that is worked on, px: larger ones are averaged down to it, since grains of interest are
# many times wider than a line and the watershed costs more than proportionally.
WORKING_PX = 1024
# A boundary stands out where three quarters of its length have evidence above this, in units of the texture's own
# scatter: of the lines that noise, thickness and curtains draw, three quarters end below about 3.
WALL_EVIDENCE = 3.3
# Smallest grain, px of the working picture: (20 px)^2, twice the reach of the filters to both sides. Below it a grain
# cannot be told from a damage site and the lines around it.
SMALLEST_PX = 400


def find_grains(image: Image, *, fixed: Mask | None = None, arrival_frame: Image | None = None) -> Grains:
    """Return the grains of a film, found by the lines and steps between them and by where a front was held or led.

    The picture is cut into many small basins along every line and step, however weak; then the common boundary with
    the least evidence is taken away, again and again, until the remaining ones stand out of the texture.

    Parameters
    ----------
    image : (Y, X) float32
        Mean of registered frames before degradation; NaN where no frame saw the specimen.
    fixed : (Y, X) bool, optional
        Pixels that belong to the camera (see `tem_track.drift.find_fixed_pixels`).
    arrival_frame : (Y, X) float32, optional
        Arrival frame of a degradation front (NaN = never, 0 = before the movie), where it is known already: a boundary
        with neither line nor step shows where it held the front (see `held_evidence`) or led it (see `led_evidence`).

    Returns
    -------
    Grains
        One grain where no boundary stands out.
    """
    usable = np.isfinite(image) if fixed is None else np.isfinite(image) & ~fixed
    factor = max(1, round(max(image.shape) / WORKING_PX))
    small, small_usable = _averaged(np.where(usable, image, 0).astype(np.float32), usable, factor)
    film = small_usable & ~outside_film(small, small_usable)
    picture, front = wall_evidence(small, film), np.zeros(small.shape, np.float32)
    if arrival_frame is not None:
        arrival = np.ascontiguousarray(_middle_of_blocks(arrival_frame, factor))
        planes = arrival_planes(arrival, film)
        shown = np.maximum(held_evidence(planes), led_evidence(planes))
        front = np.float32(WALL_EVIDENCE) * shown
    evidence = Evidence(picture, front)
    labels = without_cracks(_working_labels(evidence, film), small)
    labels = _at_full_size(labels, image.shape, factor) if factor > 1 else labels
    labels[~usable] = 0
    grains = grains_from_labels(labels)
    return grains if arrival_frame is None else replace(grains, by_front=_by_front(grains, picture))


def _by_front(grains: Grains, picture: Image) -> Mask:
    """Return the part of the boundary network that the picture's evidence alone would not have shown."""
    evidence = picture
    if picture.shape != grains.territory.shape:
        evidence = cv2.resize(picture, grains.territory.shape[::-1], interpolation=cv2.INTER_NEAREST)
    pairs, counts = common_boundaries(grains.territory, Evidence(evidence, np.zeros_like(evidence)))
    unseen = [boundary_strength(count) < WALL_EVIDENCE for count in counts]
    return boundaries_between(grains, pairs[np.array(unseen, bool)])


def _averaged(image: Image, usable: Mask, factor: int) -> tuple[Image, Mask]:
    """Return the picture averaged over factor x factor pixels, and where at least half of them are usable."""
    if factor == 1:
        return image, usable
    # Filled up to whole blocks, so that block k of the small picture is exactly pixels k factor to (k + 1) factor.
    below, right = -image.shape[0] % factor, -image.shape[1] % factor
    image = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_CONSTANT, value=0)
    weight = cv2.copyMakeBorder(usable.astype(np.float32), 0, below, 0, right, cv2.BORDER_CONSTANT, value=0)
    size = (image.shape[1] // factor, image.shape[0] // factor)
    weight = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) / np.maximum(weight, np.float32(1e-6))
    return small.astype(np.float32), weight >= 0.5


def _middle_of_blocks(image: Image, factor: int) -> Image:
    """Return the middle pixel of every factor x factor block, the last ones cut off by the edge taking the edge."""
    rows, columns = (np.minimum(np.arange(-(-size // factor)) * factor + factor // 2, size - 1) for size in image.shape)
    return np.asarray(image[rows[:, None], columns[None, :]])


def _working_labels(evidence: Evidence, film: Mask) -> Labels:
    regions = basins(evidence.joint, film)
    merges = merge_order(regions, evidence)
    return without_small(merged(regions, merges, merges.strength >= WALL_EVIDENCE), evidence, SMALLEST_PX)


def _at_full_size(small: Labels, shape: tuple[int, int], factor: int) -> Labels:
    """Return the working labels with every pixel repeated factor x factor times, cut to the picture's shape."""
    return np.kron(small, np.ones((factor, factor), np.int32))[: shape[0], : shape[1]]
