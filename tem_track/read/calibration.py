"""The pixel size: what the file says, what a microscope can do, what the user says."""

from __future__ import annotations

import math

from tem_track.errors import InputError
from tem_track.movie import Calibration
from tem_track.read.recording import Recording, Scale

# From a tenth of what the highest magnification gives (some 5 pm/px) to low-magnification survey images (a 2 mm grid
# opening on 2k pixels); OME's placeholder of 1 um is out. Print resolutions start far above: 1200 dpi is 21 um.
PLAUSIBLE_NM = (0.0005, 999.0)
# Vendors' own x and y calibrations agree to a fraction of this; beyond it areas would be wrong by more.
MAX_ANISOTROPY = 0.01


def calibrated(name: str, recording: Recording, pixel_size_nm: float | None) -> Calibration:
    """Return the calibration of a recording; the user's pixel size counts before the file's.

    Parameters
    ----------
    name : str
        Of the file, for messages.
    recording : Recording
        Gets a note where a statement of the file is passed over.
    pixel_size_nm : float or None
        Of the user, nm.

    Raises
    ------
    InputError
        A diffraction pattern, a pixel size that no TEM image has, or pixels that are not square.
    """
    if recording.reciprocal:
        raise InputError(f"{name}: its axes are reciprocal (1/nm): a diffraction pattern, not an image")
    if pixel_size_nm is not None:
        if not (math.isfinite(pixel_size_nm) and pixel_size_nm > 0):
            raise InputError(f"--pixel-size must be above zero, not {pixel_size_nm:g} nm")
        return Calibration(float(pixel_size_nm), "--pixel-size")
    scale = recording.scale
    if scale is None:
        return Calibration()
    if not scale.binding and not (_is_plausible(scale.y_nm) and _is_plausible(scale.x_nm)):
        recording.notes.append(f"{scale.source} is not that of a microscope and is not used")
        return Calibration()
    _check(name, scale)
    if scale.doubt:
        recording.warnings.append(scale.doubt)
    return Calibration(math.sqrt(scale.y_nm * scale.x_nm), scale.source)


def _is_plausible(size_nm: float) -> bool:
    return PLAUSIBLE_NM[0] <= size_nm <= PLAUSIBLE_NM[1]


def _check(name: str, scale: Scale) -> None:
    for size_nm in (scale.y_nm, scale.x_nm):
        if not _is_plausible(size_nm):
            raise InputError(
                f"{name}: a pixel size of {size_nm:g} nm ({scale.source}) is not possible for TEM; "
                "give the true one with --pixel-size"
            )
    if abs(scale.y_nm - scale.x_nm) > MAX_ANISOTROPY * max(scale.y_nm, scale.x_nm):
        raise InputError(
            f"{name}: pixels are not square: {scale.y_nm:g} nm high, {scale.x_nm:g} nm wide ({scale.source}); "
            "give the true size with --pixel-size"
        )
