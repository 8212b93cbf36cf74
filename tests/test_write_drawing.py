"""Pictures of frames: outlines where they were measured, words off the specimen."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tem_track.write.drawing import DrawnLine, DrawnParticle, OverlayFrame, colour_of, draw_frame, layout_of, scale_bar
from tem_track.write.lettering import Lettering


def circle(y: float, x: float, radius: float) -> NDArray[np.float64]:
    angle = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    return np.column_stack([y + radius * np.sin(angle), x + radius * np.cos(angle)])


def picture_of(particles: list[DrawnParticle], warning: str = "", shape: tuple[int, int] = (200, 300)) -> NDArray:
    frame = np.full(shape, 50, np.float32)
    return draw_frame(frame, OverlayFrame(particles, "frame 0", warning), (0, 100), layout_of(shape), Lettering(), 1.0)


@pytest.mark.parametrize("shape", [(200, 300), (2000, 3000)])
def test_an_outline_lies_where_it_was_measured(shape: tuple[int, int]) -> None:
    layout = layout_of(shape)
    y, x, radius = 0.4 * shape[0], 0.6 * shape[1], 0.2 * shape[0]
    plain = picture_of([], shape=shape).astype(int)
    drawn = picture_of([DrawnParticle(1, circle(y, x, radius))], shape=shape).astype(int)
    changed = np.abs(drawn - plain).sum(axis=2)[: layout.image_px[0]]
    # The number in the middle is drawn too: only what is far from it belongs to the outline.
    rows, columns = np.nonzero(changed > 100)
    specimen_y = (rows + 0.5) / layout.zoom - 0.5
    specimen_x = (columns - layout.left + 0.5) / layout.zoom - 0.5
    distance = np.hypot(specimen_y - y, specimen_x - x)
    ring = distance > 0.6 * radius
    assert np.abs(distance[ring] - radius).max() < 2.5 / layout.zoom
    assert np.median(distance[ring]) == pytest.approx(radius, abs=0.5 / layout.zoom)
    assert np.median(specimen_y[ring]) == pytest.approx(y, abs=3 / layout.zoom)


def test_colours_belong_to_tracks() -> None:
    assert colour_of(3) == colour_of(3)
    assert len({colour_of(i) for i in range(1, 11)}) == 10


def test_a_core_and_an_inferred_outline_look_different() -> None:
    whole = picture_of([DrawnParticle(1, circle(100, 150, 60))])
    cored = picture_of([DrawnParticle(1, circle(100, 150, 60), core=circle(100, 150, 40))])
    inferred = picture_of([DrawnParticle(1, circle(100, 150, 60), inferred=True)])
    assert (whole != cored).any()
    assert (whole != inferred).any()


def test_words_stay_off_the_specimen_and_a_bad_frame_is_red() -> None:
    layout = layout_of((200, 300))
    height, width = layout.image_px
    plain, bad = picture_of([]), picture_of([], warning="blank")
    specimen = plain[:height, layout.left : layout.left + width]
    assert (specimen == 127).all()
    assert (plain[height:] > 200).any()
    red = (bad[..., 0].astype(int) - bad[..., 1]) > 100
    assert red[:2].all()
    assert red[height + 4 :].any()
    assert not ((plain[..., 0].astype(int) - plain[..., 1]) > 100).any()


@pytest.mark.parametrize(
    ("shape", "zoom"), [((320, 320), 3.0), ((512, 512), 2.0), ((1000, 900), 1.0), ((4096, 2048), 0.25), ((16, 16), 8.0)]
)
def test_pictures_have_a_legible_size(shape: tuple[int, int], zoom: float) -> None:
    layout = layout_of(shape)
    assert layout.zoom == zoom
    assert layout.picture_px[0] % 2 == layout.picture_px[1] % 2 == 0
    assert layout.picture_px[1] >= layout.image_px[1]


@pytest.mark.parametrize(
    ("width", "pixel", "length", "label"),
    [
        (320, 1.3, 50 / 1.3, "50 nm"),
        (1024, 0.01, 2 / 0.01, "2 nm"),
        (4096, 2.0, 1000 / 2, "1 µm"),
        (100, 0.001, 20.0, "20 pm"),
        (512, None, 100.0, "100 px"),
    ],
)
def test_the_scale_bar_has_a_round_length(width: int, pixel: float | None, length: float, label: str) -> None:
    assert scale_bar(width, pixel) == (pytest.approx(length), label)


def test_many_small_particles_are_numbered_only_where_it_fits() -> None:
    yx = np.random.default_rng(1).uniform(20, 1000, (400, 2))
    particles = [DrawnParticle(i + 1, circle(y, x, 4)) for i, (y, x) in enumerate(yx)]
    crowd = picture_of(particles, shape=(1024, 1024))
    nameless = picture_of([DrawnParticle(i + 1, p.outline) for i, p in enumerate(particles)], shape=(1024, 1024))
    assert (crowd == nameless).all()
    # A rim darker than the frame is drawn round numbers only.
    assert not (crowd[:1024] < 30).all(axis=2).any()
    assert (picture_of(particles[:5], shape=(1024, 1024))[:1024] < 30).all(axis=2).any()


def test_a_line_lies_where_it_was_measured_and_stays_open() -> None:
    layout = layout_of((60, 80))
    line = DrawnLine(np.array([[10.0, 20.0], [10.0, 60.0], [40.0, 60.0]]), (255, 0, 0))
    frame, lettering = np.full((60, 80), 100.0, np.float32), Lettering()
    picture = draw_frame(frame, OverlayFrame(lines=[line]), (0.0, 255.0), layout, lettering)
    zoom = round(layout.zoom)
    drawn = np.argwhere((picture[..., 0] > 200) & (picture[..., 1] < 90)) / zoom - (0, layout.left / zoom)
    assert len(drawn)
    on_leg = (abs(drawn[:, 0] - 10.5) < 1) | (abs(drawn[:, 1] - 60.5) < 1)
    assert on_leg.all()
