"""Measure how long after a frame was written `tem-track watch` shows it: a camera writes at its pace, watch looks on.

    python -m tests.speed.live --side 512 --per-second 2 --frames 120

Prints the delay from a frame being on disk to the curve that holds it, how many frames the preview rests on, and what
an update takes in the first and the second half of the recording.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import tifffile

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from recorders import FolderRecorder, MrcRecorder, PagesRecorder, Recorder, TifffileRecorder, tree_name

from tests.speed.movies import made_movie
from tests.speed.timing import ONE_THREAD


def recorder(kind: str, folder: Path, side: int, per_second: float) -> Recorder:
    """Return the camera that writes in one of the ways that grow."""
    if kind == "mrc":
        return MrcRecorder(folder / "movie.mrc", (side, side), 1.3)
    if kind == "folder":
        return FolderRecorder(folder / "movie")
    if kind == "tree":
        return FolderRecorder(folder / "movie", tree_name(max(1, round(per_second))))
    if kind == "contiguous":
        return TifffileRecorder(folder / "movie.tif", contiguous=True)
    return PagesRecorder(folder / "movie.tif", big=kind == "big")


def main() -> None:
    """Write, watch, measure, print."""
    parser = argparse.ArgumentParser(description="Delay of the live curve behind the camera.")
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--per-second", type=float, default=2.0)
    parser.add_argument("--frames", type=int, default=120)
    parser.add_argument("--particles", type=int, default=12)
    parser.add_argument("--every", default="2s")
    parser.add_argument("--kind", choices=["tiff", "big", "contiguous", "mrc", "folder", "tree"], default="tiff")
    parser.add_argument("--live-only", action="store_true", help="end when the recording is complete")
    parser.add_argument("--verbose", action="store_true", help="print every update")
    parser.add_argument("--keep", type=Path, help="write here and leave everything")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        place = asked.keep or Path(scratch)
        (place / "recordings").mkdir(parents=True, exist_ok=True)
        source = place / f"source_{asked.side}_{asked.frames}.tif"
        if not source.exists():
            made_movie(source, asked.side, asked.frames, asked.particles)
        measure(asked, place, source)


def measure(asked: argparse.Namespace, place: Path, source: Path) -> None:
    """Record the source's frames at the camera's pace beside a watch, and print what it took."""
    words = [sys.executable, "-m", "tem_track", "watch", str(place / "recordings"), "-o", str(place / "results")]
    words += ["--json", "--idle", "4s", "--every", asked.every, "--frame-interval", f"{1 / asked.per_second:g}s"]
    written: dict[int, float] = {}
    events: list[tuple[float, dict[str, object]]] = []
    watch = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=os.environ | ONE_THREAD)
    reader = threading.Thread(target=_listen, args=(watch, events))
    reader.start()
    while not (place / "results" / "live.html").exists():
        time.sleep(0.1)
    record(asked, place, source, written)
    try:
        while asked.live_only and not any(event["event"] == "complete" for _, event in events):
            time.sleep(0.1)
        if not asked.live_only:
            reader.join(timeout=600 + 5 * asked.frames)
    finally:
        if watch.poll() is None:
            watch.send_signal(signal.SIGTERM)
        watch.wait()
    report(asked, written, events)


def record(asked: argparse.Namespace, place: Path, source: Path, written: dict[int, float]) -> None:
    """Write frames at the camera's pace."""
    camera = recorder(asked.kind, place / "recordings", asked.side, asked.per_second)
    with tifffile.TiffFile(source) as tif:
        begin = time.monotonic()
        for k in range(asked.frames):
            time.sleep(max(0.0, begin + k / asked.per_second - time.monotonic()))
            camera.write(tif.pages[k].asarray())
            written[k] = time.monotonic()
    camera.close()


def _listen(watch: subprocess.Popen[str], events: list[tuple[float, dict[str, object]]]) -> None:
    assert watch.stdout is not None
    for line in watch.stdout:
        events.append((time.monotonic(), json.loads(line)))


def report(asked: argparse.Namespace, written: dict[int, float], events: list[tuple[float, dict[str, object]]]) -> None:
    """Print the figures."""
    updates = [
        (at, event) for at, event in events if event["event"] == "update" and event.get("newest_frame") is not None
    ]
    delays = []
    for k, done in written.items():
        shown = [at for at, event in updates if int(str(event["newest_frame"])) >= k]
        if shown:
            delays.append(shown[0] - done)
    name = f"{asked.side} px, {asked.per_second:g} frames/s, {asked.kind}"
    if not delays:
        print(f"{name}: no update; events: {[event for _, event in events][-5:]}")
        return
    first = updates[0][0]
    later = [delay for (k, done), delay in zip(written.items(), delays, strict=False) if done > first]
    last = updates[-1][1]
    steps = [float(str(event["update_s"])) for _, event in updates]
    print(
        f"{name}: first curve after {first - written[0]:.1f} s; then delay median {np.median(later):.1f} s, "
        f"90 % {np.percentile(later, 90):.1f} s, largest {max(later):.1f} s; measured {last['measured']} frames in "
        f"{len(updates)} updates of {np.median(steps):.2f} s (first half {np.median(steps[: len(steps) // 2]):.2f}, "
        f"second {np.median(steps[len(steps) // 2 :]):.2f}); V/V0 {last['volume_ratio']}"
    )
    if asked.verbose:
        for at, event in updates:
            shown = ", ".join(f"{name} {event[name]}" for name in ("frames", "newest_frame", "measured", "update_s"))
            print(f"  {at - written[0]:7.1f} s  {shown}")
    for at, event in events:
        if event["event"] not in ("update", "note"):
            print(f"  {at - written[0]:7.1f} s  {event['event']:<10} {event['movie']}: {event['message']}")


if __name__ == "__main__":
    main()
