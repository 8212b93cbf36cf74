"""Pixel size and frame times as the writers of TIFF put them: OME, DigitalMicrograph, ImageJ, FEI, TVIPS, tags."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Any

import numpy as np
import tifffile

from tem_track.movie import FloatArray
from tem_track.read.recording import Scale
from tem_track.read.units import is_reciprocal, nm_per_unit, plain_unit, seconds_per_unit

# Private tags of Gatan's TIFF writer: units of x, y, z; scales of x, y, z (as in RosettaSciIO's tiff reader).
_DM_UNITS = (65003, 65004, 65005)
_DM_SCALES = (65009, 65010, 65011)
# Units that image programs write by themselves for print; what they say of a microscope is not to be relied on.
_PRINT_UNITS = {"inch", "in", "cm", "centimeter", "mm", "m", "meter"}


def find_scale(tif: tifffile.TiffFile, page: tifffile.TiffPage) -> tuple[Scale | None, bool]:
    """Return the pixel size that the file states (the most specific statement counts), and whether it is reciprocal."""
    for found in (_ome_scale(tif), _dm_scale(page), _imagej_scale(tif, page), _maker_scale(tif), _resolution(page)):
        if found is True:
            return None, True
        if isinstance(found, Scale):
            return found, False
    return None, False


def find_times(tif: tifffile.TiffFile, frames: int) -> tuple[FloatArray | None, str]:
    """Return the (T,) times in s that the file states, and where they stand; None where it states none."""
    if tif.is_ome:
        return _ome_times(tif.ome_metadata or "", frames)
    steps = np.arange(frames, dtype=np.float64)
    if tif.is_imagej:
        interval = _number((tif.imagej_metadata or {}).get("finterval"))
        unit = seconds_per_unit(str((tif.imagej_metadata or {}).get("tunit", "s")))
        if interval and unit:
            return steps * interval * unit, "ImageJ frame interval"
    tags = tif.pages.first.tags
    unit = seconds_per_unit(_text(tags, _DM_UNITS[2]))
    interval = _number(tags.valueof(_DM_SCALES[2]))
    if unit and interval:
        return steps * interval * unit, "DigitalMicrograph tags"
    return None, ""


def find_start(tif: tifffile.TiffFile) -> datetime | None:
    """Return the date and time that an OME-TIFF says its first image was taken at."""
    found = re.search(r"<(?:\w+:)?AcquisitionDate>([^<]+)<", tif.ome_metadata or "") if tif.is_ome else None
    try:
        return datetime.fromisoformat(found.group(1).strip()) if found else None
    except ValueError:
        return None


def _ome_pixels(xml: str) -> dict[str, str]:
    """Return the attributes of the first Pixels element; without an XML parser, which could be led astray."""
    found = re.search(r"<(?:\w+:)?Pixels\b([^<>]*)>", xml)
    return _attributes(found.group(1)) if found else {}


def _attributes(text: str) -> dict[str, str]:
    # Possessive, and never begun within a name: a long text without a match takes a time that goes with its length.
    return dict(re.findall(r"(?<![\w:])([\w:]++)\s*+=\s*+[\"']([^\"']*+)[\"']", text))


def _ome_scale(tif: tifffile.TiffFile) -> Scale | bool | None:
    if not tif.is_ome:
        return None
    pixels = _ome_pixels(tif.ome_metadata or "")
    sizes = []
    for axis in ("Y", "X"):
        # The OME schema's default unit of PhysicalSize is the micrometre.
        unit = _unescaped(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
        sizes.append(_in_nm(_number(pixels.get(f"PhysicalSize{axis}")), unit))
        if is_reciprocal(unit):
            return True
    return _scale(sizes[0] or sizes[1], sizes[1] or sizes[0], "OME PhysicalSize")


def _ome_times(xml: str, frames: int) -> tuple[FloatArray | None, str]:
    pixels = _ome_pixels(xml)
    planes: dict[int, float] = {}
    for text in re.findall(r"<(?:\w+:)?Plane\b([^<>]*)>", xml):
        plane = _attributes(text)
        unit = seconds_per_unit(_unescaped(plane.get("DeltaTUnit", "s")))
        delta = _number(plane.get("DeltaT"), zero=True)
        if unit and delta is not None and plane.get("TheT", "").isdigit():
            planes.setdefault(int(plane["TheT"]), delta * unit)
    if len(planes) >= frames > 1 and all(k in planes for k in range(frames)):
        times_s = np.array([planes[k] for k in range(frames)], np.float64)
        if np.all(np.diff(times_s) > 0):
            return times_s, "OME DeltaT"
    interval = _number(pixels.get("TimeIncrement"))
    unit = seconds_per_unit(_unescaped(pixels.get("TimeIncrementUnit", "s")))
    if interval and unit:
        return np.arange(frames, dtype=np.float64) * interval * unit, "OME TimeIncrement"
    return None, ""


def _dm_scale(page: tifffile.TiffPage) -> Scale | bool | None:
    sizes = []
    for unit_tag, scale_tag in zip(_DM_UNITS[:2], _DM_SCALES[:2], strict=True):
        unit = _text(page.tags, unit_tag)
        if is_reciprocal(unit):
            return True
        sizes.append(_in_nm(_number(page.tags.valueof(scale_tag)), unit))
    return _scale(sizes[1], sizes[0], "DigitalMicrograph tags")


def _imagej_scale(tif: tifffile.TiffFile, page: tifffile.TiffPage) -> Scale | bool | None:
    unit = str((tif.imagej_metadata or {}).get("unit", ""))
    if not tif.is_imagej or not unit:
        return None
    if is_reciprocal(unit):
        return True
    sizes = [_in_nm(_inverse(_ratio(page.tags.valueof(tag))), unit) for tag in (283, 282)]
    return _scale(sizes[0], sizes[1], f"ImageJ unit {plain_unit(unit)}", plain_unit(unit) not in _PRINT_UNITS)


def _maker_scale(tif: tifffile.TiffFile) -> Scale | None:
    """Return the pixel size in the private headers of FEI, TVIPS and Olympus SIS."""
    fei = (tif.fei_metadata or {}).get("Scan", {}) if tif.is_fei else {}
    if scale := _scale(_metres(fei.get("PixelHeight")), _metres(fei.get("PixelWidth")), "FEI header"):
        return scale
    tvips = (tif.tvips_metadata or {}) if tif.is_tvips else {}
    if size := _number(tvips.get("PixelSizeX")):
        # TVIPS states nm (TemCamF416 manual; tifffile's read_tvips_header names no unit).
        return _scale(_number(tvips.get("PixelSizeY")) or size, size, "TVIPS header")
    sis = (tif.sis_metadata or {}) if tif.is_sis else {}
    return _scale(_metres(sis.get("pixelsizey")), _metres(sis.get("pixelsizex")), "Olympus SIS header")


def _resolution(page: tifffile.TiffPage) -> Scale | None:
    unit = {2: "inch", 3: "cm"}.get(int(_number(page.tags.valueof(296)) or 0))
    if unit is None:
        return None
    sizes = [_in_nm(_inverse(_ratio(page.tags.valueof(tag))), unit) for tag in (283, 282)]
    return _scale(sizes[0], sizes[1], f"TIFF resolution tag in 1/{unit}", binding=False)


def _scale(y_nm: float | None, x_nm: float | None, source: str, binding: bool = True) -> Scale | None:
    return Scale(y_nm, x_nm, source, binding) if y_nm and x_nm else None


def _in_nm(value: float | None, unit: str) -> float | None:
    per = nm_per_unit(unit)
    return value * per if value and per else None


def _metres(value: Any) -> float | None:
    return _in_nm(_number(value), "m")


def _number(value: Any, zero: bool = False) -> float | None:
    """Return a finite positive number (or zero where allowed), None for anything else a file may hold there."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and (number > 0 or (zero and number == 0)) else None


def _ratio(value: Any) -> float | None:
    if isinstance(value, tuple) and len(value) == 2:
        return _number(value[0] / value[1]) if value[1] else None
    return _number(value)


def _inverse(value: float | None) -> float | None:
    return 1 / value if value else None


def _text(tags: tifffile.TiffTags, code: int) -> str:
    value = tags.valueof(code)
    return value if isinstance(value, str) else ""


def _unescaped(text: str) -> str:
    for entity, sign in (("&#181;", "µ"), ("&#xB5;", "µ"), ("&#956;", "µ"), ("&micro;", "µ"), ("&#197;", "Å")):
        text = text.replace(entity, sign)
    return text
