"""Microscope makers' files through RosettaSciIO, lazily: DM3/DM4, SER/EMI, Velox EMD, MRC, TVIPS, hspy, zspy.

A vendor's file may hold anything: several detectors, spectra, diffraction patterns. Every signal in it is judged by
its axes; the one with the most frames that is an image or a movie is read, and what was left out is said.
"""

from __future__ import annotations

import glob
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tem_track.errors import InputError
from tem_track.movie import FloatArray
from tem_track.read.grey import grey_from_colour, native, native_dtype
from tem_track.read.limits import check_frame_claim
from tem_track.read.quiet import listening, silence_loggers
from tem_track.read.recording import ReadFrames, Recording, Scale, one_line
from tem_track.read.units import is_reciprocal, nm_per_unit, plain_unit, seconds_per_unit
from tem_track.read.vendor.dm_header import check_dm
from tem_track.read.vendor.mrc_header import check_mrc
from tem_track.read.vendor.ser_header import check_ser
from tem_track.read.vendor.zspy_claims import check_zspy

_PLUGIN = {"dm": "digitalmicrograph", "ser": "tia", "emi": "tia", "mrc": "mrc", "tvips": "tvips", "zspy": "zspy"}
_FORMAT = {"ser": "TIA SER", "emi": "TIA EMI", "mrc": "MRC", "tvips": "TVIPS", "zspy": "zspy", "hspy": "hspy"}
_SPECTRAL_NAMES = {"energy", "energyloss", "wavelength"}
_SPECTRAL_UNITS = {"ev", "kev", "mev"}
# A chunk is decompressed whole to read one frame of it; beyond this that would not fit beside the analysis.
_MAX_CHUNK_BYTES = 4 * 2**30
# 1 A exactly is what many programs write into an MRC header when they know nothing.
_MRC_UNKNOWN_NM = 0.1


@dataclass
class _Signal:
    """One signal of a vendor's file: lazy array, its axes in array order, its kind, title, header and start."""

    array: Any
    axes: list[dict[str, Any]]
    kind: str
    title: str
    header: dict[str, Any]
    start: datetime | None = None


def read_vendor(path: Path, kind: str, allow_truncated: bool) -> Recording:
    """Return the image or movie in a vendor's file.

    Parameters
    ----------
    path : Path
    kind : str
        As `kind_of` tells it.
    allow_truncated : bool
        Take the complete frames of a truncated MRC; the other formats cannot be read in part.

    Raises
    ------
    InputError
        Damaged, or a spectrum, a diffraction pattern, 4-D data or complex numbers.
    """
    _check_header(path, kind, allow_truncated)
    signals = _signals(path, kind)
    judged = [(signal, _reason_against(signal)) for signal in signals]
    images = [signal for signal, reason in judged if not reason]
    if not signals and kind == "emi":
        raise InputError(f"{path.name}: no .ser file of this recording beside it; the images are in those")
    if not images:
        reasons = " and ".join(dict.fromkeys(reason for _, reason in judged)) or "nothing"
        raise InputError(f"{path.name}: holds {reasons}, not an image or movie")
    chosen = max(images, key=lambda signal: (_frame_count(signal), math.prod(signal.array.shape)))
    recording = _recording(path, kind, chosen)
    if kind == "mrc" and "std_header" in chosen.header:
        _map_mrc(path, recording, chosen, allow_truncated)
    _check_first_frame(path, recording)
    if len(signals) > 1:
        titles = ", ".join(signal.title or "untitled" for signal in signals)
        recording.notes.append(f"the file holds {len(signals)} signals ({titles}); {chosen.title or 'one'} is read")
    return recording


def _check_header(path: Path, kind: str, allow_truncated: bool) -> None:
    """Refuse what RosettaSciIO would believe: counts and sizes that the file cannot hold."""
    if kind == "mrc":
        check_mrc(path, allow_truncated)
    elif kind == "ser":
        check_ser(path)
    elif kind == "dm":
        check_dm(path)
    elif kind == "zspy":
        check_zspy(path)
    elif kind == "emi":
        # The images of a recording stand in the files beside it, which RosettaSciIO finds in this way.
        for file in sorted(path.parent.glob(f"{glob.escape(path.stem)}_[0-9].ser")):
            check_ser(file)


def _map_mrc(path: Path, recording: Recording, signal: _Signal, allow_truncated: bool) -> None:
    """Read an MRC's frames by mapping one at a time: they lie one after the other behind the two headers.

    RosettaSciIO maps the whole file for every frame, which a movie larger than the address space allowed, or a
    truncated one, does not survive.
    """
    frames, height, width = recording.shape
    dtype = signal.array.dtype
    # MRC2014: 1024 bytes of header, then NSYMBT (here NEXT) bytes of extended header.
    start = 1024 + int(np.ravel(signal.header["std_header"]["NEXT"])[0])
    frame_bytes = height * width * dtype.itemsize
    complete = max(0, min(frames, (path.stat().st_size - start) // frame_bytes))
    if complete < frames:
        if not complete or not allow_truncated:
            hint = "--allow-truncated goes on with these" if complete else "there is nothing to analyse"
            raise InputError(f"{path.name}: truncated: complete frames: {complete} of {frames}; {hint}")
        recording.warnings.append(f"truncated file: complete frames: {complete} of {frames}; the rest is missing")
    recording.shape = (complete, height, width)
    recording.frames = ReadFrames(
        recording.shape,
        lambda k: native(np.array(np.memmap(path, dtype, "r", start + k * frame_bytes, (height, width)))),
        path.name,
        serial=False,
    )


def _check_first_frame(path: Path, recording: Recording) -> None:
    """Read one frame: the file is mapped only then, and a truncated one shows."""
    try:
        recording.frames[0]
    except InputError as error:
        if "mmap length" in str(error):
            raise InputError(f"{path.name}: truncated, and {recording.format} cannot be read in part") from error
        raise


def _signals(path: Path, kind: str) -> list[_Signal]:
    import rsciio  # noqa: F401 (sets up the log handlers that are taken away next)

    silence_loggers()
    if kind == "hdf5":
        from tem_track.read.vendor.hdf5 import hdf5_kind

        kind = hdf5_kind(path)
    if kind == "zspy":
        _forbid_pickle()
    plugin = import_module(f"rsciio.{_PLUGIN.get(kind, kind)}")
    try:
        with listening():
            found = plugin.file_reader(str(path), lazy=True)
    except Exception as error:
        reason = one_line(error)
        if "mmap length" in reason or "requires a buffer" in reason:
            raise InputError(f"{path.name}: truncated, and {_format(path, kind)} cannot be read in part") from error
        raise InputError(f"{path.name}: cannot be read as {_format(path, kind)}: {reason}") from error
    return [_signal(one) for one in found if hasattr(one.get("data"), "dtype")]


def _signal(found: dict[str, Any]) -> _Signal:
    array, axes = found["data"], list(found["axes"])
    # Axes of one element say nothing (a stack of one, a scan of one point).
    while array.ndim > 2 and array.shape[0] == 1:
        array, axes = array[0], axes[1:]
    metadata = found.get("metadata", {})
    kind = str(metadata.get("Signal", {}).get("signal_type", "") or "")
    title = str(metadata.get("General", {}).get("title", "") or "")
    return _Signal(array, axes, kind.lower(), title, found.get("original_metadata", {}), _start(metadata))


def _start(metadata: dict[str, Any]) -> datetime | None:
    """Return when the recording began; RosettaSciIO gives Velox and TVIPS times in UTC, all others as on the clock."""
    general = metadata.get("General", {})
    try:
        start = datetime.fromisoformat(f"{general['date']}T{general['time']}")
    except (KeyError, ValueError):
        return None
    return start.replace(tzinfo=UTC) if general.get("time_zone") == "UTC" and start.tzinfo is None else start


def _forbid_pickle() -> None:
    """Take away zarr's pickle codec: a file must not be able to run code."""
    import numcodecs.registry  # type: ignore[import-untyped]

    numcodecs.registry.codec_registry.pop("pickle", None)


def _reason_against(signal: _Signal) -> str:
    """Return why a signal is no image or movie, in words; "" where it is one."""
    array, axes = signal.array, signal.axes
    if array.ndim < 2 or min(array.shape[-2:]) < 2 or any(_is_spectral(axis) for axis in axes):
        return "a spectrum or line profile"
    if any(is_reciprocal(_unit(axis)) for axis in axes) or "diffraction" in signal.kind:
        return "a diffraction pattern (reciprocal axes)" if array.ndim < 4 else "4-D diffraction data"
    if array.ndim > 3:
        return f"{array.ndim}-D data"
    if array.dtype.names is None and array.dtype.kind not in "uifb":
        return "complex numbers" if array.dtype.kind == "c" else f"{array.dtype} entries"
    if signal.kind.startswith(("eels", "eds")) or any(axis.get("navigate") is True for axis in axes[-2:]):
        return "a spectrum or line profile"
    return ""


def _is_spectral(axis: dict[str, Any]) -> bool:
    name = plain_unit(str(axis.get("name") or "")).replace("_", "")
    return name in _SPECTRAL_NAMES or _unit(axis) in _SPECTRAL_UNITS


def _unit(axis: dict[str, Any]) -> str:
    return plain_unit(str(axis.get("units") or ""))


def _frame_count(signal: _Signal) -> int:
    return int(signal.array.shape[0]) if signal.array.ndim == 3 else 1


def _recording(path: Path, kind: str, signal: _Signal) -> Recording:
    array = signal.array
    height, width = (int(size) for size in array.shape[-2:])
    check_frame_claim(path.name, height, width, array.dtype.itemsize)
    if math.prod(array.chunksize) * array.dtype.itemsize > _MAX_CHUNK_BYTES and kind in ("hdf5", "zspy"):
        raise InputError(f"{path.name}: one chunk of it is over 4 GiB; save it with one frame per chunk")
    shape = (_frame_count(signal), height, width)
    name = _format(path, kind)
    recording = Recording(
        frames=ReadFrames(shape, _frame_reader(array), path.name, serial=True),
        shape=shape,
        dtype=_grey_dtype(array.dtype),
        format=name,
        scale=_scale(signal.axes[-2:], name),
        start=signal.start,
    )
    # TIA writes the axes of a diffraction pattern in 1/m; read as a length that is millions of kilometres a pixel.
    recording.reciprocal = recording.scale is not None and kind in ("ser", "emi") and recording.scale.x_nm > 1e9
    if array.ndim == 3:
        recording.times_s = _times(signal.axes[0], shape[0])
        recording.time_source = f"time axis of the {name}"
        if recording.times_s is None and nm_per_unit(_unit(signal.axes[0])):
            recording.notes.append(f"the file's {shape[0]} slices are taken as time")
    return recording


def _frame_reader(array: Any) -> Callable[[int], NDArray[Any]]:
    def read(k: int) -> NDArray[Any]:
        frame = np.asarray((array[k] if array.ndim == 3 else array).compute(scheduler="synchronous"))
        if frame.dtype.names:
            return grey_from_colour(np.stack([frame[name] for name in frame.dtype.names], axis=-1))
        return native(frame)

    return read


def _grey_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type of a frame; colour comes as a structure of equal channels (R, G, B)."""
    return native_dtype(dtype[0] if dtype.names else dtype)


def _scale(axes: Sequence[dict[str, Any]], source: str) -> Scale | None:
    sizes = []
    for axis in axes:
        per, size = nm_per_unit(_unit(axis)), axis.get("scale")
        if per is None or size is None or not (math.isfinite(size) and size > 0):
            return None
        sizes.append(float(size) * per)
    doubt = ""
    if source == "MRC" and all(math.isclose(size, _MRC_UNKNOWN_NM, rel_tol=1e-6) for size in sizes):
        doubt = "the MRC header says exactly 1 A per pixel, which programs write when they do not know: check it"
    return Scale(sizes[0], sizes[1], f"{source} axes", doubt=doubt)


def _times(axis: dict[str, Any], frames: int) -> FloatArray | None:
    per = seconds_per_unit(_unit(axis))
    if per is None:
        return None
    if axis.get("axis") is not None:
        return np.asarray(axis["axis"], np.float64) * per
    step = axis.get("scale")
    if step is None or not (math.isfinite(step) and step > 0):
        return None
    return np.arange(frames, dtype=np.float64) * float(step) * per


def _format(path: Path, kind: str) -> str:
    if kind == "dm":
        return path.suffix[1:].upper()
    return _FORMAT.get(kind, "hspy" if path.suffix.lower() in (".hspy", ".hdf5") else "EMD")
