"""What the libraries are told before they are imported: no threads of their own, no words of their own."""

from __future__ import annotations

import os

# Threads that a process of tem-track may use; a batch gives each movie its share of the cores. Results do not depend
# on it.
THREADS = "TEM_TRACK_THREADS"
_MOST_THREADS = 1024
# Beyond these, memory and the interpreter are what the threads of one movie wait for.
_USEFUL_THREADS = 4
# The pipeline shares the work out itself; numerical libraries that start threads of their own only get in its way.
LIBRARIES = {
    **dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"),
    # What a damaged video makes OpenCV and FFmpeg print is said by the tool in its own line.
    "OPENCV_LOG_LEVEL": "SILENT",
    "OPENCV_FFMPEG_LOGLEVEL": "-8",
}


def quiet_libraries() -> None:
    """Put the defaults into the environment of this process; what the user has set stays."""
    for name, value in LIBRARIES.items():
        os.environ.setdefault(name, value)


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads() -> int:
    """Return how many frames a run may work on at the same time: as many as there are cores, within reason."""
    said = os.environ.get(THREADS, "")
    if said.isascii() and said.isdigit() and 0 < int(said) <= _MOST_THREADS:
        return int(said)
    return max(1, min(_USEFUL_THREADS, cores()))
