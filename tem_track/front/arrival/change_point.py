"""How likely a pixel changed at each moment: the evidence of its own grey values, before neighbours are asked.

Before the change a pixel keeps its level. At the change it falls within a few frames; behind the front it goes on
darkening ever more slowly. Both sides are integrated out in closed form (all is linear with normal priors): the level
before is that of the first frames, the level behind and its slow part have wide priors around what degraded specimens
show. A second, narrow prior close to no change at all stands for places that hardly darken, so that they speak neither
for nor against a moment and leave it to their neighbours. A plain step would come late: it takes part of the slow
darkening for the change.

References
----------
Fearnhead 2006, doi:10.1007/s11222-006-8450-8 (marginal likelihood of change points in linear models).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tem_track.movie import Image

# Ratio from frame to frame of what is left of the slow darkening: 1/e in 20 frames. The evidence hardly depends on it.
SLOW_RATIO = 0.95
# Deviation of the level before from that of the first frames that illumination and registration leave.
BEFORE_SD = 0.02
# Log likelihood of what cannot be.
IMPOSSIBLE = -60.0
# Share of the pixels that hardly darken. While the slow darkening has not run its course (20 samples), a place that has
# just begun to fall would pass for one of these, and to have changed a little would be no worse than not to have
# changed at all: they are given less weight then.
FAINT_SHARE, FAINT_SHARE_AT_END, SHOWN_BEHIND = 0.5, 0.2, 20.0


@dataclass(frozen=True)
class _Behind:
    """Prior of the relative level behind the front: final level and slow part, mean and deviation each."""

    level: float
    level_sd: float
    slow: float
    slow_sd: float


# A degraded lamella keeps 0.45 to 0.99 of its level and a few per cent of the fall are slow.
_USUAL = _Behind(-0.25, 0.13, 0.06, 0.05)
_FAINT = _Behind(-0.03, 0.03, 0.01, 0.02)


def change_evidence(
    values: Image,
    weight: Image,
    noise: float | Image,
    *,
    before_sd: float = BEFORE_SD,
    before_count: Image | None = None,
    before_total: Image | None = None,
) -> Image:
    """Return the log likelihood of a change just before each sample over that of no change, (K, y, x).

    Parameters
    ----------
    values : (K, y, x) float32
        Level relative to the first frames, 0 = unchanged; 0 where not seen.
    weight : (K, y, x) float32
        1 where seen, 0 where not.
    noise : float or (y, x) float32
        Standard deviation of a sample.
    before_sd : float
        Deviation of the level before the change from 0.
    before_count, before_total : (y, x) float32, optional
        Number and sum of earlier samples that all lie before any candidate.

    Notes
    -----
    A change before the first sample cannot be told from a level that was always so: entry 0 is as unlikely as can be.
    """
    start_count = np.zeros(values.shape[1:], np.float32) if before_count is None else before_count
    start_total = np.zeros(values.shape[1:], np.float32) if before_total is None else before_total
    precision = np.asarray(1 / np.square(noise), dtype=np.float32)
    all_count, all_total = weight.sum(axis=0) + start_count, values.sum(axis=0) + start_total
    never = _constant(all_count, all_total, precision, before_sd)
    evidence = np.empty(values.shape, np.float32)
    evidence[0] = IMPOSSIBLE
    # Sums over the samples from each candidate on, taken from the last one back.
    count, total, slow_count, slow_total, slow_square = (np.zeros(values.shape[1:], np.float32) for _ in range(5))
    for a in range(len(values) - 1, 0, -1):
        count += weight[a]
        total += values[a]
        slow_total = values[a] + np.float32(SLOW_RATIO) * slow_total
        slow_count = weight[a] + np.float32(SLOW_RATIO) * slow_count
        slow_square = weight[a] + np.float32(SLOW_RATIO**2) * slow_square
        sums = (count, total, slow_count, slow_total, slow_square)
        usual, faint = (_behind(sums, precision, prior) for prior in (_USUAL, _FAINT))
        # log((1 - share) e^usual + share e^faint), without overflow.
        share = np.where(count < SHOWN_BEHIND, np.float32(FAINT_SHARE_AT_END), np.float32(FAINT_SHARE))
        usual += np.log1p(-share)
        faint += np.log(share)
        behind = np.maximum(usual, faint) + np.log1p(np.exp(-np.abs(usual - faint)))
        evidence[a] = _constant(all_count - count, all_total - total, precision, before_sd) + behind - never
    return evidence


def _constant(count: Image, total: Image, precision: Image, deviation: float) -> Image:
    """Return the log likelihood of a level close to that of the first frames over one equal to it."""
    prior = np.float32(1 / deviation**2)
    known = prior + count * precision
    return np.asarray(0.5 * (total * precision) ** 2 / known - 0.5 * np.log(known / prior), dtype=np.float32)


def _behind(sums: tuple[Image, Image, Image, Image, Image], precision: Image, prior: _Behind) -> Image:
    """Return the log likelihood of the samples behind the front over that of an unchanged level.

    The two coefficients (level, slow part) have normal priors; the matrix of their precision is 2 x 2.
    """
    count, total, slow_count, slow_total, slow_square = sums
    level_weight, slow_weight = np.float32(1 / prior.level_sd**2), np.float32(1 / prior.slow_sd**2)
    a = level_weight + count * precision
    b = slow_count * precision
    d = slow_weight + slow_square * precision
    determinant = a * d - b * b
    h = level_weight * np.float32(prior.level) + total * precision
    s = slow_weight * np.float32(prior.slow) + slow_total * precision
    square = (d * h * h - 2 * b * h * s + a * s * s) / determinant
    at_prior = np.float32(prior.level**2) * level_weight + np.float32(prior.slow**2) * slow_weight
    return np.asarray(
        0.5 * (square - at_prior) - 0.5 * np.log(determinant / (level_weight * slow_weight)), dtype=np.float32
    )
