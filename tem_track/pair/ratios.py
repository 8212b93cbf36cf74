"""V/V0 of one particle between two images, with what its uncertainty is made of.

The two outlines were found in different images, at other focus, contrast and magnification: their errors are taken as
independent. Itemised, as relative standard uncertainties:

- *outline*: the stated area errors of both images;
- *scale*: the scale between the images, to the third power in a volume; common to all particles of an image;
- *shape*: V ~ A^(3/2) holds for a body that swells alike in all directions; where the outline's aspect ratio q changed,
  the unseen third axis may have followed either, which puts V within +-|ln(q/q0)| / 2 of the sphere's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Two-sided 95 % of a normal distribution.
NORMAL_FACTOR = 1.959964


@dataclass(frozen=True)
class Measured:
    """A particle in one image.

    Attributes
    ----------
    volume_px3 : float
        By the volume model (film: its area, px^2), in the image's own px.
    area_relative_sd : float
        Relative standard uncertainty of the projected area.
    aspect : float
        Long over short axis of the outline.
    """

    volume_px3: float
    area_relative_sd: float
    aspect: float


@dataclass(frozen=True)
class VolumeRatio:
    """V/V0, its standard uncertainty without that of the shape, its 95 % interval with it, and the parts.

    All in V/V0; the parts `outline`, `scale` and `shape` are standard uncertainties.
    """

    value: float
    sd: float
    low: float
    high: float
    outline: float
    scale: float
    shape: float


def volume_ratio(now: Measured, before: Measured, scale: float, scale_log_sd: float, exponent: float) -> VolumeRatio:
    """Return V/V0 of a particle.

    Parameters
    ----------
    now, before : Measured
        In the image, and in the reference.
    scale, scale_log_sd : float
        Reference px per image px, and the standard uncertainty of its logarithm.
    exponent : float
        p of V ~ A^p: 1.5 for bodies, 1 for a film (whose shape says nothing).

    Notes
    -----
    V/V0 = (V s^(2p)) / V0. The interval is symmetric in the logarithm.

    Examples
    --------
    >>> ratio = volume_ratio(Measured(8.0, 0.0, 1.0), Measured(4.0, 0.0, 1.0), 1.0, 0.01, 1.5)
    >>> round(ratio.value, 3), round(ratio.sd, 3)
    (2.0, 0.06)
    """
    value = now.volume_px3 * scale ** (2 * exponent) / before.volume_px3
    outline = exponent * float(np.hypot(now.area_relative_sd, before.area_relative_sd))
    from_scale = 2 * exponent * scale_log_sd
    shape = 0.0
    if exponent != 1.0:
        # An area's error is that of both axes together; their ratio errs by about as much again.
        noise = 2 * (now.area_relative_sd**2 + before.area_relative_sd**2)
        change = float(np.log(now.aspect / before.aspect)) ** 2
        shape = float(np.sqrt(max(change - noise, 0.0)) / 2 / np.sqrt(3.0))
    sd = float(np.hypot(outline, from_scale))
    half = NORMAL_FACTOR * float(np.hypot(sd, shape))
    return VolumeRatio(
        value,
        value * sd,
        value * float(np.exp(-half)),
        value * float(np.exp(half)),
        value * outline,
        value * from_scale,
        value * shape,
    )
