"""Registration of a movie by one program, and the limits of the machine.

``python -m tests.speed.registering NAME MOVIE`` prints seconds without the imports. ``tem-track`` judges the frames and
takes the drift to hundredths of a px; ``pystackreg`` registers each frame to the one before, as ``phase``
(scikit-image) does. ``copy`` only copies every frame, ``read`` reads it, bins it to 512 px and takes one float32
Fourier transform: nothing can be faster than these.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import cv2
import numpy as np
import scipy.fft
import tifffile


def seconds_of(name: str, path: Path) -> float:
    """Return how long it takes over all frames of an uncompressed TIFF."""
    if name == "tem-track":
        return _tem_track(path)
    frames = tifffile.memmap(path, mode="r")
    if name == "pystackreg":
        from pystackreg import StackReg

        start = time.perf_counter()
        StackReg(StackReg.TRANSLATION).register_stack(np.asarray(frames, np.float32), reference="previous")
    elif name == "phase":
        from skimage.registration import phase_cross_correlation

        start = time.perf_counter()
        for k in range(1, len(frames)):
            phase_cross_correlation(frames[k - 1].astype(float), frames[k].astype(float), upsample_factor=10)
    elif name == "copy":
        here = np.empty_like(frames[0])
        start = time.perf_counter()
        for frame in frames:
            np.copyto(here, frame)
    else:
        cv2.setNumThreads(1)
        start = time.perf_counter()
        for frame in frames:
            small = cv2.resize(frame.astype(np.float32), (512, 512), interpolation=cv2.INTER_AREA)
            scipy.fft.rfft2(small, workers=1)
    return time.perf_counter() - start


def _tem_track(path: Path) -> float:
    from tem_track.drift import refine_drift
    from tem_track.pipeline import Clock, Silence
    from tem_track.pipeline.in_order import in_order
    from tem_track.pipeline.survey import survey_movie
    from tem_track.read import open_movie
    from tem_track.settings import Settings

    start = time.perf_counter()
    survey = survey_movie(open_movie(path), Settings(), Silence(), Clock())
    refine_drift(survey.frames, survey.drift, survey.quality, fixed=survey.fixed, in_order=in_order)
    return time.perf_counter() - start


if __name__ == "__main__":
    print(seconds_of(sys.argv[1], Path(sys.argv[2])))
