"""Plain bodies: whether a bright-field movie shows cores and voids at all, or only balls, discs and what is between.

Strategy. A body with core and void can take on the profile of every plain body, and that of noise and diffraction
contrast too: where nothing in the picture holds them, the two lead its outline some pixels astray (too far out by a
tenth of the radius on supported particles of 70 px whose contrast is three times the noise). Whether there are cores is
a property of the specimen, so all particles of the frames looked at decide together: they are plain where bodies
without core and void, but free to be as flat as they like, explain them as well, three parameters more considered.
In dark field brightness follows the thickness and little else: nothing is asked there.

References
----------
Schwarz 1978, Estimating the dimension of a model, doi:10.1214/aos/1176344136 (log of the number of bins a parameter).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tem_track.movie import FloatArray
from tem_track.segment.outline.body import fit_general, fit_plain
from tem_track.segment.outline.chord import EDGE, SMALL, RadialProfiles
from tem_track.segment.outline.fit import OutlineGroup

# Parameters that a body with core and void has more: both with size and density, less the flatness.
_MORE = 3
# Outlines asked for at least: fewer leave open what the specimen is, and a body that can take on any profile is safer.
_ENOUGH = 8


def plain_evidence(group: OutlineGroup, binning: int, any_fringe_px2: tuple[float, float]) -> FloatArray:
    """Return by how much core and void explain each of some outlines better than they must, chi-square (K,).

    Parameters
    ----------
    group : OutlineGroup
        Fitted outlines; those only a few blurs wide are left out.
    binning : int
        Of their picture.
    any_fringe_px2 : (float, float)
        Strength and standard deviation of the fringe that they were fitted with, image px^2.
    """
    chosen = np.flatnonzero((group.blur < SMALL) & np.isfinite(group.parameters[:, EDGE]))
    if not len(chosen):
        return np.zeros(0)
    g = group.take(chosen)
    radius = g.radius.mean(axis=1) * binning
    fringe, fringe_sd = (strength / radius**2 for strength in any_fringe_px2)
    level, weight = g.level.astype(np.float64), g.weight.astype(np.float64)
    profiles = RadialProfiles(g.step, level, weight, True, g.blur, g.blur_sd, fringe, fringe_sd)
    general, plain = fit_general(profiles, g.parameters), fit_plain(profiles, np.full_like(g.parameters, np.nan))
    return np.asarray(plain.chi2 - general.chi2 - _MORE * np.log(np.maximum(general.bins, 1.0)))


def are_plain(looks: Sequence[FloatArray]) -> bool:
    """Return whether the bodies of a movie are plain, from the `plain_evidence` of outlines in some of its frames.

    >>> plain, cored = np.full(6, -8.0), np.array([-9.0, 400.0, 7.0])
    >>> are_plain([plain, plain]), are_plain([plain, plain, cored]), are_plain([plain])
    (True, False, False)
    """
    seen = np.concatenate([np.zeros(0), *looks])
    return len(seen) >= _ENOUGH and bool(seen.sum() < 0)
