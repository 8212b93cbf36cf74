"""How far the background alone bears a drift out, where particles take part in finding it.

Particles that grow may agree with each other and still be wrong: what they do together looks like drift. The
background is what stays, so an uncertainty that particles have helped to make small is only as good as the background
can confirm. Three things are known of that, and go into the stated uncertainty:

- how well the background alone, over the frames of a block (growth is slow), would have found the drift;
- by how much it disagrees with what was found, block by block;
- where its share of the say is so small that it cannot arbitrate, by how much the refined path and the rough one, found
  from neighbour to neighbour, disagree.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tem_track.movie import FloatArray

# With this share of the say the background holds the path: 0.2 to 0.8 on simulated movies that register well, 0.01 to
# 0.13 on those whose particles stand on bare vacuum or on next to nothing.
SHARE_THAT_HOLDS = 0.2


def unconfirmed(
    score: FloatArray, curvature: FloatArray, weight: FloatArray, groups: Sequence[Sequence[int]], step: FloatArray
) -> FloatArray:
    """Return the uncertainty (T,) px that the background leaves open; NaN for frames in no group.

    Parameters
    ----------
    score, curvature : (T, n, 2), (T, n, 2, 2) float64
        Votes of the n tiles of the background alone.
    weight : (B, 2 n) float64
        Weights of the tiles in every block of frames, background tiles first.
    groups : sequence of B sequences of int
        Frames of every block.
    step : (T, 2) float64
        The step that background and particles took together, px.
    """
    n = score.shape[1]
    loose = np.full(len(step), np.nan)
    off = np.full(step.shape, np.nan)
    for b, group in enumerate(groups):
        if not len(group):
            continue
        frames = list(group)
        own = curvature[frames].mean(axis=0)
        inverse = np.linalg.pinv(np.einsum("n,nij->ij", weight[b, :n], own))
        alone = np.einsum("n,kni->ki", weight[b, :n], score[frames]) @ inverse
        left = weight[b, None, :n, None] * (score[frames] - np.einsum("nij,kj->kni", own, alone))
        spread = inverse @ np.einsum("kni,knj->kij", left, left) @ inverse
        variance = np.trace(spread, axis1=1, axis2=2) / 2
        loose[frames] = np.sqrt(variance.mean() / len(frames))
        off[frames] = (alone - step[frames]).mean(axis=0)
    off -= np.nanmean(off, axis=0)
    return np.asarray(np.hypot(loose, np.sqrt((off**2).sum(axis=1) / 2)))


def background_share(strength: FloatArray, weight: FloatArray) -> float:
    """Return the share of the say (0 to 1) that the background's tiles, the first half of (B, 2 n), have."""
    say = (strength * weight).sum(axis=0)
    return float(say[: len(say) // 2].sum() / max(float(say.sum()), 1e-30))


def widened(sd: FloatArray, open_px: FloatArray, share: float, path: FloatArray, rough: FloatArray) -> FloatArray:
    """Return the standard uncertainty (T,) px with what the background leaves open added.

    Parameters
    ----------
    sd, open_px : (T,) float64
        As the votes scatter, and what `unconfirmed` gave.
    share : float
        The background's share of the say.
    path, rough : (T, 2) float64
        The refined path and the one it started from, px.
    """
    apart = path - rough
    apart = np.sqrt(((apart - np.nanmean(apart, axis=0)) ** 2).sum(axis=1) / 2)
    doubt = max(0.0, 1 - share / SHARE_THAT_HOLDS)
    return np.asarray(np.sqrt(sd**2 + np.nan_to_num(open_px) ** 2 + (doubt * apart) ** 2))
