"""What particles look like in a movie, learnt from a few of its frames: polarity, contrast, sizes, noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tem_track.movie import Frames, Image, Mask, finite
from tem_track.segment.candidates import (
    Patches,
    Working,
    closed_pixels,
    common,
    diameter,
    gradient_noise,
    noise_of,
    particles,
    patches,
    smoothed,
    weighted_quantile,
    working_picture,
)
from tem_track.segment.finer import FINER, FinerPicture, twice_as_fine
from tem_track.segment.levels import Region
from tem_track.segment.mesh import Support, covered_share
from tem_track.segment.pieces import single_particles
from tem_track.settings import SegmentSettings

# Frames looked at: enough to see the particles before and after they change.
SAMPLED_FRAMES = 7
# Longest side of the picture that is looked at first, and of the part looked at when particles are small.
FIRST_SIDE_PX = 512
# Working pixels across a common particle, and across a small one: 40 keep the outline to 1 % of the diameter.
COMMON_ACROSS_PX = 26.0
SMALL_ACROSS_PX = 12.0
# Longest side that a working picture has at least, and where the contrast is so many times the noise: touching
# particles are then parted better, at more noise worse.
LEAST_SIDE_PX, LEAST_CLEAR_SIDE_PX, CLEAR_PICTURE = 112, 160, 50.0
# Smallest patch sought, px of the working picture: 5 across.
LEAST_AREA_PX = 20.0
# Smoothing leaves the noise at this share of the contrast of the picture.
NOISE_OF_CONTRAST = 0.06
SMOOTHING_PX = (0.8, 1.2, 1.8, 2.7, 4.0)
# Share of the outline along the border of a disc cut in half, and of a field between borders and material. Where the
# strongest patches have more of the latter, they are what lies between the particles, or show too little of themselves.
HALF_CUT, FIELD_CUT = 0.4, 0.6
# Where what weighs more looks as little like particles as this, and the other polarity this much like them, the weight
# is that of the gaps in a packed layer, or of what the layer leaves at the border.
NO_PARTICLES, PARTICLES = 0.3, 0.5
# Only outlines with this contrast against the noise speak for a polarity.
CLEAR_OF_NOISE = 8.0
# A patch of which this share lies in the holes of a support of the other polarity is what shows through it.
BEHIND = 0.5
# Particles smaller than this against the common diameter are specks; larger than this many times are something else.
SPECK, GIANT = 0.22, 5.0


Part = TypeVar("Part", Image, Mask)


@dataclass(frozen=True)
class Appearance:
    """What particles look like in a movie; all that `segment_frame` needs besides the frame.

    Attributes
    ----------
    polarity : str
        ``"dark"`` or ``"bright"``: particles against their surroundings.
    polarity_confidence : float
        0 (a toss-up) to 1 (nothing of the other polarity seen).
    polarity_reason : str
        Why, in words.
    background : float
        Median grey value of the sampled frames.
    contrast : float
        Common contrast of particles, grey value, positive.
    noise : float
        Noise of the working picture, grey value.
    edge : float
        Common edge strength, grey value per working px.
    diameter_px, min_diameter_px, max_diameter_px : float
        Common equivalent diameter of a particle and the limits kept to, image px.
    bin_px : int
        Image pixels per working pixel.
    smoothing_px : float
        Width of the Gaussian on the working picture, working px.
    particle_like : float
        0 (nothing here looks like particles) to 1 (compact, closed, far out of the noise).
    reason : str
        Why, in words.
    support : bool
        Whether the particles are on a support with holes, such as lacey carbon.
    """

    polarity: str
    polarity_confidence: float
    polarity_reason: str
    background: float
    contrast: float
    noise: float
    edge: float
    diameter_px: float
    min_diameter_px: float
    max_diameter_px: float
    bin_px: int
    smoothing_px: float
    particle_like: float
    reason: str
    support: bool = False


@dataclass(frozen=True)
class Look:
    """What was seen at one binning and one polarity; support: whether most of the pictures show one with holes."""

    working: Working
    noise: float
    found: list[Region]
    strength: float
    support: bool


def learn_appearance(
    frames: Frames,
    *,
    usable: NDArray[np.bool_] | None,
    fixed: Mask | None,
    pixel_size_nm: float | None,
    settings: SegmentSettings,
    unseen: Callable[[int], Mask] | None = None,
    seams: bool = True,
) -> Appearance:
    """Return what particles look like in a movie, from a few of its frames.

    Parameters
    ----------
    frames : Frames
        T frames of (Y, X) grey values.
    usable : (T,) bool or None
        Frames that may be looked at; None = all.
    fixed : (Y, X) bool or None
        Burned-in pixels and borders, never part of a particle.
    pixel_size_nm : float or None
        For the size limits of the settings; without it they are not applied.
    settings : SegmentSettings
    unseen : callable (frame) -> (Y, X) bool, or None
        Pixels of a frame that show nothing of the specimen, where they differ from frame to frame (`fixed` included).
    seams : bool
        Whether clusters are also parted at the dark seams in them (`segment_frame`).

    Returns
    -------
    Appearance
    """
    chosen = _sampled(len(frames), usable)
    longest = max(frames[chosen[0]].shape)
    coarse = max(2 if longest >= FIRST_SIDE_PX // 2 else 1, -(-longest // FIRST_SIDE_PX))
    closed = [fixed if unseen is None else unseen(k) for k in chosen]
    looks, background = _looks(frames, chosen, closed, coarse, seams)

    def read(sign: int) -> Appearance:
        look = looks[sign]
        for bin_px in _finer(look, coarse, longest):
            look = _looks(frames, chosen, closed, bin_px, seams, only=sign)[0][sign]
        return _appearance(look, looks, background, pixel_size_nm, settings)

    sign = _sign(looks, settings)
    appearance = read(sign)
    doubtful = appearance.particle_like < NO_PARTICLES and not looks[sign].support
    if settings.polarity == "auto" and seams and doubtful:
        other = read(-sign)
        if other.particle_like >= PARTICLES:
            only = f"but only the {other.polarity} ones look like particles"
            return replace(other, polarity_reason=f"{other.polarity_reason}, {only}")
    return appearance


def _sampled(count: int, usable: NDArray[np.bool_] | None) -> list[int]:
    """Return up to SAMPLED_FRAMES numbers of usable frames, spread over the movie; all frames where none is usable."""
    allowed = np.arange(count) if usable is None or not np.any(usable) else np.flatnonzero(usable)
    places = np.linspace(0, len(allowed) - 1, min(SAMPLED_FRAMES, len(allowed)))
    return [int(allowed[round(p)]) for p in places]


def _looks(
    frames: Frames, chosen: list[int], closed: Sequence[Mask | None], bin_px: int, seams: bool, only: int = 0
) -> tuple[dict[int, Look], float]:
    """Return what each polarity shows at a binning, and the median grey value."""
    pictures, finer, bars, grey = [], [], [], []
    scale = 1 if bin_px == 1 else FINER
    for k, shut in zip(chosen, closed, strict=True):
        frame = finite(frames[k])
        picture = working_picture(frame, Working(1, bin_px, 0.0), shut)
        grey.append(float(np.median(picture[::4, ::4])))
        pictures.append(_middle(picture))
        finer.append(_middle(twice_as_fine(frame, bin_px), scale))
        bar = closed_pixels(shut, bin_px)
        bars.append(None if bar is None else _middle(bar))
    smoothing, noise = _smoothing(pictures)
    smooth = [smoothed(picture, smoothing) for picture in pictures]
    signs = (only,) if only else (-1, 1)
    seen = {sign: _seen(smooth, sign, noise, smoothing, bars) for sign in signs}
    looks = {}
    for sign in signs:
        behind = [other.support for other in seen.get(-sign, [])] or [None] * len(pictures)
        sources = [FinerPicture(fine, sign, scale, noise, seams) for fine in finer]
        looks[sign] = _look(smooth, seen[sign], behind, sources, Working(sign, bin_px, smoothing), bars)
    return looks, float(np.median(grey))


def _seen(smooth: list[Image], sign: int, noise: float, smoothing_px: float, bars: list[Mask | None]) -> list[Patches]:
    """Return the patches of some pictures; a support that most of them show is in the others too."""

    def of(k: int, known: bool = False) -> Patches:
        return patches(smooth[k] * np.float32(sign), noise, smoothing_px, LEAST_AREA_PX, bars[k], known)

    seen = [of(k) for k in range(len(smooth))]
    if not _most_on_support(seen):
        return seen
    return [of(k, True) if seen[k].support is None else seen[k] for k in range(len(smooth))]


def _most_on_support(seen: list[Patches]) -> bool:
    return 2 * sum(patch.support is not None for patch in seen) > len(seen)


def _smoothing(pictures: list[Image]) -> tuple[float, float]:
    """Return the least smoothing (px) that brings the noise well below the contrast, and the noise left (grey).

    Where none does, the one that leaves the least noise: wider ones only add structure to what is measured as noise.
    """
    left: dict[float, float] = {}
    for smoothing in SMOOTHING_PX:
        smooth = [smoothed(picture, smoothing) for picture in pictures]
        left[smoothing] = float(np.median([noise_of(picture, smoothing) for picture in smooth]))
        contrast = float(np.median([np.ptp(np.percentile(picture[::2, ::2], (1, 99))) for picture in smooth]))
        if left[smoothing] <= NOISE_OF_CONTRAST * contrast:
            return smoothing, left[smoothing]
    least = min(left, key=lambda smoothing: left[smoothing])
    return least, left[least]


def _middle(picture: Part, scale: int = 1) -> Part:
    """Return the middle of a picture that is too large to be searched whole; its pixels are a scale finer."""
    limit = 2 * FIRST_SIDE_PX
    top, left = (max(0, (side // scale - limit) // 2) * scale for side in picture.shape)
    return picture[top : top + limit * scale, left : left + limit * scale]


def _look(
    smooth: list[Image],
    seen: list[Patches],
    behind: Sequence[Support | None],
    finer: list[FinerPicture],
    working: Working,
    bars: list[Mask | None],
) -> Look:
    """Return what the patches of some pictures are; none is a particle that lies behind a support of the other kind."""
    found: list[Region] = []
    strength = 0.0
    noise = finer[0].noise
    for picture, patch, other, source, bar in zip(smooth, seen, behind, finer, bars, strict=True):
        own = [r for r in patch.chosen if other is None or covered_share(r, other.below) < BEHIND]
        chosen = particles(own, common(own), gradient_noise(noise, working.smoothing_px))
        kept = single_particles(picture * np.float32(working.sign), patch.tree, chosen, source, bar)
        found += kept
        clear = [r for r in kept if r.contrast > CLEAR_OF_NOISE * noise]
        strength += sum(weight(r) for r in clear)
    return Look(working, noise, found, strength / max(1, len(smooth)), _most_on_support(seen))


def weight(region: Region) -> float:
    """Return how much a patch speaks for its polarity.

    The outline's length times its edge and contrast, less where it follows the border of the frame: background between
    strands is closed by the border and has the strands' contrast only.
    """
    open_share = max(0.0, 1 - region.border_share)
    return region.contrast * region.edge * diameter(region) * open_share * region.compactness**2


def _sign(looks: dict[int, Look], settings: SegmentSettings) -> int:
    if settings.polarity != "auto":
        return -1 if settings.polarity == "dark" else 1
    return -1 if looks[-1].strength >= looks[1].strength else 1


def _finer(look: Look, coarse: int, longest: int) -> list[int]:
    """Return the binning to go on with, none where the present one suits; longest: side of the frame, px."""
    if coarse == 1 and not look.found:
        return []
    if not look.found:
        return [max(1, coarse // 2)]
    across = common(look.found)[2] * coarse
    sizes = np.array([diameter(r) for r in look.found]) * coarse
    # Specks of noise and film have little contrast and edge.
    small = weighted_quantile(sizes, np.array([r.contrast * r.edge for r in look.found]), 0.2)
    clear = common(look.found)[0] > CLEAR_PICTURE * look.noise
    least_side = LEAST_CLEAR_SIDE_PX if clear else LEAST_SIDE_PX
    bin_px = int(max(1, min(across / COMMON_ACROSS_PX, small / SMALL_ACROSS_PX, longest / least_side)))
    return [] if bin_px == coarse else [bin_px]


def _appearance(
    look: Look, looks: dict[int, Look], background: float, pixel_size_nm: float | None, settings: SegmentSettings
) -> Appearance:
    contrast, edge, across = common(look.found)
    bin_px = look.working.bin_px
    low, high = SPECK * across * bin_px, GIANT * across * bin_px
    if pixel_size_nm and settings.min_diameter_nm > 0:
        low = settings.min_diameter_nm / pixel_size_nm
    if pixel_size_nm and settings.max_diameter_nm > 0:
        high = settings.max_diameter_nm / pixel_size_nm
    mine, other = looks[look.working.sign].strength, looks[-look.working.sign].strength
    confidence = 0.0 if mine + other == 0 else max(0.0, (mine - other) / (mine + other))
    polarity = "dark" if look.working.sign < 0 else "bright"
    dark, bright = looks[-1].strength, looks[1].strength
    why = f"closed outlines darker than their surroundings weigh {dark:.3g}, brighter ones {bright:.3g}"
    if settings.polarity != "auto":
        why = "set by the user"
    like, reason = _particle_like(look, contrast)
    return Appearance(
        polarity, confidence, why, background, contrast, look.noise, edge, across * bin_px, low, high, bin_px,
        look.working.smoothing_px, like, reason, look.support,
    )  # fmt: skip


def _particle_like(look: Look, contrast: float) -> tuple[float, str]:
    if not look.found:
        return 0.0, "no closed outline stands out of the noise"
    across = np.array([diameter(r) for r in look.found])
    shape = float(np.average([r.compactness for r in look.found], weights=across))
    large = [r for r in look.found if diameter(r) >= SPECK * common(look.found)[2]]
    cut = float(np.average([r.border_share for r in large], weights=[weight(r) + 1e-12 for r in large]))
    inside = float(np.clip((FIELD_CUT - cut) / (FIELD_CUT - HALF_CUT), 0, 1))
    clear = float(np.clip(contrast / (12 * look.noise), 0, 1)) if look.noise > 0 else 1.0
    return (
        shape * clear * inside,
        f"{len(look.found)} outlines, compactness {shape:.2f}, contrast {contrast / max(look.noise, 1e-12):.0f} noise",
    )
