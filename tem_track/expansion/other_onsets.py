"""When the other particles of a movie began: what that says of one whose own curve cannot tell.

A slow first stage that begins in the first rows looks as if it had begun before the movie: within its noise a few level
rows are as good as none. But the particles of one movie lie in one cell under one bias, and where the level start of
all the others is seen, this one hardly reacted before. Strategy: the others' onsets, each with its own error, are taken
as draws from one distribution of unknown mean and spread; what it predicts for one more particle is the prior of the
onset that the curve leaves open, beside the possibility that the particle had begun before the movie.

References
----------
R. DerSimonian, N. Laird, Control. Clin. Trials 7 (1986) 177, https://doi.org/10.1016/0197-2456(86)90046-2 (spread of
values that have errors of their own); J. P. T. Higgins, S. G. Thompson, D. J. Spiegelhalter, J. R. Stat. Soc. A 172
(2009) 137, https://doi.org/10.1111/j.1467-985X.2008.00552.x (what they predict for one more: Student's t).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tem_track.movie import FloatArray

# Two values are the fewest that have a spread.
FEWEST_OTHERS = 2


@dataclass(frozen=True)
class OtherOnsets:
    """What the other particles' onsets predict for one more.

    Attributes
    ----------
    mean_s, scale_s : float
        Centre and scale of the prediction, s.
    freedom : int
        Degrees of freedom of its Student's t distribution.
    begun_share : float
        Probability that a particle of this movie had begun before it.
    """

    mean_s: float
    scale_s: float
    freedom: int
    begun_share: float

    def scaled(self, begin_s: float, span_s: float) -> OtherOnsets:
        """Return the same in a time that runs from 0 to 1 over `span_s` from `begin_s` on."""
        return replace(self, mean_s=(self.mean_s - begin_s) / span_s, scale_s=self.scale_s / span_s)

    def density(self, times_s: FloatArray) -> FloatArray:
        """Return the density of the onset at given times, per s, for a particle that did not begin before; (N,)."""
        from scipy.special import gammaln

        n = self.freedom
        log_factor = gammaln((n + 1) / 2) - gammaln(n / 2) - 0.5 * np.log(n * np.pi)
        away = (times_s - self.mean_s) / self.scale_s
        return np.asarray(np.exp(log_factor - (n + 1) / 2 * np.log1p(away**2 / n)) / self.scale_s)

    def before(self, first_s: float) -> float:
        """Return the probability that a particle had begun before a time."""
        from scipy.special import stdtr

        tail = float(stdtr(self.freedom, (first_s - self.mean_s) / self.scale_s))
        return self.begun_share + (1 - self.begun_share) * tail


def other_onsets(onsets_s: Sequence[float], sds_s: Sequence[float], unseen: int, least_s: float) -> OtherOnsets | None:
    """Return what the others' onsets predict, None of fewer than two.

    Parameters
    ----------
    onsets_s, sds_s : sequences of float
        Onsets that were seen and their standard uncertainties, s.
    unseen : int
        Other particles whose onset was not seen.
    least_s : float
        Time between frames, s: onsets are not compared more finely than that.

    Returns
    -------
    OtherOnsets or None

    Notes
    -----
    The prediction's own tail holds onsets before the movie. Particles whose onset is not seen either may be a
    population of their own that had begun before: b of them beside n make that share b / (n + b), so that a few onsets
    seen by chance in a movie that came too late do not decide for the rest.
    """
    known = np.isfinite(onsets_s) & np.isfinite(sds_s)
    onsets, sds = np.asarray(onsets_s, float)[known], np.asarray(sds_s, float)[known]
    n = len(onsets)
    if n < FEWEST_OTHERS:
        return None
    variances = sds**2 + least_s**2 / 12
    weights = 1 / variances
    mean = float(weights @ onsets / weights.sum())
    excess = float(weights @ (onsets - mean) ** 2) - (n - 1)
    spread = max(excess, 0.0) / float(weights.sum() - (weights**2).sum() / weights.sum())
    weights = 1 / (variances + spread)
    mean = float(weights @ onsets / weights.sum())
    scale = float(np.sqrt(spread + 1 / weights.sum() + least_s**2))
    return OtherOnsets(mean, scale, n - 1, unseen / (n + unseen))
