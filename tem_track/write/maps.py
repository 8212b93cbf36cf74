"""Single images in the coordinates of the specimen (arrival time, grains) as calibrated TIFF that Fiji opens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tem_track.write.files import whole_file
from tem_track.write.stacks import imagej_resolution


def write_map(path: Path, image: NDArray[Any], *, pixel_size_nm: float | None = None, unit: str = "") -> None:
    """Write one (Y, X) image, whole or not at all; the same image gives the same bytes.

    Parameters
    ----------
    path : Path
    image : (Y, X) float32 or whole numbers
        NaN stays NaN. Whole numbers become uint16 where every value fits, else they keep their type.
    pixel_size_nm : float, optional
    unit : str
        Of the values, for the description.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    import tifffile

    if image.dtype.kind in "iu" and image.min(initial=0) >= 0 and image.max(initial=0) <= np.iinfo(np.uint16).max:
        image = image.astype(np.uint16)
    lines = ["ImageJ=1.54f", "images=1"] + (["unit=nm"] if pixel_size_nm else [])
    finite = image[np.isfinite(image)]
    if finite.size:
        lines += [f"min={float(finite.min())}", f"max={float(finite.max())}"]
    if unit:
        lines.append(f"vunit={unit}")
    with whole_file(path) as aside:
        tifffile.imwrite(
            aside,
            image,
            byteorder="<",
            photometric="minisblack",
            compression="zlib",
            description="\n".join(lines) + "\n",
            resolution=imagej_resolution(pixel_size_nm),
            resolutionunit="NONE",  # as ImageJ does it: the unit stands in the description
            software="tem-track",
            metadata=None,
        )
