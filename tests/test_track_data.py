"""Linking against references that nobody on this project made: exam truth degraded, TrackMate, real colloids."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from scipy import ndimage
from scipy.spatial import cKDTree

from tem_track.track import Tracks, link_particles

SHARED = Path(__file__).resolve().parents[2] / "shared"
CASES, LAPTRACK, COLLOIDS = (
    SHARED / "exam" / "cases",
    SHARED / "data" / "laptrack",
    SHARED / "data" / "trackpy_bulk_water",
)


def need(path: Path) -> None:
    if not path.exists():
        pytest.skip(f"{path.parent.name}/{path.name} is not beside this checkout")


def column(path: Path, name: str) -> list[str]:
    with path.open(newline="") as stream:
        return [row[name] for row in csv.DictReader(stream)]


def degraded(truth: np.ndarray, rng: np.random.Generator, missing: dict[int, int]) -> np.ndarray:
    """Return a true label image as a poor detector gives it: misses, splits, joins, specks, new numbers."""
    image = truth.astype(np.int32)
    numbers = [n for n in np.unique(image).tolist() if n]
    for n in numbers:
        if missing.get(n, 0) == 0 and rng.random() < 0.03:
            missing[n] = int(rng.integers(1, 6))
        if missing.get(n, 0):
            missing[n] -= 1
            image[image == n] = 0
        elif rng.random() < 0.05:
            y, x = np.nonzero(image == n)
            angle = rng.uniform(0, np.pi)
            across = (y - y.mean()) * np.sin(angle) + (x - x.mean()) * np.cos(angle)
            image[y[across > 1], x[across > 1]] = 100 + n
            image[y[abs(across) <= 1], x[abs(across) <= 1]] = 0
    for a in numbers:
        near = cv2.dilate((image == a).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
        for b in np.unique(image[near]).tolist():
            if b > a and b in numbers and rng.random() < 0.2:
                pair = np.isin(image, (a, b)).astype(np.uint8)
                image[(cv2.morphologyEx(pair, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8)) > 0) & (image == 0)] = a
                image[image == b] = a
    for n in range(rng.poisson(1.0)):
        y, x = rng.integers(5, np.array(image.shape) - 5)
        speck = image[y - 3 : y + 3, x - 3 : x + 3]
        speck[speck == 0] = 200 + n
    table = np.concatenate(([0], rng.permutation(300) + 1)).astype(np.int32)
    return table[image]


def identities(tracks: Tracks, truth: np.ndarray) -> dict[int, set[int]]:
    """Return the track numbers found on each true particle where they share more than half of their union."""
    found: dict[int, set[int]] = {}
    for k, true in enumerate(truth):
        labels = tracks.labels[k]
        for n in np.unique(true).tolist():
            for i in np.unique(labels[true == n]).tolist() if n else ():
                either = (labels == i) | (true == n)
                if i and ((labels == i) & (true == n)).sum() > 0.5 * either.sum():
                    found.setdefault(n, set()).add(i)
    return found


@pytest.mark.parametrize("case", ["A3_touching_fracture", "A4_jumps_badframes"])
def test_degraded_truth_keeps_every_identity(case: str) -> None:
    folder = CASES / case / "truth"
    need(folder)
    rng = np.random.default_rng(1)
    truth = tifffile.imread(folder / "truth_labels.tif")
    names = ("dy_px", "dx_px")
    drift = np.array([column(folder / "truth_drift.csv", name) for name in names], float).T
    drift[1:] += rng.normal(0, 0.2, drift[1:].shape)
    state = np.array(column(folder / "truth_frames.csv", "state"))
    drift[state == "blank"] = np.nan
    missing: dict[int, int] = {}
    tracks = link_particles(
        [degraded(image, rng, missing) for image in truth],
        drift_px=drift,
        usable=state == "ok",
        times_s=np.array(column(folder / "truth_frames.csv", "time_s"), float),
    )
    found = identities(tracks, truth[state != "blank"]) if (state != "blank").all() else identities(tracks, truth)
    assert sorted(found) == [n for n in np.unique(truth).tolist() if n]
    assert all(len(numbers) == 1 for numbers in found.values())
    assert len(set.union(*found.values())) == len(found) == len(tracks)
    events = dict(zip(tracks.events["event"], tracks.events["frame"], strict=True))
    if case.startswith("A3"):
        assert abs(events["fracture"] - 60) <= 1
        assert set(tracks.events["event"]) <= {"fracture", "enters"}
    else:
        assert set(events) <= {"enters"}


@pytest.mark.parametrize("reference", ["without_gap_closing", "with_gap_closing"])
def test_spots_are_linked_as_trackmate_links_them(reference: str) -> None:
    spots = LAPTRACK / f"trackmate_tracks_{reference}_spots.csv"
    need(spots)
    at = {
        int(n): (int(k), float(y), float(x))
        for n, k, y, x in zip(*(column(spots, c) for c in ("id", "frame", "position_y", "position_x")), strict=True)
    }
    total = max(k for k, _, _ in at.values()) + 1
    yy, xx = np.indices((144, 144))
    images = np.zeros((total, 144, 144), np.int32)
    for n, (k, y, x) in at.items():
        images[k][((yy - y) ** 2 + (xx - x) ** 2 <= 16) & (images[k] == 0)] = n + 1
    tracks = link_particles(
        list(images), drift_px=np.zeros((total, 2)), usable=np.ones(total, bool), times_s=np.arange(float(total))
    )
    number = {n: tracks.labels[k][round(y), round(x)] for n, (k, y, x) in at.items()}
    edges = LAPTRACK / f"trackmate_tracks_{reference}_edges.csv"
    pairs = zip(column(edges, "spot_source_id"), column(edges, "spot_target_id"), strict=True)
    linked = [number[int(a)] == number[int(b)] != 0 for a, b in pairs]
    assert len(linked) > 100
    assert all(linked)


def test_real_colloids_are_followed() -> None:
    need(COLLOIDS)
    images = []
    for path in sorted(COLLOIDS.glob("*.png"))[:15]:
        frame = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).astype(np.float32)
        dark = cv2.GaussianBlur(frame, (0, 0), 6) - cv2.GaussianBlur(frame, (0, 0), 1)
        regions, count = ndimage.label(dark > 7 * np.median(np.abs(dark)))
        large = np.bincount(regions.ravel()) >= 9
        images.append(np.where(large, np.arange(count + 1), 0)[regions].astype(np.int32))
    total = len(images)
    tracks = link_particles(
        images, drift_px=np.zeros((total, 2)), usable=np.ones(total, bool), times_s=np.arange(total) / 24
    )
    rows, agree = tracks.rows, []
    for k in range(total - 1):
        now, then = rows["frame"] == k, rows["frame"] == k + 1
        here, there = (np.column_stack((rows["y_px"][of], rows["x_px"][of])) for of in (now, then))
        distance, forth = cKDTree(there).query(here)
        back = cKDTree(here).query(there)[1]
        mutual = (back[forth] == np.arange(len(here))) & (distance < 5)
        agree += (rows["track_id"][now] == rows["track_id"][then][forth])[mutual].tolist()
    assert len(agree) > 4000
    assert np.mean(agree) > 0.999
    whole = sum(tracks.last_frame[i] - tracks.first_frame[i] == total - 1 for i in tracks.lineage)
    assert whole > 0.8 * np.median([len(np.unique(image)) - 1 for image in images])
    assert set(tracks.events["event"]) <= {"enters", "leaves", "lost"}
