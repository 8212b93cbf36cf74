"""The background under the particles: film, strands, vacuum and shading carried on beneath each particle."""

from __future__ import annotations

import cv2
import numpy as np

from tem_track.movie import Image, Mask


def filled_in(picture: Image, hidden: Mask) -> Image:
    """Return a (Y, X) picture with the hidden pixels filled from around them, near pixels weighing most.

    Strategy: pull-push. The known pixels are averaged into ever smaller pictures until everything is known, then the
    unknown ones are filled from the smaller picture on the way back; wide gaps are bridged smoothly, a strand is
    carried on for about its own width.

    References
    ----------
    Gortler et al., The lumigraph, SIGGRAPH 1996, doi:10.1145/237170.237200, section 3.4.
    """
    known = (~hidden).astype(np.float32)
    return _filled(picture * known, known)


def _filled(total: Image, weight: Image) -> Image:
    if min(total.shape) < 3 or weight.min() >= 1.0:
        return np.divide(total, weight, out=np.full_like(total, _mean(total, weight)), where=weight > 0)
    coarse_total, coarse_weight = cv2.pyrDown(total), cv2.pyrDown(weight)
    # A pixel is known once a quarter of what it stands for is: more makes the fill blotchy, less makes it flat.
    enough = np.maximum(coarse_weight, np.float32(0.25))
    coarse = _filled(coarse_total / enough, coarse_weight / enough)
    wide = cv2.pyrUp(coarse, dstsize=(total.shape[1], total.shape[0]))
    return total + (1 - weight) * wide  # type: ignore[no-any-return]


def _mean(total: Image, weight: Image) -> np.float32:
    whole = weight.sum(dtype=np.float64)
    return np.float32(total.sum(dtype=np.float64) / whole if whole > 0 else 0.0)
