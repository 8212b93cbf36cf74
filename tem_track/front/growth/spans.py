"""From when to when each pixel belongs to an object: the span of frames whose evidence is largest.

Strategy: the evidence of a frame is how far a pixel stands above half way between its level before and the object's.
Its sum over a span is largest for the span in which the pixel belonged to the object (the maximum-likelihood pair of
change points for normal noise). Kadane's algorithm finds it frame by frame with a few numbers per pixel, so no frame is
kept. A pixel that belongs to the object until the movie ends has one change point; an earlier end must earn itself.
"""

from __future__ import annotations

import numpy as np

from tem_track.movie import Image, Mask

# Evidence of one frame is cut off here, in units of the rise: a bright spot is not worth many frames.
_MOST_EVIDENCE = 1.5
# Evidence with noise s drifts by -1/2 a frame where there is no object; that such a walk ever climbs by x has the
# chance exp(-x / s^2) (Doob's inequality for exp(x / s^2)): below one in ten thousand here.
_CHANCE = 9.2
# On an outline that stands still the evidence is a walk without drift, and the best of its ends is above 0.67 s sqrt(n)
# after n frames in half of the cases (reflection principle): with that bar half of the outline's pixels are inside.
# Outlines stand still for about a quarter of a movie.
_HALF_WALK, _STANDING_SHARE = 0.6745, 0.25
# An earlier end must bring this much more evidence than chance, that of three frames at the level before (half the rise
# each): objects seldom shrink.
_END_EARNS = 1.5


class SpanFinder:
    """Finds, pixel by pixel, the span of frames with the largest sum of evidence; give it the frames in order."""

    def __init__(self, shape: tuple[int, ...]):
        def image(value: float) -> Image:
            return np.full(shape, value, np.float32)

        # The span that ends now: its sum and start; the best span so far; and the lowest total, after which the span
        # that runs to the end begins.
        self._now, self._now_start = image(0), image(np.inf)
        self._best, self._best_start, self._best_stop = image(0), image(np.inf), image(np.inf)
        self._total, self._lowest, self._lowest_at = image(0), image(0), image(np.inf)
        self._last = -1
        self._frames = 0

    def add(self, k: int, evidence: Image) -> None:
        """Add the evidence (Y, X) of frame k: above 0 for the object, below for what was there before, 0 for unseen."""
        evidence = np.clip(evidence, -_MOST_EVIDENCE, _MOST_EVIDENCE)
        begins = self._now <= 0
        self._now_start[begins] = k
        self._now[begins] = 0
        self._now += evidence
        # While it lasts, the end of the span is not known yet: infinity.
        better = self._now > self._best
        self._best[better] = self._now[better]
        self._best_start[better] = self._now_start[better]
        self._best_stop[better] = k + 1
        waiting = ~np.isfinite(self._lowest_at)
        self._lowest_at[waiting] = k
        self._total += evidence
        lower = self._total <= self._lowest
        self._lowest[lower] = self._total[lower]
        self._lowest_at[lower] = k + 1
        self._last = k
        self._frames += 1

    def spans(self, noise: Image) -> tuple[Image, Image]:
        """Return the first frame of each pixel's span and the first frame after it, (Y, X); infinity for none.

        Parameters
        ----------
        noise : (Y, X) float32
            Standard deviation of the evidence of one frame.
        """
        walk = np.float32(_HALF_WALK * np.sqrt(_STANDING_SHARE * self._frames))
        chance = np.maximum(np.float32(_CHANCE) * noise, walk) * noise
        to_end = self._total - self._lowest
        ended = self._best > to_end + _END_EARNS + chance
        start = np.where(ended, self._best_start, self._lowest_at)
        stop = np.where(ended, self._best_stop, np.float32(np.inf))
        nothing = np.where(ended, self._best, to_end) <= chance
        start[nothing] = np.inf
        return start, stop


def evidence(image: Image, seen: Mask, before: Image, rise: Image) -> Image:
    """Return how far each pixel stands above half of its rise, in units of that rise; 0 where it is not seen."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (image - before) / rise - np.float32(0.5)
    return np.where(seen & (rise > 0) & np.isfinite(found), found, np.float32(0))
