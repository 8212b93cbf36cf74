"""Label movies with closed-form truth, linked, and how to compare what comes out with it."""

from __future__ import annotations

import numpy as np

from tem_track.settings import TrackSettings
from tem_track.track import Tracks, link_particles

SIZE = (120, 160)
Disc = tuple[float, float, float]


def scene(discs: dict[int, Disc], size: tuple[int, int] = SIZE) -> np.ndarray:
    """Return a label image of discs {number: (y, x, radius)}; later ones win."""
    yy, xx = np.indices(size)
    image = np.zeros(size, np.int32)
    for number, (y, x, radius) in discs.items():
        image[(yy - y) ** 2 + (xx - x) ** 2 <= radius**2] = number
    return image


def scrambled(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the same regions under other numbers."""
    numbers = np.unique(image[image > 0])
    table = np.zeros(int(image.max()) + 1, np.int32)
    table[numbers] = rng.permutation(5 * len(numbers))[: len(numbers)] + 1
    return table[image]


def link(
    images: list[np.ndarray], drift: np.ndarray | None = None, usable: np.ndarray | None = None, gap: int = 10
) -> Tracks:
    rng = np.random.default_rng(0)
    total = len(images)
    return link_particles(
        [scrambled(image, rng) for image in images],
        drift_px=np.zeros((total, 2)) if drift is None else drift,
        usable=np.ones(total, bool) if usable is None else usable,
        times_s=2.0 * np.arange(total),
        settings=TrackSettings(max_gap_frames=gap),
    )


def events(tracks: Tracks) -> list[tuple[int, str, int, str]]:
    e = tracks.events
    return list(zip(e["frame"].tolist(), e["event"], e["track_id"].tolist(), e["other_track_ids"], strict=True))


def same(tracks: Tracks, images: list[np.ndarray], frames: range | None = None) -> bool:
    """Return whether the labels are the true ones, one number for one particle."""
    table: dict[int, int] = {}
    for k in frames or range(len(images)):
        for true, found in {*zip(images[k].ravel().tolist(), tracks.labels[k].ravel().tolist(), strict=True)}:
            if table.setdefault(true, found) != found:
                return False
    return len(set(table.values())) == len(table)


TWO = {1: (40.0, 40.0, 14.0), 2: (80.0, 110.0, 20.0)}
