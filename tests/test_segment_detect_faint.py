"""Faint particles beside strong ones in noisy pictures."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from pictures import ball_thickness
from scipy.ndimage import gaussian_filter

from tem_track.movie import Labels
from tem_track.segment import learn_appearance, segment_frame
from tem_track.segment.appearance import Appearance
from tem_track.segment.candidates import LEAST_CONTRAST_IF_LARGE, LEAST_CONTRAST_OF_NOISE, drop_noise, out_of_noise
from tem_track.segment.contour import Shape
from tem_track.segment.levels import Region
from tem_track.settings import SegmentSettings

SHAPE = (220, 240)
STRONG = [(60.0, 65.0, 42.0), (150.0, 60.0, 38.0)]
# A touching pair with less than half of the others' contrast.
FAINT = [(100.0, 168.0, 24.0), (144.0, 184.0, 22.0)]


def dark_field(seed: int, faint: float, dose: float = 1.0) -> NDArray[np.uint16]:
    yy, xx = np.indices(SHAPE)
    strand = 1.2 * (np.abs(yy - 0.7 * xx + 20) < 7)
    signal = 1.5 + strand + sum(0.45 * ball_thickness(SHAPE, *ball) for ball in STRONG)
    signal = signal + faint * sum(ball_thickness(SHAPE, *ball) for ball in FAINT)
    return np.random.default_rng(seed).poisson(dose * gaussian_filter(signal, 0.8)).astype(np.uint16)


def learnt(image: NDArray[np.uint16]) -> Appearance:
    return learn_appearance([image], usable=None, fixed=None, pixel_size_nm=None, settings=SegmentSettings())


def iou(labels: Labels, ball: tuple[float, float, float]) -> float:
    truth = ball_thickness(SHAPE, *ball) > 0
    number = int(np.bincount(labels[truth]).argmax())
    return float((truth & (labels == number)).sum() / (truth | (labels == number)).sum()) if number else 0.0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_faint_touching_pair_is_found_beside_strong_particles(seed: int) -> None:
    image = dark_field(seed, faint=0.2, dose=0.35)
    appearance = learnt(image)
    labels = segment_frame(image.astype(np.float32), appearance, fixed=None)
    assert labels.max() == 4
    assert min(iou(labels, ball) for ball in STRONG) > 0.93
    assert min(iou(labels, ball) for ball in FAINT) > 0.9


def test_a_strand_is_not_found_for_being_faint() -> None:
    image = dark_field(4, faint=0.0)
    assert segment_frame(image.astype(np.float32), learnt(image), fixed=None).max() == 2


def test_what_a_patch_must_show_falls_with_its_area() -> None:
    assert out_of_noise(4.0, 0.8) == LEAST_CONTRAST_OF_NOISE
    # Twice the area over which a Gaussian of 2 px averages.
    assert out_of_noise(2 * 4 * np.pi * 4.0, 2.0) == pytest.approx(LEAST_CONTRAST_OF_NOISE / np.sqrt(2))
    assert out_of_noise(1e6, 0.8) == LEAST_CONTRAST_IF_LARGE


def nested(areas: list[float], contrasts: list[float]) -> list[Region]:
    """Return patches each of which lies in the one before."""
    contour = np.zeros((4, 1, 2), np.int32)
    return [
        Region(10.0 * k, k, Shape(contour, area), 1.0, contrast, 0.0, 5.0, area, parent=k - 1)
        for k, (area, contrast) in enumerate(zip(areas, contrasts, strict=True))
    ]


def test_higher_levels_of_what_stands_out_count_too_and_other_faint_patches_do_not() -> None:
    regions = nested([60.0, 40.0, 25.0, 6.0], [5.0, 2.0, 1.0, 1.0])
    drop_noise(regions, 1.0, 2.0)
    assert [region.score for region in regions] == [5.0, 5.0, 5.0, 0.0]
    faint = nested([60.0, 40.0], [3.0, 2.0])
    drop_noise(faint, 1.0, 2.0)
    assert [region.score for region in faint] == [0.0, 0.0]
