"""Make docs/result.png, the README's picture, from a run on the sample movie.

tem-track analyze sample_data/lithiation/movie.tif -o sample_run && python docs/result.py sample_run
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

WIDTH_PX = 1100


def main(run: Path) -> None:
    """Put the outlines of three frames above the V/V0 curves."""
    above, below = (cv2.imread(str(run / "figures" / name)) for name in ("outlines.png", "volume_ratio.png"))
    rows = []
    for picture, width in ((above, WIDTH_PX), (below, round(0.62 * WIDTH_PX))):
        height = round(picture.shape[0] * width / picture.shape[1])
        small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        side = (WIDTH_PX - width) // 2
        rows.append(
            cv2.copyMakeBorder(small, 0, 0, side, WIDTH_PX - width - side, cv2.BORDER_CONSTANT, value=(255,) * 3)
        )
    target = Path(__file__).with_name("result.png")
    cv2.imwrite(str(target), np.vstack(rows), [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
