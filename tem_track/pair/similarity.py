"""The transform between two images of one place: scale, rotation, shift, and whether one is seen from behind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tem_track.movie import FloatArray

# Points in the plane as complex numbers x + i y: a similarity is p = a q + b, and a mirrored one takes -conj(q).


@dataclass(frozen=True)
class Similarity:
    """Takes (y, x) px of an image to (y, x) px of the reference.

    Attributes
    ----------
    scale : float
        Reference px per image px.
    rotation_rad : float
        From +x towards +y (clockwise on a screen), -pi to pi.
    shift_px : (float, float)
        (dy, dx): where the image's pixel (0, 0) lies in the reference.
    mirrored : bool
        The image's x axis is turned round first: the specimen was put in upside down.

    Examples
    --------
    >>> quarter = Similarity(2.0, np.pi / 2, (5.0, 7.0))
    >>> quarter.apply(np.array([[0.0, 1.0]])).round(6).tolist()
    [[7.0, 7.0]]
    >>> quarter.inverse().apply(np.array([[7.0, 7.0]])).round(6).tolist()
    [[0.0, 1.0]]
    """

    scale: float
    rotation_rad: float
    shift_px: tuple[float, float]
    mirrored: bool = False

    @property
    def rotation_deg(self) -> float:
        """The rotation in degrees."""
        return float(np.degrees(self.rotation_rad))

    def matrix(self) -> FloatArray:
        """Return the (2, 3) matrix for (x, y) columns, as OpenCV wants it."""
        c, s = self.scale * np.cos(self.rotation_rad), self.scale * np.sin(self.rotation_rad)
        flip = -1.0 if self.mirrored else 1.0
        dy, dx = self.shift_px
        return np.array([[flip * c, -s, dx], [flip * s, c, dy]])

    def apply(self, yx: FloatArray) -> FloatArray:
        """Return (N, 2) (y, x) px of the reference for (N, 2) (y, x) px of the image."""
        matrix = self.matrix()
        moved = np.asarray(yx, np.float64)[:, ::-1] @ matrix[:, :2].T + matrix[:, 2]
        return np.asarray(moved[:, ::-1])

    def inverse(self) -> Similarity:
        """Return the way back, from the reference to the image."""
        turned = self.rotation_rad if self.mirrored else -self.rotation_rad
        back = Similarity(1 / self.scale, turned, (0.0, 0.0), self.mirrored)
        dy, dx = -back.apply(np.array([self.shift_px]))[0]
        return Similarity(back.scale, turned, (float(dy), float(dx)), self.mirrored)


def fit_similarity(
    image_yx: FloatArray, reference_yx: FloatArray, weights: FloatArray | None = None, mirrored: bool = False
) -> Similarity:
    """Return the similarity that takes points of an image to points of the reference with the least squared error.

    Parameters
    ----------
    image_yx, reference_yx : (N, 2) float64
        Corresponding points (y, x), px; at least two different ones.
    weights : (N,) float64, optional
    mirrored : bool

    Raises
    ------
    ValueError
        Fewer than two points, or all in one place.

    References
    ----------
    S. Umeyama, IEEE Trans. Pattern Anal. Mach. Intell. 13 (1991) 376, doi:10.1109/34.88573; in the plane it is a
    linear regression of complex numbers.
    """
    q, p = complex_points(image_yx, mirrored), complex_points(reference_yx)
    w = np.ones(len(q)) if weights is None else np.asarray(weights, np.float64)
    if len(q) < 2:
        raise ValueError("a similarity needs two points")
    q_mean, p_mean = np.average(q, weights=w), np.average(p, weights=w)
    spread = float(np.sum(w * np.abs(q - q_mean) ** 2))
    if spread <= 0:
        raise ValueError("a similarity needs points in two places")
    a = np.sum(w * (p - p_mean) * np.conj(q - q_mean)) / spread
    return from_complex(complex(a), complex(p_mean - a * q_mean), mirrored)


def complex_points(yx: FloatArray, mirrored: bool = False) -> np.ndarray[tuple[int], np.dtype[np.complex128]]:
    """Return (N,) x + i y of (N, 2) (y, x) points, x turned round where mirrored."""
    points = np.asarray(yx, np.float64)
    return np.asarray((-1.0 if mirrored else 1.0) * points[:, 1] + 1j * points[:, 0])


def from_complex(a: complex, b: complex, mirrored: bool) -> Similarity:
    """Return the similarity p = a q + b of complex points."""
    return Similarity(float(abs(a)), float(np.angle(a)), (float(b.imag), float(b.real)), mirrored)
