"""Label images made elsewhere (ilastik, Cellpose, micro-SAM): one whole number per pixel and particle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tem_track.errors import InputError, TemTrackError
from tem_track.labels import LabelStack
from tem_track.movie import Labels
from tem_track.read.kinds import kind_of
from tem_track.read.quiet import listening
from tem_track.read.recording import one_line

_LARGEST = np.iinfo(np.int32).max


def read_labels(path: Path, shape: tuple[int, int, int]) -> LabelStack:
    """Return label images made elsewhere, one per frame of the movie.

    Parameters
    ----------
    path : Path
        TIFF stack, a folder of TIFF or PNG files (one per frame, natural order), or a .npy array (T, Y, X).
        0 is background; every other whole number is one particle.
    shape : (int, int, int)
        (T, Y, X) of the movie they belong to.

    Returns
    -------
    LabelStack
        A binary mask (one value beside 0) is labelled by its connected parts, 8 neighbours to a pixel; ``notes`` of
        the stack says so.

    Raises
    ------
    InputError
        Not label images, wrong shape, negative or not whole numbers, more than 2^31 - 1.
    """
    try:
        with listening():
            count, images = _images(path)
        if count != shape[0]:
            wanted = "one is wanted" if shape[0] == 1 else f"the movie has {shape[0]} frames"
            raise InputError(f"{path.name}: holds {count} label images, but {wanted}")
        return _stacked(path.name, images, shape)
    except TemTrackError:
        raise
    except Exception as error:
        raise InputError(f"{path.name}: cannot be read as label images: {one_line(error)}") from error


def _stacked(name: str, images: Iterator[NDArray[Any]], shape: tuple[int, int, int]) -> LabelStack:
    stack = LabelStack(shape[1:])
    values: set[int] = set()
    for k, image in enumerate(images):
        labels = _checked(name, k, image, shape[1:])
        stack.append(labels)
        if len(values) < 2:
            values |= {int(value) for value in np.unique(labels)[:3]} - {0}
    if not values:
        raise InputError(f"{name}: every label image is empty")
    if len(values) == 1:
        _label_parts(stack)
        stack.notes = (f"{name} is a binary mask: its connected parts are taken as the particles",)
    return stack


def _checked(name: str, k: int, image: NDArray[Any], size: tuple[int, int]) -> Labels:
    if image.shape != size:
        raise InputError(f"{name}: label image {k} is {_by(image.shape)} pixels, the movie {_by(size)}")
    if image.dtype.kind == "f":
        whole = np.isfinite(image) & (np.floor(image) == image)
        if not whole.all():
            raise InputError(f"{name}: label image {k} holds numbers that are not whole")
    elif image.dtype.kind not in "uib":
        raise InputError(f"{name}: holds {image.dtype} entries, not whole numbers")
    if image.min() < 0:
        raise InputError(f"{name}: label image {k} holds negative numbers")
    if image.max() > _LARGEST:
        raise InputError(f"{name}: label image {k} holds numbers above {_LARGEST}")
    return image.astype(np.int32)


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(str(size) for size in shape)


def _label_parts(stack: LabelStack) -> None:
    import cv2

    for k in range(len(stack)):
        _, labels = cv2.connectedComponents((stack[k] > 0).astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
        stack[k] = np.asarray(labels, np.int32)


def _images(path: Path) -> tuple[int, Iterator[NDArray[Any]]]:
    """Return the number of label images and the images one after the other, with the numbers as stored."""
    if path.is_dir():
        from tem_track.read.folder import frame_files

        files = frame_files(path)
        return len(files), (_only(file) for file in files)
    kind = kind_of(path)
    if kind == "tiff":
        from tem_track.read.tiff.stack import read_tiff

        recording = read_tiff(path, allow_truncated=False, as_labels=True)
        return recording.shape[0], (recording.frames[k] for k in range(recording.shape[0]))
    if kind == "png":
        return 1, iter([_only(path)])
    if path.suffix.lower() == ".npy":
        # Never unpickled: an array file must not be able to run code.
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        if array.ndim not in (2, 3):
            raise InputError(f"{path.name}: an array of shape {array.shape}, should be (frames, height, width)")
        stack = array if array.ndim == 3 else array[None]
        return stack.shape[0], (np.asarray(stack[k]) for k in range(stack.shape[0]))
    raise InputError(f"{path.name}: label images must be a TIFF stack, a folder of TIFF or PNG files, or a .npy array")


def _only(file: Path) -> NDArray[Any]:
    kind = kind_of(file)
    if kind == "tiff":
        from tem_track.read.tiff.stack import read_tiff

        recording = read_tiff(file, allow_truncated=False, as_labels=True)
        if recording.shape[0] != 1:
            raise InputError(f"{file.name}: holds {recording.shape[0]} label images; a folder holds one per file")
        return recording.frames[0]
    if kind == "png":
        from tem_track.read.picture import decode_picture

        return decode_picture(file, kind, colour=False)
    raise InputError(f"{file.name}: a label image must be TIFF or PNG")
