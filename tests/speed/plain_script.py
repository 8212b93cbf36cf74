"""The script a user would otherwise write: scikit-image, SciPy and trackpy, frame by frame, threshold given to it.

It gives drift, areas and tracks, without outlines finer than a pixel, cores, uncertainties, events or volume curves.
Run as ``python -m tests.speed.plain_script MOVIE THRESHOLD``; prints seconds without the imports.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.ndimage as ndi
import tifffile
import trackpy
from skimage.filters import gaussian
from skimage.measure import label, regionprops_table
from skimage.registration import phase_cross_correlation

PROPERTIES = ("area", "centroid", "eccentricity", "solidity")


def analyse(movie: Path, threshold: float) -> pd.DataFrame:
    """Return the tracks of dark particles; each frame registered to the one before."""
    frames = tifffile.memmap(movie)
    tables, path, before = [], np.zeros(2), None
    for k, frame in enumerate(frames):
        image = frame.astype(float)
        if before is not None:
            path += phase_cross_correlation(before, image, upsample_factor=10)[0]
        before = image
        smooth = gaussian(ndi.shift(image, path, order=1, mode="nearest"), sigma=2)
        table = pd.DataFrame(regionprops_table(label(smooth < threshold), properties=PROPERTIES))
        tables.append(table[table["area"] > 60].assign(frame=k))
    found = pd.concat(tables).rename(columns={"centroid-0": "y", "centroid-1": "x"})
    return trackpy.link(found, 10, memory=3)


if __name__ == "__main__":
    trackpy.quiet()
    start = time.perf_counter()
    analyse(Path(sys.argv[1]), float(sys.argv[2]))
    print(time.perf_counter() - start)
