"""Linking of the same particles by tem-track, trackpy or LapTrack: ``python -m tests.speed.linking NAME N FRAMES``.

tem-track links label images and looks for splits, joinings, gaps and borders; the others link points. Prints seconds.
"""

from __future__ import annotations

import sys
import time

import cv2
import numpy as np

from tem_track.labels import LabelStack
from tem_track.movie import FloatArray

from .movies import crowd

SIDE = 1024
# How far a point may move, px.
REACH = 6.0


def label_images(positions: FloatArray, radii: FloatArray, side: int) -> LabelStack:
    """Return the particles drawn as discs, numbered at random in every frame."""
    rng, stack = np.random.default_rng(1), LabelStack((side, side))
    for places in positions:
        image = np.zeros((side, side), np.int32)
        for number, i in enumerate(rng.permutation(len(places)), 1):
            y, x = places[i]
            cv2.circle(image, (round(float(x)), round(float(y))), round(float(radii[i])), number, -1)
        stack.append(image)
    return stack


def seconds_of(name: str, particles: int, frames: int) -> float:
    """Return how long one program takes to link them."""
    positions, radii, drift = crowd(particles, frames, SIDE)
    if name == "tem-track":
        from tem_track.track import link_particles

        labels = label_images(positions, radii, SIDE)
        start = time.perf_counter()
        link_particles(labels, drift_px=drift, usable=np.ones(frames, bool), times_s=np.arange(frames, dtype=float))
        return time.perf_counter() - start
    import pandas as pd

    frame = np.repeat(np.arange(frames), particles)
    table = pd.DataFrame({"frame": frame, "y": positions[..., 0].ravel(), "x": positions[..., 1].ravel()})
    if name == "trackpy":
        import trackpy

        trackpy.quiet()
        start = time.perf_counter()
        trackpy.link(table, REACH, memory=3)
        return time.perf_counter() - start
    from laptrack import LapTrack

    tracker = LapTrack(cutoff=REACH**2, gap_closing_cutoff=REACH**2, splitting_cutoff=False, merging_cutoff=False)
    start = time.perf_counter()
    tracker.predict_dataframe(table, coordinate_cols=["y", "x"], frame_col="frame")
    return time.perf_counter() - start


if __name__ == "__main__":
    print(seconds_of(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
