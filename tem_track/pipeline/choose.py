"""Which analysis a movie gets: separate particles, or the front in a film that fills the field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tem_track.movie import Movie
from tem_track.pipeline.request import check_analyses
from tem_track.pipeline.survey import Survey
from tem_track.segment import ParticleEvidence, particle_evidence
from tem_track.settings import Settings

# Particles explain this share of the contrast (times how much they look like particles): 0.48 to 0.9 on simulated and
# real particle movies, 0.43 at most on lamellae.
_PARTICLES_EXPLAIN = 0.45
# A grain or two far brighter or darker than the rest of a film explain up to 0.65. They still differ from the others by
# less than a third, and the others differ among themselves, which no background does: 20 simulated lamellae reach 0.35
# and 5.6; particles in bright field on holey carbon begin at 0.43, on plain supports at 9 spreads.
_GRAIN_RELATIVE, _GRAIN_CONTRAST = 0.38, 7.0
# Less than this share of their area in whole particles: a strip cut by the edge; particle movies have 0.5 and more.
_LEAST_WHOLE = 0.2
# Without a temperature a film must be plain: packed particles and colloids explain 0.24 to 0.4 of the contrast.
_FILM_EXPLAINS, _FILM_CONTRAST, _FILM_LIKE = 0.35, 3.6, 0.85
# A front needs time: fewer usable frames than this give images of particles at best.
_FEWEST_FRAMES = 8
# Frames looked at, from the start: before anything changed.
_LOOKED_AT = 3


@dataclass(frozen=True)
class Choice:
    """What is analysed, and why.

    Attributes
    ----------
    particles, front : bool
    reason : str
        In words, for the user.
    growth : bool
        Objects that grow within a matrix, and nothing else.
    """

    particles: bool
    front: bool
    reason: str
    growth: bool = False


def choose_analysis(movie: Movie, survey: Survey, settings: Settings, labels_given: bool = False) -> Choice:
    """Return which analysis a movie gets: what the user said, or by what its first frames show.

    Raises
    ------
    SettingsError
        Objects that grow are asked for together with another analysis or with label images.
    """
    check_analyses(settings, labels_given)
    objects = settings.analysis.objects
    if objects != "none":
        return Choice(
            False, False, f"objects that become {objects}er than what was there before: set by the user", True
        )
    asked = settings.analysis.what
    if asked != "auto":
        return Choice(asked in ("particles", "both"), asked in ("front", "both"), "set by the user")
    if labels_given:
        return Choice(True, False, "particles: label images are given")
    if settings.segment.polarity != "auto":
        return Choice(True, False, "particles: their polarity is given")
    usable = np.flatnonzero(survey.quality.usable)
    if len(usable) < _FEWEST_FRAMES:
        return Choice(True, False, "particles: too few frames for a front")
    seen = particle_evidence([survey.frames[int(k)] for k in usable[:_LOOKED_AT]], survey.fixed)
    words = f"particles on a background explain {seen.explained:.0%} of the contrast of the first frames"
    if _is_film(seen, movie.temperatures_c is not None):
        return Choice(False, True, f"front: the frames show a film that fills the field ({words})")
    return Choice(True, False, f"particles: {words}")


def _is_film(seen: ParticleEvidence, heated: bool) -> bool:
    share = seen.like * seen.explained
    # What stands on lacey carbon explains little beside the carbon's own contrast; grains that look like it are grains.
    if seen.support and seen.relative >= _GRAIN_RELATIVE:
        return False
    if heated:
        odd_grain = seen.relative < _GRAIN_RELATIVE and seen.contrast < _GRAIN_CONTRAST
        return share < _PARTICLES_EXPLAIN or odd_grain or seen.whole < _LEAST_WHOLE
    return share < _FILM_EXPLAINS and seen.contrast < _FILM_CONTRAST and seen.like < _FILM_LIKE
