"""Make docs/front.png, the README's picture of a heated lamella, from a run on the sample movie.

tem-track analyze sample_data/heating/movie.tif --temperature sample_data/heating/temperature.csv \
    --log-offset 37.4s -o heating_run && python docs/front.py heating_run
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH_PX = 1100


def main(run: Path) -> None:
    """Put frames with the front above the arrival map and the degraded fraction."""
    montage, arrival, fraction = (
        cv2.imread(str(run / "figures" / f"front_{name}.png")) for name in ("montage", "arrival", "fraction")
    )
    above = cv2.resize(
        montage, (WIDTH_PX, round(montage.shape[0] * WIDTH_PX / montage.shape[1])), interpolation=cv2.INTER_AREA
    )
    left = round(0.52 * WIDTH_PX)
    height = round(arrival.shape[0] * left / arrival.shape[1])
    below = np.hstack([within(arrival, height, left), within(fraction, height, WIDTH_PX - left)])
    target = Path(__file__).with_name("front.png")
    cv2.imwrite(str(target), np.vstack([above, below]), [cv2.IMWRITE_PNG_COMPRESSION, 9])


def within(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Return a picture reduced to fit into a white one of the given size, in its middle."""
    scale = min(height / picture.shape[0], width / picture.shape[1])
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    page = np.full((height, width, 3), 255, np.uint8)
    top, left = (height - size[1]) // 2, (width - size[0]) // 2
    page[top : top + size[1], left : left + size[0]] = small
    return page


if __name__ == "__main__":
    main(Path(sys.argv[1]))
