"""Recordings that are still being written: how many of their frames are complete, and how to read those.

A file that grows is looked at again and again. Each look goes on from where the one before ended, so that its cost does
not grow with the recording. A frame counts once all of its bytes are there; the one being written is left for the next
look. Containers that keep their index at the end (DM4, MP4, AVI, HDF5 ...) cannot be read before they are closed.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from tem_track.errors import InputError, TemTrackError
from tem_track.movie import Movie
from tem_track.read.heating.temperature import temperature_of_movie
from tem_track.read.kinds import kind_of
from tem_track.read.opening import movie_of
from tem_track.read.recording import Recording, one_line
from tem_track.settings import InputSettings


class GrowingFrames(Protocol):
    """Frames of a recording that goes on; ``frames[k]`` reads complete frame k as grey (Y, X)."""

    def look(self) -> int:
        """Return how many leading frames are complete now; never fewer than before.

        Raises
        ------
        InputError
            The recording is gone, or is another one than before.
        """

    def __len__(self) -> int:
        """Return how many frames were complete at the last look."""

    def __getitem__(self, k: int, /) -> NDArray[Any]: ...

    def recording(self) -> Recording:
        """Return what the file says of the frames that were complete at the last look; costs as much as opening it."""


def open_growing(path: Path) -> GrowingFrames | None:
    """Return the frames of a recording that is still being written, None for a kind that must be closed first.

    Parameters
    ----------
    path : Path
        A TIFF stack, an MRC file, a folder of single frames or a Gatan in-situ tree.

    Raises
    ------
    InputError
        Not one frame is complete yet, or it is no recording.
    """
    try:
        kind = kind_of(path)
        if kind == "tiff":
            from tem_track.read.growing.tiff import GrowingTiff

            return GrowingTiff(path)
        if kind == "mrc":
            from tem_track.read.growing.mrc import GrowingMrc

            return GrowingMrc(path)
        if not kind and path.is_dir():
            from tem_track.read.growing.folder import GrowingFolder

            return GrowingFolder(path)
    except TemTrackError:
        raise
    # Half-written headers make parsers throw whatever they like.
    except Exception as error:
        raise InputError(f"{path.name}: not readable yet: {one_line(error)}") from error
    if not kind:
        raise InputError(f"{path.name}: not an image or movie that tem-track knows")
    return None


def movie_so_far(
    frames: GrowingFrames, path: Path, settings: InputSettings, times: Path | None, temperature: Path | None
) -> Movie:
    """Return the frames that were complete at the last look as a `Movie`.

    What is given beside the movie may cover all of it, or not yet this much: times and temperatures that do not fit
    are left out with a warning, since the analysis of the finished recording will ask for them again.

    Raises
    ------
    InputError
        The recording itself cannot be used.
    """
    sizes = settings.pixel_size_nm or None, settings.frame_interval_s or None
    recording = frames.recording()
    try:
        movie = movie_of(recording, path.name, *sizes, times)
    except InputError as error:
        if times is None:
            raise
        movie = movie_of(recording, path.name, *sizes, None)
        return _warned(movie, f"times left out for now: {error}")
    try:
        return temperature_of_movie(
            movie,
            log=temperature,
            ramp=settings.ramp,
            offset=settings.log_offset,
            columns=settings.temperature_columns,
        )
    except InputError as error:
        return _warned(movie, f"no temperatures for now: {error}")


def bytes_now(path: Path) -> int:
    """Return the size of a file as it is now.

    Opened first: network file systems answer a plain stat from memory, but ask the server when a file is opened (NFS:
    close-to-open consistency, https://www.rfc-editor.org/rfc/rfc7530#section-1.4.6).

    Raises
    ------
    InputError
        The file is gone.
    """
    try:
        with path.open("rb") as stream:
            return stream.seek(0, os.SEEK_END)
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read: {error.strerror or error}") from error


def _warned(movie: Movie, warning: str) -> Movie:
    return replace(movie, warnings=(*movie.warnings, warning))
