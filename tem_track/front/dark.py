"""How much of a film is dark: for contrast that changes both ways, where no front can be told.

Defects, bend contours and grains in diffraction contrast are dark against the foil around them, and come and go as the
specimen bends. What can be stated of every frame by itself is the share of the area that is darker than the foil by a
given contrast, and how many distinct places there are.

The two need different thresholds. When the specimen bends, all defects become fainter or stronger together, and an area
above a fixed contrast goes with that. Places are counted against the darkest of their own frame: on real irradiated
titanium heated through 25 frames the number then falls with the temperature all along (rank correlation -0.94), as its
annotators' polygons do, where the area at a fixed contrast rises in between with the diffraction condition (-0.87).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from tem_track.front.scale import Scale
from tem_track.front.smoothing import noise_sigma, smoothed
from tem_track.movie import Frames, Image, Labels, Mask, Progress, finite, no_progress
from tem_track.tables import DARK, Table, blank_table

# Longer side of the picture worked on, px, and smoothing there: places below a few px are noise.
WORKING_PX, LEAST_SIGMA_PX, MOST_SIGMA_PX = 1024, 1.5, 4.0
# Noise that is left, as a share of the foil's level: a fifth of the least contrast worth asking for.
WANTED_NOISE = 0.03
# The foil's own level is this share of its surroundings' grey values: where most is dark the median is dark too.
# Surroundings are tiles of this share of the longer side, several times the widest defect.
FOIL_QUANTILE, TILE_SHARE = 0.8, 0.0625
# Fewer measured frames than this show no trend.
FEWEST_FRAMES = 3
# Smallest place that counts, px of the working picture.
LEAST_PX = 12
# A distinct place is this share as dark as the darkest hundredth of the area: edges of defects half as dark as their
# middles run together.
DARKEST_QUANTILE, DISTINCT_SHARE = 0.99, 0.6
# Laplacian of a Gaussian noise, and its norm (Immerkaer 1996, doi:10.1006/cviu.1996.0060).
_NOISE_KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_NOISE_NORM = 6.0


@dataclass(frozen=True)
class DarkPlaces:
    """What of one frame is dark.

    Attributes
    ----------
    fraction : float
        Share of the area shown that is darker than the foil by the contrast asked for.
    contrast : float
        How much darker than the foil the darkest hundredth of the area is.
    places : int
        Distinct dark places.
    diameter_px : float
        Median of their equivalent diameters.
    """

    fraction: float
    contrast: float
    places: int
    diameter_px: float


def dark_places(frame: Image, shown: Mask, contrast: float) -> DarkPlaces:
    """Return what of a frame is darker than the foil around it by a contrast.

    Parameters
    ----------
    frame : (Y, X) float32
        Grey values with zero where no electrons arrive.
    shown : (Y, X) bool
        Where the frame shows the specimen.
    contrast : float
        Share of the foil's level: 0.25 asks for what is below three quarters of it.

    Returns
    -------
    DarkPlaces

    Notes
    -----
    The foil's level is the 80th percentile of tiles, smoothed between them: thickness and illumination drop out.
    """
    darkness = _darkness(frame, shown)
    known = np.isfinite(darkness)
    if not known.any():
        return DarkPlaces(np.nan, np.nan, 0, np.nan)
    darkest = float(np.quantile(darkness[known], DARKEST_QUANTILE))
    areas = np.bincount(_distinct(darkness, contrast).ravel())[1:]
    factor = _factor(frame.shape)
    diameter = factor * float(np.median(2 * np.sqrt(areas / np.pi))) if len(areas) else np.nan
    fraction = float((darkness[known] > contrast).mean())
    return DarkPlaces(fraction, darkest, len(areas), diameter)


def distinct_mask(frame: Image, shown: Mask, contrast: float) -> Mask:
    """Return the distinct dark places (Y, X) of a frame, those that `dark_places` counts; parameters as there."""
    places = (_distinct(_darkness(frame, shown), contrast) > 0).astype(np.uint8)
    return np.asarray(cv2.resize(places, frame.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0)


def _factor(shape: tuple[int, ...]) -> int:
    return max(1, round(max(shape) / WORKING_PX))


def _darkness(frame: Image, shown: Mask) -> Image:
    """Return how much darker than the foil every pixel of the working picture is, NaN where nothing is shown."""
    factor = _factor(frame.shape)
    size = (frame.shape[1] // factor, frame.shape[0] // factor)
    level = cv2.resize(np.where(shown, frame, np.float32(np.nan)), size, interpolation=cv2.INTER_AREA)
    known = np.isfinite(level)
    if not known.any():
        return np.full(level.shape, np.nan, np.float32)
    usual = max(float(np.median(level[known])), 1e-6)
    noise = float(np.median(np.abs(cv2.filter2D(np.where(known, level, usual), -1, _NOISE_KERNEL))))
    sigma = max(noise_sigma(1.4826 * noise / _NOISE_NORM / usual, WANTED_NOISE, MOST_SIGMA_PX), LEAST_SIGMA_PX)
    darkness = 1 - smoothed(level, sigma) / _foil_level(level, known)
    return np.where(known, darkness, np.float32(np.nan)).astype(np.float32)


def _distinct(darkness: Image, contrast: float) -> Labels:
    """Return the distinct dark places of the working picture, numbered from 1."""
    known = np.isfinite(darkness)
    if not known.any():
        return np.zeros(darkness.shape, np.int32)
    darkest = float(np.quantile(darkness[known], DARKEST_QUANTILE))
    with np.errstate(invalid="ignore"):
        dark = darkness > max(contrast, DISTINCT_SHARE * darkest)
    number, table = cv2.connectedComponentsWithStats(dark.astype(np.uint8), connectivity=8)[1:3]
    large = table[:, cv2.CC_STAT_AREA] >= LEAST_PX
    large[0] = False
    return np.asarray(np.where(large, np.cumsum(large), 0)[number], np.int32)


def _foil_level(level: Image, known: Mask) -> Image:
    """Return the level of the foil without what is dark in it, (y, x) float32."""
    tile = max(8, round(TILE_SHARE * max(level.shape)))
    rows, columns = (-(-n // tile) for n in level.shape)
    own = np.full((rows, columns), np.nan, np.float32)
    for i in range(rows):
        for j in range(columns):
            # Tiles overlap by half a tile on every side.
            box = tuple(slice(max(0, k * tile - tile // 2), (k + 1) * tile + tile // 2) for k in (i, j))
            values = level[box][known[box]]
            if values.size > tile * tile // 8:
                own[i, j] = np.quantile(values, FOIL_QUANTILE)
    own[np.isnan(own)] = np.nanmedian(own) if np.isfinite(own).any() else float(np.median(level[known]))
    size = (columns * tile, rows * tile)
    full = cv2.resize(cv2.GaussianBlur(own, (0, 0), 1.0), size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(full[: level.shape[0], : level.shape[1]], np.float32)


def dark_table(
    frames: Frames,
    usable: Mask,
    unseen: Callable[[Image], Mask],
    contrast: float,
    scale: Scale,
    progress: Progress = no_progress,
) -> Table:
    """Return ``front/dark.csv``: how much of every usable frame is dark.

    Parameters
    ----------
    frames : Frames
        T frames (Y, X).
    usable : (T,) bool
    unseen : callable
        ``unseen(frame)`` is what it does not show of the specimen, (Y, X) bool.
    contrast : float
        See `dark_places`.
    scale : Scale
        Times, temperatures and pixel size of the movie.
    progress : callable, optional
    """
    table = blank_table(DARK, len(frames))
    numbers = np.arange(len(frames))
    table["frame"][:], table["time_s"][:] = numbers, scale.times_s
    table["temperature_c"][:] = scale.degrees(numbers)
    table["dark_places"][:] = np.nan
    for k in np.flatnonzero(usable).tolist():
        frame = finite(frames[k])
        found = dark_places(frame, ~unseen(frame), contrast)
        table["dark_fraction"][k], table["dark_contrast"][k] = found.fraction, found.contrast
        table["dark_places"][k] = found.places
        table["median_diameter_px"][k] = found.diameter_px
        progress(k + 1, len(frames))
    table["median_diameter_nm"][:] = scale.nm(table["median_diameter_px"])
    return table


def dark_summary(table: Table) -> dict[str, float | None]:
    """Return what stands in the summary: dark share and distinct places at the two ends, and how they go with the heat.

    The ends are medians over the first and the last tenth of the measured frames; the trend is Spearman's rank
    correlation with the temperature, or with time where there is none.
    """
    # Half a second to import, and for these few films only.
    from scipy.stats import rankdata

    known = np.isfinite(table["dark_fraction"])
    heat = table["temperature_c"][known]
    along = heat if np.isfinite(heat).all() else table["time_s"][known]
    out: dict[str, float | None] = {}
    for name in ("dark_fraction", "dark_places"):
        values = table[name][known]
        first, last, trend = (f"{name}_{what}" for what in ("first", "last", "rank_correlation"))
        out |= dict.fromkeys((first, last, trend))
        if len(values) < FEWEST_FRAMES:
            continue
        end = max(1, len(values) // 10)
        ranks = [rankdata(v) for v in (along, values)]
        out |= {first: float(np.median(values[:end])), last: float(np.median(values[-end:]))}
        out[trend] = float(np.corrcoef(*ranks)[0, 1]) if all(np.ptp(r) > 0 for r in ranks) else None
    return out
