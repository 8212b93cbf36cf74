"""From a path to a `Movie`: find the reader, then put the user's options over what the file says."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

from tem_track.errors import InputError, TemTrackError
from tem_track.movie import Calibration, Movie
from tem_track.read.calibration import calibrated
from tem_track.read.kinds import READABLE, kind_of
from tem_track.read.limits import check_frame_count
from tem_track.read.quiet import listening
from tem_track.read.recording import Recording, one_line
from tem_track.read.times import timed


def open_movie(
    path: Path,
    *,
    pixel_size_nm: float | None = None,
    frame_interval_s: float | None = None,
    times: Path | None = None,
    allow_truncated: bool = False,
) -> Movie:
    """Return the movie in a file or folder: lazily read grey frames, a time for each, and the calibration.

    Nothing but headers is read, except of a video, which is decoded once to count its frames and to find those that
    repeat the one before. ``movie.frames[k]`` reads one frame at its full depth and is safe to call from threads.

    Parameters
    ----------
    path : Path
        A stack, a single image, a video, a folder of single frames, or a Gatan in-situ tree.
    pixel_size_nm : float, optional
        Edge of a pixel, nm; overrides what the file says.
    frame_interval_s : float, optional
        Time from frame to frame, s; overrides what the file says.
    times : Path, optional
        CSV with the columns ``frame,time_s``; overrides what the file says.
    allow_truncated : bool
        Take the complete frames of a truncated file instead of refusing it.

    Raises
    ------
    InputError
        With one line that says what is wrong and what to do: missing, empty or damaged file, not an image, absurd
        claims, a diffraction pattern or spectrum, an impossible calibration, times that do not fit the frames.
    """
    if frame_interval_s is not None and times is not None:
        raise InputError("give the frame interval or a file of times, not both")
    name = path.name or path.resolve().name
    return movie_of(_recording(path, allow_truncated), name, pixel_size_nm, frame_interval_s, times)


def movie_of(
    recording: Recording, name: str, pixel_size_nm: float | None, frame_interval_s: float | None, times: Path | None
) -> Movie:
    """Return what a reader found as a `Movie`, the user's options over what the file says.

    Raises
    ------
    InputError
        Absurd claims, numbers that are no grey values, an impossible calibration, times that do not fit the frames.
    """
    check_frame_count(name, recording.shape[0])
    if recording.dtype.kind not in "uif":
        raise InputError(f"{name}: holds {recording.dtype} numbers; only real grey values can be measured")
    calibration = calibrated(name, recording, pixel_size_nm)
    times_s, time_source, is_timed = timed(name, recording, frame_interval_s, times)
    return Movie(
        frames=recording.frames,
        shape=recording.shape,
        dtype=recording.dtype,
        times_s=times_s,
        time_source=time_source,
        timed=is_timed,
        calibration=calibration,
        name=name,
        format=recording.format,
        temperatures_c=recording.temperatures_c,
        temperature_source=recording.temperature_source,
        start=recording.start,
        unusable=MappingProxyType(dict(sorted(recording.unusable.items()))),
        notes=tuple(recording.notes),
        warnings=(*recording.warnings, *_missing(calibration, is_timed, recording.shape[0])),
    )


def read_recording(path: Path, kind: str, allow_truncated: bool) -> Recording:
    """Return the content of one file of a known kind; the reader is imported when it is needed."""
    if kind == "tiff":
        from tem_track.read.tiff.stack import read_tiff

        return read_tiff(path, allow_truncated)
    if kind in ("png", "jpeg"):
        from tem_track.read.picture import read_picture

        return read_picture(path, kind, allow_truncated)
    if kind in ("video", "gif"):
        from tem_track.read.video import read_video

        return read_video(path, kind, allow_truncated)
    from tem_track.read.vendor.opening import read_vendor

    return read_vendor(path, kind, allow_truncated)


def _recording(path: Path, allow_truncated: bool) -> Recording:
    try:
        kind = kind_of(path)
        with listening():
            if not kind and path.is_dir():
                from tem_track.read.folder import read_folder

                return read_folder(path, allow_truncated)
            if not kind:
                raise InputError(f"{path.name}: not an image or movie that tem-track knows ({READABLE})")
            return read_recording(path, kind, allow_truncated)
    except TemTrackError:
        raise
    # Parsers throw whatever they like at damaged headers; the user gets one line, --debug the rest.
    except Exception as error:
        raise InputError(f"{path.name}: cannot be read, damaged or not what it says: {one_line(error)}") from error


def _missing(calibration: Calibration, is_timed: bool, frames: int) -> list[str]:
    warnings = []
    if calibration.pixel_size_nm is None:
        warnings.append(
            f"no pixel size ({calibration.source}): results are in px and the nm columns stay empty; "
            "--pixel-size 0.5nm sets it"
        )
    if not is_timed and frames > 1:
        warnings.append("no frame times: time is the frame number; --frame-interval 400ms or --times FILE sets it")
    return warnings
