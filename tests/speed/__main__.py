"""Time tem-track against the plain script on one movie, in turn, in processes of their own.

    pip install ".[bench]" && python -m tests.speed

Frames/s are of the machine it runs on; the ratio is the figure to compare.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from tem_track.simulate import LithiationScene, simulate_lithiation

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
# Shown apart from the rest, as what the tool adds for the eye.
PICTURES = ("overlay movie", "figures", "report")


@dataclass(frozen=True)
class Timing:
    """One process: wall seconds, peak memory in MiB, what it printed."""

    seconds: float
    peak_mib: float
    text: str


def timed(command: list[str]) -> Timing:
    """Run a command and return what it took; the child alone is counted."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | ONE_THREAD) as process:
        text = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed with exit code {process.returncode}")
    return Timing(time.perf_counter() - start, usage.ru_maxrss / 1024, text)


def make_movie(path: Path, side: int, frames: int, particles: int) -> float:
    """Write an uncompressed 16-bit movie and return a threshold halfway between particles and film."""
    scene = LithiationScene(
        nio=particles, core_shell=0, height_px=side, width_px=side, frames=frames, pixel_size_nm=1.3,
        frame_interval_s=1000.0 / frames, seed=21,
    )  # fmt: skip
    simulation = simulate_lithiation(scene)
    stack = np.stack([simulation.frames[k] for k in range(frames)])
    tifffile.imwrite(path, stack, photometric="minisblack", metadata={"axes": "TYX"})
    inside = simulation.truth.labels(0) > 0
    return float(0.5 * (np.median(stack[0][inside]) + np.median(stack[0][~inside])))


def measure(movie: Path, threshold: float, folder: Path) -> tuple[Timing, Timing, dict[str, float]]:
    """Return tem-track, the plain script, and tem-track's seconds per stage."""
    mine = timed([sys.executable, "-m", "tem_track", "analyze", str(movie), "-o", str(folder), "--overwrite", "-q"])
    plain = timed([sys.executable, "-m", "tests.speed.plain_script", str(movie), str(threshold)])
    seconds = json.loads((folder / "run.json").read_text(encoding="utf-8"))["seconds"]
    return mine, plain, seconds


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Time tem-track against a plain script.")
    parser.add_argument("--sides", type=int, nargs="+", default=[512, 1024], help="edge of a frame, px")
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--particles", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    print("| frame | tem-track, all | measuring only | plain script | ratio (spread) | peak memory, tem-track |")
    print("|---|---|---|---|---|---|")
    for side in asked.sides:
        with tempfile.TemporaryDirectory() as place:
            movie = Path(place) / "movie.tif"
            threshold = make_movie(movie, side, asked.frames, asked.particles)
            runs = [measure(movie, threshold, Path(place) / "run") for _ in range(asked.repeats)]
        print(_row(side, asked.frames, runs), flush=True)


def _row(side: int, frames: int, runs: list[tuple[Timing, Timing, dict[str, float]]]) -> str:
    whole = [frames / mine.seconds for mine, _, _ in runs]
    measuring = [frames / sum(s for name, s in seconds.items() if name not in PICTURES) for _, _, seconds in runs]
    plain = [frames / float(script.text) for _, script, _ in runs]
    ratio = [m / p for m, p in zip(measuring, plain, strict=True)]
    peak = max(mine.peak_mib for mine, _, _ in runs)
    fast = " | ".join(f"{np.median(rates):.1f} frames/s" for rates in (whole, measuring, plain))
    return f"| {side} x {side} | {fast} | {np.median(ratio):.1f} ({min(ratio):.1f}-{max(ratio):.1f}) | {peak:.0f} MiB |"


if __name__ == "__main__":
    main()
