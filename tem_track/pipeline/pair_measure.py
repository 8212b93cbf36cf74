"""A few images measured one by one, registered to the first, their particles brought under one number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tem_track.drift import picture_mask
from tem_track.errors import InputError
from tem_track.movie import Image, Mask, Movie, finite
from tem_track.pair import Catalogue, Picture, Registration, Scale, Sites, kept_small, register, relative_scale
from tem_track.pipeline.measure import Measurement, measure_movie
from tem_track.pipeline.reporter import Clock, Reporter, Silence
from tem_track.read.states import State
from tem_track.segment import Outlines
from tem_track.settings import Settings

# How far round a particle its halo, its fringe and its next state may reach: of the common diameter, and px.
_HALO_SHARE, _HALO_PX = 0.08, 3
# Share of the particles' contrast at which something counts as one, and the blur that keeps noise from doing so, px.
_STRONG, _STRONG_BLUR_PX = 0.5, 2.0


@dataclass(frozen=True)
class PairedImage:
    """One image of a place.

    Attributes
    ----------
    name : str
        As the tables name it.
    state : State
    movie : Movie
        Of one frame.
    measured : Measurement
        Of the image alone.
    registration : Registration or None
        Where it lies on the first image; None where it shows nothing that another one shows.
    scale : Scale or None
        Px of the first image per px of this one, as used; None where nothing says it.
    numbers : (N,) int64
        Number of the particle of each outline, 0 for all where the image is not registered.
    turned : bool
        Its polarity is the other one than the image by itself suggests: only so it fits the others.
    """

    name: str
    state: State
    movie: Movie
    measured: Measurement
    registration: Registration | None
    scale: Scale | None
    numbers: NDArray[np.int64]
    turned: bool = False

    @property
    def outlines(self) -> Outlines:
        """Outlines of the image's particles."""
        return self.measured.outlines


def measure_images(
    movies: Sequence[Movie],
    names: Sequence[str],
    states: Sequence[State],
    settings: Settings,
    reporter: Reporter,
    clock: Clock,
) -> list[PairedImage]:
    """Return the images measured, registered to the first and numbered together.

    Parameters
    ----------
    movies : sequence of Movie
        Of one frame each; the first is the reference.
    names, states : sequences as long
    settings : Settings
    reporter : Reporter
    clock : Clock

    Raises
    ------
    InputError
        An image shows no particles, or no other image shows any that the first one shows.
    """
    looks = _Looks(movies, settings, reporter, clock)
    with clock.stage("registration"):
        choice = _all_registered(looks, reporter)
    if choice is None:
        raise InputError(_nothing_in_common(names))
    first = choice.pictures[0]
    numbers = choice.catalogue.numbers()
    return [
        PairedImage(
            names[k],
            states[k],
            movie,
            looks.measured(k, choice.turned[k]),
            choice.found.get(k),
            Scale(1.0, 0.0, "", False) if k == 0 else _scale(first, choice.pictures[k], choice.found.get(k)),
            numbers.get(k, np.zeros(len(choice.pictures[k].sites), np.int64)),
            choice.turned[k],
        )
        for k, movie in enumerate(movies)
    ]


class _Looks:
    """The images measured as they suggest themselves, and, when asked for, with the other polarity."""

    def __init__(self, movies: Sequence[Movie], settings: Settings, reporter: Reporter, clock: Clock):
        self._movies, self._settings, self._clock = movies, settings, clock
        self._found: dict[tuple[int, bool], tuple[Measurement, Picture] | None] = {}
        report = reporter.stage("measuring images", len(movies))
        for k in range(len(movies)):
            self._found[k, False] = self._looked_at(k, settings)
            report(k + 1, len(movies))

    def __len__(self) -> int:
        return len(self._movies)

    @property
    def free(self) -> bool:
        """Whether the user leaves the polarity open."""
        return self._settings.segment.polarity == "auto"

    def measured(self, k: int, turned: bool) -> Measurement:
        """Return the measurement of an image that has one."""
        found = self._found[k, turned]
        assert found is not None
        return found[0]

    def picture(self, k: int, turned: bool) -> Picture | None:
        """Return an image to be registered; None where the other polarity shows no particles."""
        if (k, turned) not in self._found:
            own = self.measured(k, False).appearance.polarity
            segment = replace(self._settings.segment, polarity="bright" if own == "dark" else "dark")
            try:
                self._found[k, turned] = self._looked_at(k, replace(self._settings, segment=segment))
            except InputError:
                self._found[k, turned] = None
        found = self._found[k, turned]
        return None if found is None else found[1]

    def _looked_at(self, k: int, settings: Settings) -> tuple[Measurement, Picture]:
        """Return an image measured and ready to be registered; of its pixels only a small picture is kept."""
        measured = measure_movie(self._movies[k], settings, Silence(), self._clock)
        picture = kept_small(_picture(self._movies[k], measured))
        return replace(measured, fixed=np.zeros((0, 0), np.bool_)), picture

    def confidence(self, k: int, turned: bool) -> float:
        """Return how much an image itself speaks for this polarity, negative against it."""
        own = self.measured(k, False).appearance.polarity_confidence
        return -own if turned else own


@dataclass(frozen=True)
class _Choice:
    """Images registered, each with a polarity."""

    pictures: list[Picture]
    turned: list[bool]
    found: dict[int, Registration]
    catalogue: Catalogue


def _all_registered(looks: _Looks, reporter: Reporter) -> _Choice | None:
    """Return the images registered as they suggest themselves; None where one cannot be and polarities are open.

    What one image adds to the catalogue may help another.
    """
    report = reporter.stage("registering images", len(looks) - 1)
    pictures = [picture for k in range(len(looks)) if (picture := looks.picture(k, False)) is not None]
    catalogue = Catalogue(pictures[0].sites)
    found: dict[int, Registration] = {}
    before = -1
    while before < len(found) < len(looks) - 1:
        before = len(found)
        for k in sorted(set(range(1, len(looks))) - set(found)):
            registration = register(replace(pictures[0], sites=catalogue.sites), pictures[k])
            if registration is not None and len(registration.image):
                found[k] = registration
                catalogue.add(k, pictures[k].sites, registration)
                report(len(found), len(looks) - 1)
    if len(found) < len(looks) - 1 and looks.free:
        other = _with_other_polarities(looks)
        if other is not None and len(other.found) > len(found):
            return other
    return _Choice(pictures, [False] * len(looks), found, catalogue) if found else None


def _with_other_polarities(looks: _Looks) -> _Choice | None:
    """Return the images registered with the polarities that fit together and that the images speak for most.

    In bright field on a lacey film a single image may show its holes as bright particles; another image that knows
    better settles it.
    """
    if not looks.free:
        return None
    ranked = []
    for first in (False, True):
        choice = _registered_to(looks, first)
        if choice is not None:
            said = sum(looks.confidence(k, choice.turned[k]) for k in (0, *choice.found))
            ranked.append(((len(choice.found), said), choice))
    return max(ranked, key=lambda entry: entry[0])[1] if ranked else None


def _registered_to(looks: _Looks, first: bool) -> _Choice | None:
    """Return every image registered to one look of the first, with the polarity that it itself speaks for if it can."""
    reference = looks.picture(0, first)
    if reference is None:
        return None
    catalogue = Catalogue(reference.sites)
    pictures, turned, found = [reference], [first], {}
    for k in range(1, len(looks)):
        pictures.append(looks.picture(k, False) or reference)
        turned.append(False)
        for other in (False, True):
            picture = looks.picture(k, other)
            if picture is None:
                continue
            registration = register(replace(reference, sites=catalogue.sites), picture)
            if registration is not None and len(registration.image) and registration.confirmed_by != "nothing":
                pictures[k], turned[k], found[k] = picture, other, registration
                catalogue.add(k, picture.sites, registration)
                break
    return _Choice(pictures, turned, found, catalogue) if found else None


def _picture(movie: Movie, measured: Measurement) -> Picture:
    outlines = measured.outlines
    diameter = 2 * np.sqrt(outlines.area_px / np.pi)
    sites = Sites(np.stack([outlines.y_px, outlines.x_px], axis=1), diameter, ~outlines.touches_border)
    frame = finite(movie.frames[0])
    reach = _HALO_PX + round(_HALO_SHARE * float(np.median(diameter)))
    sign = -1 if measured.appearance.polarity == "dark" else 1
    hidden = _grown((measured.labels[0] > 0) | _as_strong(frame, measured, sign), reach)
    hidden |= _grown(measured.fixed | ~picture_mask(frame), _HALO_PX)
    return Picture(frame, hidden, sign, sites, movie.calibration.pixel_size_nm)


def _as_strong(frame: Image, measured: Measurement, sign: int) -> Mask:
    """Return what stands out as particles do: slivers at the border, and ones that were not found, swell as well."""
    appearance = measured.appearance
    smooth = cv2.GaussianBlur(frame, (0, 0), _STRONG_BLUR_PX)
    return np.asarray(sign * (smooth - appearance.background) > _STRONG * appearance.contrast)


def _grown(mask: Mask, reach: int) -> Mask:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disc) > 0)


def _scale(first: Picture, image: Picture, registration: Registration | None) -> Scale | None:
    if registration is None:
        return None
    stated = None
    if first.pixel_size_nm is not None and image.pixel_size_nm is not None:
        stated = image.pixel_size_nm / first.pixel_size_nm
    found = None if registration.found_on == "nothing" else registration.similarity.scale
    return relative_scale(found, registration.log_scale_sd, registration.found_on, stated)


def _nothing_in_common(names: Sequence[str]) -> str:
    others = names[1] if len(names) == 2 else f"the {len(names) - 1} other images"
    return (
        f"{names[0]} and {others}: no particles in common: neither their arrangement nor what lies between them fits, "
        "at any scale or rotation"
    )
