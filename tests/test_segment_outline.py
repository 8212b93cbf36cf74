from __future__ import annotations

import numpy as np
import pytest
from pictures import ball_thickness, bright_field, disc
from scipy.ndimage import gaussian_filter

from tem_track.movie import FloatArray, Frames, Image, Labels
from tem_track.segment.outline.stage import outline_particles
from tem_track.segment.outline.table import Outlines, draw_labels

SIZE = (120, 120)


def ball_frame(
    radius: float,
    dose: float = 200,
    attenuation: float = 0.015,
    centre: tuple[float, float] = (60.3, 59.6),
    seed: int = 0,
    shape: tuple[int, int] = SIZE,
    blur: float = 1.0,
) -> Image:
    """Bright-field picture of a blurred ball."""
    rng = np.random.default_rng(seed)
    # Four times finer, so that the pixel aperture is that of a camera.
    fine = ball_thickness((shape[0] * 4, shape[1] * 4), centre[0] * 4 + 1.5, centre[1] * 4 + 1.5, radius * 4) / 4
    sharp = np.exp(-attenuation * fine).reshape(shape[0], 4, shape[1], 4).mean(axis=(1, 3))
    return rng.poisson(dose * gaussian_filter(sharp, blur)).astype(np.float32)


def labels_of(shape: tuple[int, int], *balls: tuple[float, float, float]) -> Labels:
    labels = np.zeros(shape, np.int32)
    for i, (y, x, radius) in enumerate(balls, start=1):
        labels[(disc(shape, y, x, radius) > 0.5) & (labels == 0)] = i
    return labels


def outline(frames: list[Image], labels: list[Labels], polarity: str = "dark", **more: object) -> Outlines:
    options = {"measured": lambda track, frame: True, "usable": np.ones(len(frames), bool), **more}
    return outline_particles(frames, labels, drift_px=np.zeros((len(frames), 2)), polarity=polarity, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(("radius", "tolerance"), [(5.0, 0.06), (10.0, 0.02), (25.0, 0.008), (40.0, 0.006)])
@pytest.mark.parametrize("label_error", [-2.0, 1.5])
def test_a_ball_is_measured_whatever_its_label(radius: float, tolerance: float, label_error: float) -> None:
    # Small particles are only seen at all where they are dense.
    frames = [ball_frame(radius, seed=s, attenuation=max(0.015, 0.4 / radius)) for s in range(4)]
    labels = [labels_of(SIZE, (60, 60, radius + label_error))] * 4
    found = outline(frames, labels)
    measured = np.sqrt(found.area_px / np.pi)
    assert abs(measured.mean() / radius - 1) < tolerance
    assert np.allclose(found.y_px, 60.3, atol=0.6)
    assert np.allclose(found.x_px, 59.6, atol=0.6)


def test_a_half_height_rule_would_fail_the_same_test() -> None:
    frame = ball_frame(25.0, dose=5000)
    profile = -np.log(frame[60] / 5000)
    width = float((profile > profile[50:70].mean() / 2).sum()) / 2
    assert abs(width / 25 - 1) > 0.08


def test_fading_contrast_does_not_swell_the_particle() -> None:
    strong = outline([ball_frame(30, attenuation=0.03, seed=s) for s in range(5)], [labels_of(SIZE, (60, 60, 29))] * 5)
    weak = outline([ball_frame(30, attenuation=0.006, seed=s) for s in range(5)], [labels_of(SIZE, (60, 60, 29))] * 5)
    assert abs(weak.area_px.mean() / strong.area_px.mean() - 1) < 0.012


def test_the_stated_uncertainty_covers_the_error() -> None:
    frames = [ball_frame(20, dose=20, seed=s) for s in range(24)]
    found = outline(frames, [labels_of(SIZE, (60, 60, 20))] * 24)
    error = (found.area_px - np.pi * 400) / found.area_sd_px
    assert 0.15 < np.sqrt(np.mean(error**2)) < 2.0


def test_dark_field_is_measured_too() -> None:
    rng = np.random.default_rng(4)
    thick = gaussian_filter(ball_thickness(SIZE, 60.0, 60.0, 28.0), 1.0)
    frames = [rng.poisson(10 + 2 * thick).astype(np.float32) for _ in range(3)]
    found = outline(frames, [labels_of(SIZE, (60, 60, 26))] * 3, polarity="bright")
    assert np.allclose(np.sqrt(found.area_px / np.pi), 28, rtol=0.012)


def test_grey_values_may_be_scaled() -> None:
    frames, labels = [ball_frame(25)], [labels_of(SIZE, (60, 60, 25))]
    one, other = outline(frames, labels), outline([frames[0] * np.float32(0.001)], labels)
    assert other.area_px[0] == pytest.approx(one.area_px[0], rel=1e-3)


def test_a_neighbour_does_not_pull_the_outline() -> None:
    rng = np.random.default_rng(1)
    thick = ball_thickness(SIZE, 60, 35, 25) + ball_thickness(SIZE, 60, 83, 22)
    frame = rng.poisson(300 * gaussian_filter(np.exp(-0.015 * thick), 1.0)).astype(np.float32)
    found = outline([frame], [labels_of(SIZE, (60, 35, 24), (60, 83, 21))])
    assert np.allclose(np.sqrt(found.area_px / np.pi), [25, 22], rtol=0.015)
    drawn, _ = draw_labels(found, 0, SIZE, labels_of(SIZE, (60, 35, 24), (60, 83, 21)))
    assert set(np.unique(drawn)) == {0, 1, 2}


def test_a_strand_across_the_edge_does_not_pull_the_outline() -> None:
    rng = np.random.default_rng(2)
    strand = np.zeros(SIZE)
    strand[:, 80:92] = 0.12
    thick = 0.015 * ball_thickness(SIZE, 60, 60, 25)
    frame = rng.poisson(300 * gaussian_filter(np.exp(-thick - strand), 1.0)).astype(np.float32)
    found = outline([frame], [labels_of(SIZE, (60, 60, 25))])
    assert np.sqrt(found.area_px[0] / np.pi) == pytest.approx(25, rel=0.015)


def test_a_particle_cut_by_the_border_gets_its_whole_outline() -> None:
    frame = ball_frame(30, centre=(12.0, 60.0))
    found = outline([frame], [labels_of(SIZE, (12, 60, 29))])
    assert found.touches_border[0]
    assert np.sqrt(found.area_px[0] / np.pi) == pytest.approx(30, rel=0.03)


def test_an_overlay_is_not_an_edge() -> None:
    frame = ball_frame(25)
    fixed = np.zeros(SIZE, bool)
    fixed[84:92, 30:90] = True
    frame[fixed] = 0
    found = outline([frame], [labels_of(SIZE, (60, 60, 25))], fixed=fixed)
    assert np.sqrt(found.area_px[0] / np.pi) == pytest.approx(25, rel=0.015)


def test_a_bent_rod_is_followed_along_its_contour() -> None:
    rows, columns = np.indices(SIZE)
    ring = np.abs(np.hypot(rows - 60, columns - 60) - 35) < 6
    bent = ring & (columns < 70)
    frame = np.random.default_rng(0).poisson(200 * gaussian_filter(np.where(bent, 0.5, 1.0), 1.0)).astype(np.float32)
    found = outline([frame], [bent.astype(np.int32)])
    assert found.area_px[0] == pytest.approx(bent.sum(), rel=0.06)
    assert abs(found.area_px[0] - bent.sum()) < 2 * found.area_sd_px[0]


def test_rows_are_left_out_where_nothing_was_measured() -> None:
    frames, labels = [ball_frame(20)] * 3, [labels_of(SIZE, (60, 60, 20))] * 3
    found = outline(frames, labels, measured={(1, 1)}, usable=np.array([True, True, False]))
    assert found.frame.tolist() == [0]
    empty = outline(frames, [np.zeros(SIZE, np.int32)] * 3)
    assert len(empty) == 0
    assert not empty.kinds


def test_drawn_labels_have_the_area_of_the_outline_and_keep_the_others() -> None:
    labels = labels_of(SIZE, (60, 60, 20), (20, 20, 6))
    found = outline([ball_frame(20)], [labels], measured={(2, 0)})
    drawn, cores = draw_labels(found, 0, SIZE, labels)
    assert abs((drawn == 1).sum() - found.area_px[0]) < 12
    assert np.array_equal(drawn == 2, labels == 2)
    assert not cores.any()


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_tiny_labels_and_flat_pictures_do_not_break(size: int) -> None:
    labels = np.zeros(SIZE, np.int32)
    labels[50 : 50 + size, 50 : 50 + size] = 1
    labels[0:size, 0:size] = 2
    for frame in (np.full(SIZE, 7, np.float32), np.zeros(SIZE, np.float32), ball_frame(3.0, centre=(51, 51))):
        for polarity in ("dark", "bright"):
            found = outline([frame], [labels], polarity=polarity)
            assert len(found) == (2 if size > 1 else 0)
            assert np.isfinite(found.area_px).all()
            assert np.isfinite(found.area_sd_px).all()
            assert (found.area_sd_px > 0).all()
            draw_labels(found, 0, SIZE, labels)


def test_the_same_input_gives_the_same_bits() -> None:
    frames, labels = [ball_frame(20, dose=20)], [labels_of(SIZE, (60, 60, 18))]
    assert outline(frames, labels).area_px.tobytes() == outline(frames, labels).area_px.tobytes()


def test_a_frame_is_read_for_support_fringe_and_outlines_only_and_wrong_input_is_refused() -> None:
    class Counted(Frames):
        reads: FloatArray = np.zeros(12)

        def __len__(self) -> int:
            return len(self.reads)

        def __getitem__(self, k: int, /) -> Image:
            self.reads[k] += 1
            return ball_frame(20)

    frames, labels = Counted(), [labels_of(SIZE, (60, 60, 20))] * 12
    options = {"drift_px": np.zeros((12, 2)), "measured": set(), "usable": np.ones(12, bool)}
    outline_particles(frames, labels, polarity="dark", **options)  # type: ignore[arg-type]
    # To average the support and to ask whether it disturbs, then for the outlines; some for the fringe too.
    assert sorted(frames.reads.tolist()) == [3] * 7 + [4] * 5
    frames.reads[:] = 0
    outline_particles(frames, labels, polarity="bright", **options)  # type: ignore[arg-type]
    assert frames.reads.tolist() == [3] * 12
    with pytest.raises(ValueError, match="neither"):
        outline_particles(frames, labels, polarity="grey", **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="1 labels"):
        outline_particles(frames, labels[:1], polarity="dark", **options)  # type: ignore[arg-type]


def test_poisson_pictures_of_the_shared_helper_agree() -> None:
    frame = bright_field(ball_thickness(SIZE, 60, 60, 25), 300, np.random.default_rng(3), 0.015).astype(np.float32)
    found = outline([frame], [labels_of(SIZE, (60, 60, 25))])
    assert np.sqrt(found.area_px[0] / np.pi) == pytest.approx(25, rel=0.01)


def test_a_particle_at_a_burned_in_bar_is_cut_by_it() -> None:
    labels = labels_of(SIZE, (60, 60, 20))
    fixed = np.zeros(SIZE, np.bool_)
    fixed[70:] = True
    labels[fixed] = 0
    frame = ball_frame(20)
    frame[fixed] = 0
    found = outline([frame], [labels], fixed=fixed)
    assert found.touches_border.all()
    assert not outline(
        [ball_frame(20)], [labels_of(SIZE, (60, 60, 20))], fixed=np.zeros(SIZE, np.bool_)
    ).touches_border.any()
