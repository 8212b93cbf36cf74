"""Where one image lies in another, and how sure that is.

Strategy. The particles' constellation gives a few guesses; each is sharpened on the support between the particles and
judged by both: matches beyond chance, or a support that is the same beyond doubt. Where no guess stands, marks in the
picture give others. Two images with nothing but one particle each can only be taken at the user's word, and say so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tem_track.movie import FloatArray, Mask
from tem_track.pair.anchored import similarities_from_anchors
from tem_track.pair.constellation import constellations, lay_on
from tem_track.pair.features import similarities_from_features
from tem_track.pair.similarity import Similarity, fit_similarity
from tem_track.pair.sites import Picture, Sites
from tem_track.pair.support import SupportFit, fit_support

# A calibrated scale is believed so far at first: exp(0.25), 28 % either way; then every scale is tried.
BELIEVED_LOG_SCALE = 0.25
# Particles scattered at random match as well in one of a hundred pairs of images.
SURE_LOG10 = -2.0
# How far the centroid of a particle strays as it swells, in diameters: growth is never quite even. Worth this many
# measured residuals.
STRAY, STRAY_WEIGHT = 0.015, 2.0
# A gap between particles that do not touch, over their mean diameter, and how many such tell the scale by themselves.
GAP, ENOUGH_ALONE = 0.1, 3
# Two scales agree within this many of their standard uncertainties.
AGREE = 2.5
# No registration on the support is better than this (astigmatism, distortion of the projector lenses: 0.1 %).
LEAST_LOG_SCALE_SD = 0.001


@dataclass(frozen=True)
class Registration:
    """How an image lies on the reference.

    Attributes
    ----------
    similarity : Similarity
        From px of the image to px of the reference.
    log_scale_sd : float
        Standard uncertainty of ln(scale); NaN where the scale is only stated, not found.
    found_on : str
        ``"support"``, ``"particles"`` or ``"nothing"``.
    reference, image : (M,) intp
        Rows of the particles that are the same.
    residual_px : float
        Root mean square distance between matched whole particles, reference px; NaN without any.
    log10_chance : float
        Logarithm of how often particles at random would match as well; NaN where that was not asked.
    support_correlation : float
        Of the support between the particles; NaN where there is too little.
    support_same : bool
        Whether the support is the same beyond doubt.
    """

    similarity: Similarity
    log_scale_sd: float
    found_on: str
    reference: NDArray[np.intp]
    image: NDArray[np.intp]
    residual_px: float
    log10_chance: float
    support_correlation: float
    support_same: bool

    @property
    def confirmed_by(self) -> str:
        """What says that the two images show one place: particles, support, both, or nothing."""
        words = ["particles"] if self.log10_chance < SURE_LOG10 else []
        words += ["support"] if self.support_same else []
        return " + ".join(words) or "nothing"


@dataclass(frozen=True)
class _Guess:
    """A start and what came of it."""

    similarity: Similarity
    log10_chance: float
    support: SupportFit | None

    @property
    def same_support(self) -> bool:
        return self.support is not None and self.support.same

    @property
    def stands(self) -> bool:
        return self.log10_chance < SURE_LOG10 or self.same_support

    @property
    def rank(self) -> tuple[float, ...]:
        """Better guesses have larger ones: support that is the same counts as ten thousand to one."""
        out = self.support.stands_out if self.support is not None else 0.0
        return (-min(self.log10_chance, 0.0) + (4.0 if self.same_support else 0.0), out)


def register(reference: Picture, image: Picture) -> Registration | None:
    """Return how an image lies on the reference, None where they have nothing in common.

    Parameters
    ----------
    reference, image : Picture
        The reference's sites may hold particles that only other images showed, in its own px.
    """
    best: _Guess | None = None
    for guess in _guesses(reference, image):
        if guess.stands and (best is None or guess.rank > best.rank):
            best = guess
        if best is not None and best.same_support:
            break
    if best is None:
        return _one_each(reference, image)
    return _finished(best, reference.sites, image.sites)


def _guesses(reference: Picture, image: Picture) -> Iterator[_Guess]:
    """Yield guesses from particles with the stated scale believed, with any scale, then from marks."""
    stated = stated_log_scale(reference, image)
    ways = [None] if stated is None else [(stated, BELIEVED_LOG_SCALE), None]
    stood = False
    for log_scale in ways:
        for found in constellations(reference.sites, image.sites, log_scale):
            guess = _Guess(found.similarity, found.log10_chance, fit_support(reference, image, found.similarity))
            stood |= guess.stands
            yield guess
        if stood:
            return
    for similarity in (
        *similarities_from_anchors(reference, image, stated),
        *similarities_from_features(reference, image),
    ):
        yield _Guess(similarity, 0.0, fit_support(reference, image, similarity))


def stated_log_scale(reference: Picture, image: Picture) -> float | None:
    """Return ln(pixel size of the image over that of the reference), None where one of them is not stated."""
    if reference.pixel_size_nm is None or image.pixel_size_nm is None:
        return None
    return float(np.log(image.pixel_size_nm / reference.pixel_size_nm))


def _finished(guess: _Guess, reference: Sites, image: Sites) -> Registration:
    """Return the registration of the best guess, its particles matched once more."""
    start = guess.support.similarity if guess.support is not None and guess.same_support else guess.similarity
    rows, columns = lay_on(start, reference, image)
    whole = reference.whole[rows] & image.whole[columns]
    similarity, sd, found_on = _sharpest(guess, _fit_whole(start, reference, image, rows[whole], columns[whole]))
    away = np.hypot(*(reference.yx_px[rows] - similarity.apply(image.yx_px[columns])).T)[whole]
    return Registration(
        similarity,
        sd,
        found_on,
        rows,
        columns,
        float(np.sqrt(np.mean(away**2))) if len(away) else float("nan"),
        guess.log10_chance,
        guess.support.correlation if guess.support is not None else float("nan"),
        guess.same_support,
    )


def _sharpest(guess: _Guess, particles: tuple[Similarity, float]) -> tuple[Similarity, float, str]:
    """Return similarity, standard uncertainty of ln(scale), and what they stand on.

    The one with the smaller uncertainty, unless they disagree: what was found on particles that touch is then wrong, or
    a support that fits several ways; the constellation, matched beyond chance, is believed first.
    """
    fitted, sd = particles
    if guess.support is None or not guess.same_support:
        return fitted, sd, "particles"
    support_sd = max(guess.support.log_scale_sd, LEAST_LOG_SCALE_SD)
    apart = abs(float(np.log(fitted.scale / guess.support.similarity.scale)))
    agree = apart < AGREE * float(np.hypot(sd, support_sd))
    sharper = sd < support_sd if agree else guess.log10_chance < SURE_LOG10
    if np.isfinite(sd) and sharper:
        return fitted, max(sd, LEAST_LOG_SCALE_SD), "particles"
    return guess.support.similarity, support_sd, "support"


def _fit_whole(
    similarity: Similarity, reference: Sites, image: Sites, rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> tuple[Similarity, float]:
    """Return the similarity of whole particles alone and the standard uncertainty of ln(scale).

    Particles that touch push each other apart as they swell: they count only where there are too few others.
    """
    free = alone(reference)[rows] & alone(image)[columns]
    if int(free.sum()) >= ENOUGH_ALONE:
        rows, columns = rows[free], columns[free]
    if len(rows) < 2:
        return similarity, float("nan")
    fitted = fit_similarity(image.yx_px[columns], reference.yx_px[rows], None, similarity.mirrored)
    places = fitted.apply(image.yx_px[columns])
    return fitted, log_scale_sd(reference.yx_px[rows] - places, places, reference.diameter_px[rows])


def alone(sites: Sites) -> Mask:
    """Return which particles (N,) touch no other: a gap of a tenth of their mean diameter lies between."""
    away = np.hypot(*(sites.yx_px[:, None, :] - sites.yx_px[None, :, :]).transpose(2, 0, 1))
    mean = 0.5 * (sites.diameter_px[:, None] + sites.diameter_px[None, :])
    np.fill_diagonal(away, np.inf)
    return np.asarray((away > (1 + GAP) * mean).all(axis=1))


def log_scale_sd(residual_px: FloatArray, places_px: FloatArray, diameter_px: FloatArray) -> float:
    """Return the standard uncertainty of ln(scale) of a similarity fitted to points.

    Parameters
    ----------
    residual_px, places_px : (M, 2) float64
    diameter_px : (M,) float64

    Notes
    -----
    With one variance per axis sigma^2 the slope's is sigma^2 / sum |q - mean|^2. Few residuals say little about sigma:
    what particles stray as they swell counts as a few more.
    """
    stray = STRAY * float(np.median(diameter_px))
    freedom = 2 * len(residual_px) - 4
    variance = (float((residual_px**2).sum()) + STRAY_WEIGHT * stray**2) / (freedom + STRAY_WEIGHT)
    spread = float(((places_px - places_px.mean(axis=0)) ** 2).sum())
    return float(np.sqrt(variance / spread)) if spread > 0 else float("nan")


def _one_each(reference: Picture, image: Picture) -> Registration | None:
    """Return the registration of one particle on one, by the stated scale and the user's word; None otherwise."""
    stated = stated_log_scale(reference, image)
    if stated is None or len(reference.sites) != 1 or len(image.sites) != 1:
        return None
    scale = float(np.exp(stated))
    dy, dx = reference.sites.yx_px[0] - scale * image.sites.yx_px[0]
    one = np.zeros(1, np.intp)
    return Registration(
        Similarity(scale, 0.0, (float(dy), float(dx))), float("nan"), "nothing", one, one, 0.0, float("nan"),
        float("nan"), False,
    )  # fmt: skip
