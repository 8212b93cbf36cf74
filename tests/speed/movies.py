"""The movies of the benchmark: simulated once, uncompressed, so that they lie in the page cache when they are read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import tifffile

from tem_track.movie import FloatArray
from tem_track.simulate import LithiationScene, simulate_lithiation

# Of the lithiation paper; so many particles find room on a frame of so many px, more on larger frames or with larger
# pixels.
PIXEL_SIZE_NM, FITTING, FITTING_SIDE = 1.3, 12, 512


def make_movie(path: Path, side: int, frames: int, particles: int) -> float:
    """Write an uncompressed 16-bit movie and return a threshold halfway between particles and film."""
    pixel_size_nm = max(PIXEL_SIZE_NM, PIXEL_SIZE_NM * (particles / FITTING) ** 0.5 * FITTING_SIDE / side)
    scene = LithiationScene(
        nio=particles, core_shell=0, height_px=side, width_px=side, frames=frames, pixel_size_nm=pixel_size_nm,
        frame_interval_s=1000.0 / frames, seed=21,
    )  # fmt: skip
    simulation = simulate_lithiation(scene)
    first = simulation.frames[0]
    # Frame by frame: 60 frames of 4096 px are 2 GB.
    tifffile.imwrite(
        path, (simulation.frames[k] for k in range(frames)), shape=(frames, side, side), dtype=first.dtype,
        photometric="minisblack", metadata={"axes": "TYX"},
    )  # fmt: skip
    inside = simulation.truth.labels(0) > 0
    return float(0.5 * (np.median(first[inside]) + np.median(first[~inside])))


def made_movie(path: Path, side: int, frames: int, particles: int) -> float:
    """Do as `make_movie`, in a process of its own.

    A new process counts as its own what the one that starts it has ever held: the simulated movie would be taken for
    the memory of the programs that are timed.
    """
    words = [str(path), str(side), str(frames), str(particles)]
    command = [sys.executable, "-m", "tests.speed.movies", *words]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def crowd(particles: int, frames: int, side: int = 1024, seed: int = 0) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return positions (T, N, 2) and radii (N,) of particles on a jittered grid that drift together, and the drift."""
    rng = np.random.default_rng(seed)
    grid = int(np.ceil(np.sqrt(particles)))
    pitch = side / grid
    y, x = (place.ravel()[:particles] + 0.5 for place in np.mgrid[:grid, :grid])
    place = np.stack([y, x], axis=1) * pitch + rng.uniform(-0.15, 0.15, (particles, 2)) * pitch
    drift = np.cumsum(rng.normal(0, 0.4, (frames, 2)), axis=0)
    drift -= drift[0]
    positions = place[None] + drift[:, None] + rng.normal(0, 0.3, (frames, particles, 2))
    return positions, pitch * rng.uniform(0.2, 0.3, particles), drift


if __name__ == "__main__":
    print(make_movie(Path(sys.argv[1]), *map(int, sys.argv[2:])))
