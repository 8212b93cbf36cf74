"""A hollow particle without its void: the volume that unit cells speak of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tem_track.movie import FloatArray, Mask
from tem_track.tables import Table

# A void is the median over this many frames on either side of the frame asked for: it changes slowly.
_AROUND = 2


@dataclass(frozen=True)
class VoidShare:
    """A void's volume over the envelope's V0, with its standard uncertainty."""

    value: float
    sd: float


def void_share(track: Table, near: Mask) -> VoidShare | None:
    """Return the void's share of the envelope's V0 in the chosen rows, or None where it was not measured there.

    Parameters
    ----------
    track : Table
        TRACKS rows of one track whose volumes are those of spheres.
    near : (N,) bool
        Rows to take the median of.

    Notes
    -----
    The share is (d_void / d_0)^3; d_0^3 is the median of d^3 / (V/V0) over the track, d the outer equivalent diameter.
    The uncertainty is that of the void's diameter, 3 u(d) / d of the share. u(d) is the stated one, since errors of an
    outline do not average out, and the scatter over the rows: a void found anew in every frame is not known. It is NaN
    where the void's diameter has no stated uncertainty.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        cubes = track["equivalent_diameter_px"] ** 3 / track["volume_ratio"]
    diameter, sd = track["void_equivalent_diameter_px"], track["void_equivalent_diameter_sd_px"]
    seen = near & np.isfinite(diameter) & (diameter > 0)
    cubes = cubes[np.isfinite(cubes)]
    if not seen.any() or not len(cubes):
        return None
    share = float(np.median(diameter[seen] ** 3) / np.median(cubes))
    diameter_sd = float(np.hypot(np.median(sd[seen]), np.std(diameter[seen])))
    return VoidShare(share, 3 * share * diameter_sd / float(np.median(diameter[seen])))


def around(frames: FloatArray, frame: float) -> Mask:
    """Return which rows lie within a few frames of a frame."""
    return np.asarray(np.abs(frames - frame) <= _AROUND)


def solid_ratio(envelope: float, now: VoidShare, start: VoidShare) -> tuple[float, float] | None:
    """Return V/V0 of a particle without its void, and the part of its standard uncertainty that is the voids'.

    Parameters
    ----------
    envelope : float
        V/V0 of the envelope, R.
    now, start : VoidShare
        w, then and before the onset, f.

    Returns
    -------
    (float, float) or None
        (R - w) / (1 - f); None where the void would fill the particle.

    Notes
    -----
    u^2 = (u(w)^2 + (V/V0)^2 u(f)^2) / (1 - f)^2, without that of R.

    >>> solid_ratio(1.76, VoidShare(0.02, 0.0), VoidShare(0.06, 0.0))
    (1.851063829787234, 0.0)
    """
    rest = 1 - start.value
    if rest <= 0 or envelope <= now.value:
        return None
    ratio = (envelope - now.value) / rest
    return ratio, float(np.hypot(now.sd, ratio * start.sd)) / rest
