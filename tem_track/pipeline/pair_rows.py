"""The tables of a pair run from its measured images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tem_track.expansion.volume import envelope_volume, equivalent_diameter, parts, volume_exponent
from tem_track.pair import IMAGES, PAIRS, Measured, VolumeRatio, volume_ratio
from tem_track.pipeline.pair_measure import PairedImage
from tem_track.tables import Table, select_rows, table_from_rows

Row = dict[str, Any]


def pair_rows(images: Sequence[PairedImage], model: str) -> Table:
    """Return the PAIRS table: a row per particle and image, particles in the order of their numbers.

    Parameters
    ----------
    images : sequence of PairedImage
    model : str
        Volume model.
    """
    size_nm = reference_pixel_size_nm(images)
    first = {int(number): i for i, number in enumerate(images[0].numbers)}
    rows = []
    for order, image in enumerate(images):
        if order and image.registration is None:
            continue
        for i, number in enumerate(image.numbers.tolist()):
            row = _row(image, i, model, size_nm) | {"particle": number}
            if number in first:
                row |= _ratio_cells(images[0], first[number], image, i, model)
            rows.append((number, order, row))
    rows.sort(key=lambda entry: entry[:2])
    return table_from_rows(PAIRS, (row for _, _, row in rows))


def image_rows(images: Sequence[PairedImage], pairs: Table) -> Table:
    """Return the IMAGES table: a row per image."""
    size_nm = reference_pixel_size_nm(images)
    seen = np.unique(np.concatenate([image.numbers for image in images]), return_counts=True)
    shared = set(seen[0][(seen[1] > 1) & (seen[0] > 0)].tolist())
    rows = []
    for order, image in enumerate(images):
        row = _state_cells(image) | {
            "registered": int(order == 0 or image.registration is not None),
            "particles": len(image.outlines),
            "matched": sum(number in shared for number in image.numbers.tolist()),
            "pixel_size_stated_nm": _or_nan(image.movie.calibration.pixel_size_nm),
        }
        if order and image.registration is None:
            rows.append(row | {"reason": "shows nothing that the other images show"})
            continue
        rows.append(row | _registration_cells(image, images[0], size_nm) | _mean_cells(pairs, image))
    return table_from_rows(IMAGES, rows)


def reference_pixel_size_nm(images: Sequence[PairedImage]) -> float:
    """Return the edge of a pixel of the first image, nm: as stated, else by another image's and the scale; NaN."""
    for image in images:
        stated = image.movie.calibration.pixel_size_nm
        if stated is not None and image.scale is not None:
            return stated / image.scale.value
    return float("nan")


def measured_particle(image: PairedImage, i: int, model: str) -> Measured:
    """Return volume, relative area error and aspect ratio of an outline."""
    outlines = image.outlines
    area, major, minor = (values[[i]] for values in (outlines.area_px, outlines.major_axis_px, outlines.minor_axis_px))
    volume = envelope_volume(area, model, major, minor)
    return Measured(float(volume[0]), float(outlines.area_sd_px[i] / area[0]), float(major[0] / minor[0]))


def _row(image: PairedImage, i: int, model: str, reference_nm: float) -> Row:
    """Return the cells of one particle in one image, without V/V0."""
    outlines = image.outlines
    nm = reference_nm * image.scale.value if image.scale is not None else float("nan")
    place = np.array([[outlines.y_px[i], outlines.x_px[i]]])
    there = place if image.registration is None else image.registration.similarity.apply(place)
    area, area_sd = float(outlines.area_px[i]), float(outlines.area_sd_px[i])
    diameter = float(equivalent_diameter(np.array([area]))[0])
    core, core_sd = float(outlines.core_diameter_px[i]), float(outlines.core_diameter_sd_px[i])
    volume_nm = float("nan") if model == "film" else nm**3
    return _state_cells(image) | {
        "y_px": place[0, 0],
        "x_px": place[0, 1],
        "y_reference_px": there[0, 0],
        "x_reference_px": there[0, 1],
        "area_px": area,
        "area_sd_px": area_sd,
        "area_nm2": area * nm**2,
        "equivalent_diameter_px": diameter,
        "equivalent_diameter_nm": diameter * nm,
        "equivalent_diameter_sd_nm": 0.5 * diameter * area_sd / area * nm,
        "volume_nm3": measured_particle(image, i, model).volume_px3 * volume_nm,
        "kind": outlines.kinds.get(int(outlines.track_id[i]), ""),
        "core_equivalent_diameter_nm": core * nm,
        "core_equivalent_diameter_sd_nm": core_sd * nm,
        "shell_thickness_nm": (diameter - core) / 2 * nm,
        "touches_border": int(outlines.touches_border[i]),
        "quality": float(outlines.quality[i]),
    }


def _ratio_cells(first: PairedImage, j: int, image: PairedImage, i: int, model: str) -> Row:
    """Return V/V0 of outline i over outline j of the first image; nothing where the border cuts one of them."""
    if first.outlines.touches_border[j] or image.outlines.touches_border[i] or image.scale is None:
        return {}
    if image is first:
        return {"volume_ratio": 1.0, "volume_ratio_sd": 0.0, "volume_ratio_low": 1.0, "volume_ratio_high": 1.0} | (
            dict.fromkeys(("sd_outline", "sd_scale", "sd_shape"), 0.0)
        )
    ratio = volume_ratio(
        measured_particle(image, i, model),
        measured_particle(first, j, model),
        image.scale.value,
        image.scale.log_sd,
        volume_exponent(model),
    )
    return _cells_of(ratio) | _part_cells(first, j, image, i, model)


def _cells_of(ratio: VolumeRatio) -> Row:
    return {
        "volume_ratio": ratio.value,
        "volume_ratio_sd": ratio.sd,
        "volume_ratio_low": ratio.low,
        "volume_ratio_high": ratio.high,
        "sd_outline": ratio.outline,
        "sd_scale": ratio.scale,
        "sd_shape": ratio.shape,
    }


def _part_cells(first: PairedImage, j: int, image: PairedImage, i: int, model: str) -> Row:
    """Return V/V0 of core and shell, where both images show a core."""
    assert image.scale is not None
    now, before = _parts(image, i, model), _parts(first, j, model)
    cells: Row = {}
    power = 2 * volume_exponent(model)
    for part in ("core", "shell"):
        (value, sd), (start, start_sd) = now[part], before[part]
        if np.isfinite(value + start) and min(value, start) > 0:
            ratio = value * image.scale.value**power / start
            cells[f"{part}_volume_ratio"] = ratio
            errors = (sd / value, start_sd / start, power * image.scale.log_sd)
            cells[f"{part}_volume_ratio_sd"] = ratio * float(np.sqrt(np.square(errors).sum()))
    return cells


def _parts(image: PairedImage, i: int, model: str) -> dict[str, tuple[float, float]]:
    """Return volume and standard uncertainty of core and shell of an outline, px^3."""
    o = image.outlines
    outer = equivalent_diameter(o.area_px[[i]])
    envelope = np.array([measured_particle(image, i, model).volume_px3])
    found = parts(
        envelope,
        outer,
        0.5 * outer * o.area_sd_px[[i]] / o.area_px[[i]],
        o.core_diameter_px[[i]],
        o.core_diameter_sd_px[[i]],
        o.void_diameter_px[[i]],
        o.void_diameter_sd_px[[i]],
    )
    return {name: (float(values[0]), float(sds[0])) for name, (values, sds) in found.items()}


def _state_cells(image: PairedImage) -> Row:
    state = image.state
    return {"image": image.name, "state": state.state, "voltage_v": state.voltage_v, "time_h": state.time_h}


def _registration_cells(image: PairedImage, first: PairedImage, reference_nm: float) -> Row:
    scale, registration = image.scale, image.registration
    nm = reference_nm * scale.value if scale is not None else float("nan")
    if registration is None or scale is None:
        return {"pixel_size_nm": nm} | (
            {"scale": 1.0, "rotation_deg": 0.0, "dy_px": 0.0, "dx_px": 0.0} if scale else {}
        )
    similarity = registration.similarity
    found = registration.found_on != "nothing"
    stated = _or_nan(image.movie.calibration.pixel_size_nm) / _or_nan(first.movie.calibration.pixel_size_nm)
    return {
        "rotation_deg": similarity.rotation_deg if found else float("nan"),
        "mirrored": int(similarity.mirrored),
        "dy_px": similarity.shift_px[0],
        "dx_px": similarity.shift_px[1],
        "scale": scale.value,
        "scale_sd": scale.value * scale.log_sd,
        "scale_found": similarity.scale if found else float("nan"),
        "scale_found_sd": similarity.scale * registration.log_scale_sd,
        "scale_calibrated": stated,
        "scale_source": scale.source,
        "pixel_size_nm": nm,
        "residual_px": registration.residual_px,
        "residual_nm": registration.residual_px * reference_nm,
        "support_correlation": registration.support_correlation,
        "confirmed_by": registration.confirmed_by,
    }


def _mean_cells(pairs: Table, image: PairedImage) -> Row:
    """Return the mean V/V0 of an image's particles; what they share (the scale) does not average out.

    Particles differ among themselves and are known differently well: each is weighted with both (DerSimonian and Laird,
    Control. Clin. Trials 7 (1986) 177, doi:10.1016/0197-2456(86)90046-2).
    """
    rows = select_rows(pairs, (pairs["image"] == image.name) & np.isfinite(pairs["volume_ratio"]))
    values, own = rows["volume_ratio"], np.hypot(rows["sd_outline"], rows["sd_shape"])
    if not len(values):
        return {"counted": 0}
    known = 1 / np.maximum(own, 1e-6) ** 2
    excess = float((known * (values - np.average(values, weights=known)) ** 2).sum()) - (len(values) - 1)
    freedom = float(known.sum() - (known**2).sum() / known.sum())
    between = max(excess / freedom, 0.0) if freedom > 0 else 0.0
    weight = 1 / (np.maximum(own, 1e-6) ** 2 + between)
    mean = float(np.average(values, weights=weight))
    sem = float(np.hypot(1 / np.sqrt(weight.sum()), rows["sd_scale"].mean())) if own.any() else 0.0
    return {"counted": len(values), "volume_ratio_mean": mean, "volume_ratio_sem": sem}


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
