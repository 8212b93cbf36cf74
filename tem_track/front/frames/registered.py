"""Frames in the coordinates of the specimen: drift taken out, binned, with what of the specimen each of them shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Frames, Image, Mask, finite

Window: TypeAlias = tuple[int, int, int, int]
PictureWindow: TypeAlias = Callable[[Image], Window]
# Rim of a picture inside a frame that is not trusted, px.
RIM_PX = 2
# A sample counts as seen where the interpolation takes at least this share of its weight from the picture.
SEEN_SHARE = 0.999


class RegisteredFrames:
    """The frames of a movie as the specimen saw them: ``frames(k)`` gives image and seen mask, (y, x) each.

    Parameters
    ----------
    frames : Frames
        T frames (Y, X) as recorded.
    drift_px : (T, 2) float64
        A feature at (y, x) in frame 0 stands at (y + dy, x + dx) in frame k.
    fixed : (Y, X) bool or None
        Pixels of the camera, never part of the specimen.
    binning : int
        Whole number of pixels averaged along each axis; what does not fill a whole bin at the far edges is left out.
    window : callable, optional
        ``window(frame)`` gives the rows and columns (y0, y1, x0, x1; ends excluded) of a recorded frame that hold the
        picture, where an earlier alignment left a black border that moves.
    """

    def __init__(
        self,
        frames: Frames,
        drift_px: FloatArray,
        fixed: Mask | None,
        binning: int = 1,
        window: PictureWindow | None = None,
    ):
        self.frames = frames
        self.drift_px = drift_px
        self.binning = binning
        self._window = window
        height, width = frames[0].shape
        self.shape = (height // binning, width // binning)
        free = None if fixed is None or not fixed.any() else (~fixed).astype(np.float32)
        self._shown = None if free is None else self.binned(free)

    def binned(self, image: Image) -> Image:
        """Return a (Y, X) image averaged over binning x binning pixels, (y, x) float32."""
        if self.binning == 1:
            return image
        rows, columns = self.shape[0] * self.binning, self.shape[1] * self.binning
        small = cv2.resize(image[:rows, :columns], self.shape[::-1], interpolation=cv2.INTER_AREA)
        return np.asarray(small, dtype=np.float32)

    def __call__(self, k: int) -> tuple[Image, Mask]:
        """Return frame k in specimen coordinates and where it shows the specimen."""
        frame = finite(self.frames[k])
        height, width = frame.shape
        window = (0, height, 0, width) if self._window is None else self._window(frame)
        if window != (0, height, 0, width):
            y0, y1, x0, x1 = window
            frame = cv2.copyMakeBorder(frame[y0:y1, x0:x1], y0, height - y1, x0, width - x1, cv2.BORDER_REPLICATE)
        return self.place(self.binned(frame), k), self._seen(k, window, frame.shape)

    def _seen(self, k: int, window: Window, shape: tuple[int, ...]) -> Mask:
        """Return where frame k shows the specimen, (y, x) bool."""
        sides = (self._inside(k, axis, window[2 * axis : 2 * axis + 2], shape[axis]) for axis in (0, 1))
        rows, columns = sides
        inside = np.asarray(rows[:, None] & columns[None, :])
        if self._shown is None:
            return inside
        return np.asarray((sampled_at(self._shown, *(self.drift_px[k] / self.binning)) > SEEN_SHARE) & inside)

    def _inside(self, k: int, axis: int, ends: tuple[int, ...], size: int) -> NDArray[np.bool_]:
        """Return which rows (axis 0) or columns of the specimen lie within the picture that frame k holds."""
        # The rim of a picture that was moved into its frame is interpolated with what is beyond it.
        rim = [RIM_PX if inner else 0 for inner in (ends[0] > 0, ends[1] < size)]
        first = -(-(ends[0] + rim[0]) // self.binning)
        last = min((ends[1] - rim[1]) // self.binning, self.shape[axis])
        place = np.arange(self.shape[axis]) + self.drift_px[k, axis] / self.binning
        return np.asarray((place > first - 1 + SEEN_SHARE) & (place < last - SEEN_SHARE))

    def place(self, image: Image, k: int) -> Image:
        """Return a binned frame k in specimen coordinates, (y, x) float32; beyond its border the border repeats."""
        dy, dx = (float(d) / self.binning for d in self.drift_px[k])
        return sampled_at(image, dy, dx)


def sampled_at(image: Image, dy: float, dx: float, shape: tuple[int, int] | None = None) -> Image:
    """Return the image sampled at (y + dy, x + dx), beyond the border the border repeated, (y, x) float32.

    Parameters
    ----------
    image : (Y, X) float32
    dy, dx : float
        px.
    shape : (y, x), optional
        Of what is returned; that of the image where not given.

    Notes
    -----
    Cubic convolution, exact for quadratics. OpenCV's own cubic interpolation is not exact for a ramp and rounds shifts
    to 1/32 px.

    References
    ----------
    Keys 1981, doi:10.1109/TASSP.1981.1163711.
    """
    height, width = shape or image.shape
    whole_y, whole_x = int(np.floor(dy)), int(np.floor(dx))
    if dy != whole_y or dx != whole_x:
        kernels = _cubic(dx - whole_x), _cubic(dy - whole_y)
        image = cv2.sepFilter2D(image, -1, *kernels, borderType=cv2.BORDER_REPLICATE)
    if whole_y == 0 and whole_x == 0 and (height, width) == image.shape:
        return np.asarray(image, dtype=np.float32)
    inside = image[max(0, whole_y) : whole_y + height, max(0, whole_x) : whole_x + width]
    if inside.size == 0 or whole_y + height <= 0 or whole_x + width <= 0:
        rows = np.clip(np.arange(height) + whole_y, 0, image.shape[0] - 1)
        columns = np.clip(np.arange(width) + whole_x, 0, image.shape[1] - 1)
        return np.ascontiguousarray(image[rows][:, columns])
    top, left = max(0, -whole_y), max(0, -whole_x)
    pads = (top, height - top - inside.shape[0], left, width - left - inside.shape[1])
    return np.asarray(cv2.copyMakeBorder(inside, *pads, cv2.BORDER_REPLICATE))


def _cubic(part: float) -> Image:
    """Return the kernel that samples `part` of the way to the next pixel; an odd length keeps it centred."""
    distance = np.abs(np.arange(-2, 3) - part)
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    kernel = np.where(distance <= 1, near, np.where(distance < 2, far, 0))
    return np.asarray(kernel, dtype=np.float32)
