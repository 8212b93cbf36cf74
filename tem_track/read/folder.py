"""A folder of single frames, or a Gatan in-situ tree, read in place."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Container, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tem_track.errors import InputError
from tem_track.movie import FloatArray
from tem_track.read.frame_names import temperatures_in_names, times_in_names, without_quantities
from tem_track.read.insitu_tree import is_insitu_tree, tree_frames, tree_times
from tem_track.read.kinds import kind_of
from tem_track.read.limits import check_frame_claim
from tem_track.read.opening import read_recording
from tem_track.read.picture import decode_picture, picture_size
from tem_track.read.recording import ReadFrames, Recording, Scale

# What a single frame may be called; the content decides how it is read.
FRAME_SUFFIXES = {
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".dm3": "DM3",
    ".dm4": "DM4",
    ".ser": "SER",
    ".mrc": "MRC",
}
# The other files of a folder are opened only where they can be movies on their own.
_STACK_SUFFIXES = {".emi", ".emd", ".hspy", ".zspy", ".tvips", ".avi", ".mp4", ".mov", ".gif", ".hdf5", ".h5"}
# Opening every vendor file of a long series takes minutes; a change of magnification shows in this many of them.
_FRAMES_CHECKED = 32
# Files of one size hold frames of one size; tags (time stamps) differ by less than this.
_SAME_BYTES = 0.002


def read_folder(path: Path, allow_truncated: bool) -> Recording:
    """Return the single frames of a folder as a movie, in natural order.

    Parameters
    ----------
    path : Path
    allow_truncated : bool
        Passed on where the folder turns out to hold one stack.

    Raises
    ------
    InputError
        No frames, several kinds of them, frames of different size or magnification, a file with many frames.
    """
    times_s = None
    notes: list[str] = []
    if is_insitu_tree(path):
        files, places = tree_frames(path, FRAME_SUFFIXES)
        times_s, notes = tree_times(places)
    else:
        files, notes = _files_of_one_kind(path)
        if len(files) == 1:
            recording = read_recording(files[0], _kind(files[0]), allow_truncated)
            recording.notes.append(f"the folder holds one movie, {files[0].name}")
            return recording
    recording = recording_of_files(path, files, times_s, allow_truncated)
    recording.notes += notes
    return recording


def recording_of_files(
    folder: Path, files: list[Path], times_s: FloatArray | None, allow_truncated: bool = False, compared: bool = True
) -> Recording:
    """Return single frames as one movie.

    Parameters
    ----------
    folder : Path
        What the movie is named after.
    files : list of Path
        A frame each, in order.
    times_s : (T,) float64 or None
        Times of a Gatan in-situ tree; None takes what the names say.
    allow_truncated : bool
        Take damaged frames as unusable instead of refusing the movie.
    compared : bool
        Compare size and magnification of the others with the first one; what is still being written is not.

    Raises
    ------
    InputError
        Frames of different size or magnification, a file that holds several.
    """
    recording = _folder_recording(folder, files, allow_truncated, compared)
    if times_s is not None:
        recording.times_s, recording.time_source = times_s, "Gatan in-situ folder tree"
        recording.format = f"Gatan in-situ tree of {FRAME_SUFFIXES[files[0].suffix.lower()]} frames"
    else:
        _read_names(recording, [file.stem for file in files])
    return recording


def read_frame(file: Path) -> NDArray[Any]:
    """Return the one grey frame (Y, X) of a file.

    Raises
    ------
    InputError
        Damaged, not yet complete, or no single frame.
    """
    kind = _kind(file)
    return decode_picture(file, kind) if kind in ("png", "jpeg") else _single(file).frames[0]


def frame_files(folder: Path) -> list[Path]:
    """Return the single-frame files of a folder (of its most frequent kind) in natural order.

    Raises
    ------
    InputError
        No frames, or several kinds of them.
    """
    return _files_of_one_kind(folder)[0]


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sorting key that puts ``frame-2`` before ``frame-10``.

    >>> sorted(["f10", "f9", "f010"], key=natural_key)
    ['f9', 'f010', 'f10']
    """
    parts = re.split(r"(\d+)", text.lower())
    return (*((1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts), (2, 0, text))


def numbers_of(stems: Sequence[str]) -> NDArray[np.int64] | None:
    """Return the frame number in each file name, None where the names do not carry one that increases.

    The frame number is the last number in the name that changes from frame to frame.

    >>> numbers_of(["Chip-4-Heat-1-Frame-2", "Chip-4-Heat-1-Frame-47"]).tolist()
    [2, 47]
    """
    runs = [[int(number) for number in re.findall(r"\d+", stem)] for stem in stems]
    if len({len(run) for run in runs}) != 1 or not runs[0] or max(max(run) for run in runs) >= 2**62:
        return None
    table = np.array(runs, np.int64)
    changing = np.flatnonzero(np.any(table != table[0], axis=0))
    if not changing.size:
        return None
    numbers = table[:, changing[-1]]
    return numbers if np.all(np.diff(numbers) > 0) else None


def _read_names(recording: Recording, stems: Sequence[str]) -> None:
    """Add what the frames' names say: number, time, temperature."""
    recording.numbers = numbers_of([without_quantities(stem) for stem in stems])
    recording.notes += _gaps(recording.numbers)
    recording.times_s = times_in_names(stems)
    recording.temperatures_c = temperatures_in_names(stems)
    if recording.times_s is not None:
        recording.time_source = "time in the file names"
    if recording.temperatures_c is not None:
        recording.temperature_source = "temperature in the file names"


def _gaps(numbers: NDArray[np.int64] | None) -> list[str]:
    if numbers is None or np.all(np.diff(numbers) == 1):
        return []
    span = int(numbers[-1] - numbers[0]) + 1
    return [f"frame numbers run from {numbers[0]} to {numbers[-1]} with gaps ({len(numbers)} of {span} present)"]


def _files_of_one_kind(folder: Path) -> tuple[list[Path], list[str]]:
    try:
        files = sorted((file for file in folder.iterdir() if _is_visible_file(file)), key=lambda f: natural_key(f.name))
    except OSError as error:
        raise InputError(f"{folder.name}: cannot be read: {error.strerror or error}") from error
    groups = Counter(FRAME_SUFFIXES[file.suffix.lower()] for file in files if file.suffix.lower() in FRAME_SUFFIXES)
    if not groups:
        stacks = [file for file in files if file.suffix.lower() in _STACK_SUFFIXES]
        if len(stacks) == 1:
            return stacks, []
        raise InputError(f"{folder.name}: no frames in this folder ({', '.join(sorted(set(FRAME_SUFFIXES.values())))})")
    (kind, count), *others = groups.most_common()
    if others and others[0][1] * 2 > count:
        raise InputError(f"{folder.name}: holds {count} {kind} and {others[0][1]} {others[0][0]} files; keep one kind")
    notes = [f"{sum(n for _, n in others)} files of another kind are left out"] if others else []
    return [file for file in files if FRAME_SUFFIXES.get(file.suffix.lower()) == kind], notes


def _is_visible_file(file: Path) -> bool:
    # Path.is_file is False for a link that leads to itself.
    return not file.name.startswith(".") and (file.is_file() or file.suffix.lower() == ".zspy")


def _folder_recording(folder: Path, files: list[Path], allow_truncated: bool, compared: bool) -> Recording:
    first = _single(files[0])
    if compared:
        _check_sizes(files, first)
        _check_scales(files, first.scale)
    damaged = _damaged(files) if allow_truncated else {}
    shape = (len(files), *first.shape[1:])
    # Vendor files are opened anew for each frame, and RosettaSciIO does not promise to be safe in threads.
    serial = _kind(files[0]) not in ("png", "jpeg", "tiff")
    return Recording(
        frames=ReadFrames(shape, _frame_reader(files, first, damaged), folder.name, serial=serial),
        shape=shape,
        dtype=first.dtype,
        format=f"folder of {FRAME_SUFFIXES[files[0].suffix.lower()]} frames",
        scale=first.scale,
        reciprocal=first.reciprocal,
        notes=list(first.notes),
        unusable=damaged,
    )


def _damaged(files: list[Path]) -> dict[int, str]:
    """Return the numbers of the frames that cannot be read, each with its reason; every file is read once."""
    found = {}
    for k, file in enumerate(files):
        try:
            read_frame(file)
        except InputError:
            found[k] = "truncated or damaged file"
    return found


def _kind(file: Path) -> str:
    kind = kind_of(file)
    if not kind:
        raise InputError(f"{file.name}: not an image, although its name says so")
    return kind


def _single(file: Path) -> Recording:
    recording = read_recording(file, _kind(file), False)
    if recording.shape[0] != 1:
        raise InputError(
            f"{file.name}: holds {recording.shape[0]} frames; give that file itself, or one frame per file"
        )
    return recording


def _check_sizes(files: list[Path], first: Recording) -> None:
    """Compare every frame's size with the first, from headers; vendors' uncompressed files by their length."""
    first_bytes = files[0].stat().st_size
    for file in files[1:]:
        kind = _kind(file)
        if kind in ("png", "jpeg"):
            height, width, depth = picture_size(file, kind)
            check_frame_claim(file.name, height, width, depth)
        elif kind == "tiff":
            from tem_track.read.tiff.stack import tiff_size

            height, width = tiff_size(file)
        elif abs(file.stat().st_size - first_bytes) <= _SAME_BYTES * first_bytes:
            continue
        else:
            height, width = _single(file).shape[1:]
        if (height, width) != first.shape[1:]:
            raise InputError(
                f"{file.name}: {height} x {width} pixels, but {files[0].name} has {first.shape[1]} x {first.shape[2]}; "
                "all frames of a folder must have one size"
            )


def _check_scales(files: list[Path], scale: Scale | None) -> None:
    if scale is None:
        return
    for at in np.unique(np.linspace(0, len(files) - 1, _FRAMES_CHECKED).astype(int)):
        other = _single(files[at]).scale
        # 1 %: the same limit as between x and y; magnifications differ by tens of per cent.
        if other is not None and abs(other.x_nm - scale.x_nm) > 0.01 * scale.x_nm:
            raise InputError(
                f"{files[at].name}: {other.x_nm:g} nm per pixel, but {files[0].name} has {scale.x_nm:g}; "
                "all frames of a movie must have one magnification"
            )


def _frame_reader(files: list[Path], first: Recording, damaged: Container[int]) -> Callable[[int], NDArray[Any]]:
    def read(k: int) -> NDArray[Any]:
        if k in damaged:
            return np.zeros(first.shape[1:], first.dtype)
        frame = read_frame(files[k])
        if frame.dtype != first.dtype:
            raise InputError(f"{files[k].name}: {frame.dtype} grey values, but {files[0].name} has {first.dtype}")
        return frame

    return read
