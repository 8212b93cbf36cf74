"""The scale between two images: what was found in them, weighed against what their calibrations say.

V/V0 goes with the third power of the scale between the images, so one per cent there is three per cent of volume. Found
on the support it is sharp; from few particles it is not, and the calibrations help; they are never believed blindly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Relative standard uncertainty of the ratio of two stated pixel sizes: makers guarantee magnifications to 5 or 10 %,
# regularly calibrated ones and repeated settings of one instrument agree to 2 or 3 % (D. B. Williams and C. B. Carter,
# Transmission Electron Microscopy, 2nd ed. 2009, section 9.6, doi:10.1007/978-0-387-76501-3).
CALIBRATION_SD = 0.03
# The two disagree beyond chance where they differ by more than this many standard uncertainties.
DISAGREE = 2.5


@dataclass(frozen=True)
class Scale:
    """How many reference px an image px is.

    Attributes
    ----------
    value : float
        The scale used.
    log_sd : float
        Standard uncertainty of its logarithm.
    source : str
        ``"support"``, ``"particles"``, ``"calibrations"`` or two of them joined by ``" + "``.
    disagrees : bool
        Found and calibrated scale differ beyond chance; the found one is used alone.
    """

    value: float
    log_sd: float
    source: str
    disagrees: bool


def relative_scale(found: float | None, found_log_sd: float, found_on: str, calibrated: float | None) -> Scale | None:
    """Return the scale between two images from what was found and what is stated, None where neither is known.

    Parameters
    ----------
    found : float or None
        Reference px per image px as registered.
    found_log_sd : float
        Standard uncertainty of its logarithm.
    found_on : str
        What it was found on: ``"support"`` or ``"particles"``.
    calibrated : float or None
        Pixel size of the image over that of the reference.

    Examples
    --------
    >>> scale = relative_scale(1.30, 0.001, "support", 1.25)
    >>> round(scale.value, 2), scale.source, scale.disagrees
    (1.3, 'support + calibrations', False)
    >>> relative_scale(1.30, 0.001, "support", 1.15).disagrees
    True
    """
    if found is None or not np.isfinite(found_log_sd):
        return None if calibrated is None else Scale(calibrated, CALIBRATION_SD, "calibrations", False)
    if calibrated is None:
        return Scale(found, found_log_sd, found_on, False)
    apart = float(np.log(found / calibrated))
    if abs(apart) > DISAGREE * float(np.hypot(found_log_sd, CALIBRATION_SD)):
        return Scale(found, found_log_sd, found_on, True)
    share = CALIBRATION_SD**2 / (CALIBRATION_SD**2 + found_log_sd**2)
    sd = CALIBRATION_SD * found_log_sd / float(np.hypot(CALIBRATION_SD, found_log_sd))
    return Scale(calibrated * float(np.exp(share * apart)), sd, f"{found_on} + calibrations", False)
