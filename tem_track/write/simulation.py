"""A simulated movie and its truth as a folder: what `tem-track simulate` writes.

movie.tif            OME-TIFF, calibrated, zlib; the frames' times where some were dropped
frame_times.csv      frame,time_s; only where frames were dropped
temperature.csv      the holder's log on its own clock (heating)
scene.json           the scene that makes the same bytes again; written last
truth/               drift.csv frames.csv, and by kind of specimen
    lithiation       tracks.csv particles.csv events.csv labels.tif cores.tif
    heating          arrival_time.tif grains.tif front.csv grains.csv crossings.csv nuclei.csv summary.json
    precipitate      tracks.csv labels.tif summary.json
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from tem_track import __version__
from tem_track.errors import InputError, OutputError
from tem_track.labels import LabelStack
from tem_track.movie import Frames, Labels, Movie, Progress, no_progress
from tem_track.tables import Column, Table
from tem_track.write.files import output_error, whole_file, write_text
from tem_track.write.stacks import write_label_stack
from tem_track.write.tables import write_table

RECORD = "scene.json"
SIMULATION_FILES = (
    "movie.tif",
    "frame_times.csv",
    "temperature.csv",
    *(f"truth/{name}.csv" for name in ("drift", "frames", "tracks", "particles", "events")),
    *(f"truth/{name}.csv" for name in ("front", "grains", "crossings", "nuclei")),
    *(f"truth/{name}.tif" for name in ("labels", "cores", "arrival_time", "grains")),
    "truth/summary.json",
    RECORD,
)
"""Every file a simulation may hold: what `overwrite` may replace or remove, and nothing else."""

_TIMES = (
    Column("frame", "int", "frame number, from 0"),
    Column("time_s", "float", "time of the frame", 12),
)
# Intervals that differ by less than this share are one interval (floating point).
_SAME_INTERVAL = 1e-9
# A classic TIFF ends at 2^32 bytes; pages and tags of a long movie need room besides the pixels.
_CLASSIC_LIMIT = 4_000_000_000


class Simulated(Protocol):
    """What a simulation must offer to be written; the writer knows no stage."""

    @property
    def movie(self) -> Movie:
        """The movie, calibrated; its frames are uint16."""

    @property
    def specimen(self) -> str:
        """What was simulated: ``"lithiation"``, ``"heating"`` or ``"precipitate"``."""

    @property
    def record(self) -> Mapping[str, Any]:
        """The scene, in what JSON can hold."""

    @property
    def inputs(self) -> Mapping[str, tuple[Sequence[Column], Table]]:
        """Columns and rows of each table a user would have beside the movie, by the name of its file."""

    @property
    def tables(self) -> Mapping[str, tuple[Sequence[Column], Table]]:
        """Columns and rows of each table of the truth, by the name of its file without ``.csv``."""

    @property
    def label_images(self) -> Mapping[str, Callable[[int], Labels]]:
        """Functions from frame k to a (Y, X) int32 image of the truth, by the name of its file without ``.tif``."""

    @property
    def maps(self) -> Mapping[str, NDArray[Any]]:
        """Images (Y, X) of the truth in the specimen frame, by the name of their file without ``.tif``."""

    @property
    def summaries(self) -> Mapping[str, Mapping[str, Any]]:
        """What JSON can hold of the truth, by the name of its file without ``.json``."""


def write_simulation(
    simulation: Simulated, folder: Path, *, overwrite: bool = False, progress: Progress = no_progress
) -> None:
    """Write a movie and its truth; frames and label images are rendered one at a time.

    Parameters
    ----------
    simulation : Simulated
    folder : Path
        New, empty, or (with `overwrite`) an earlier simulation.
    overwrite : bool
    progress : callable
        Called with (frames written, frames in all) as the movie is written.

    Raises
    ------
    OutputError
        The folder holds something else, an earlier simulation that may not be overwritten, or cannot be written.

    Notes
    -----
    The same scene gives the same bytes. Each file appears whole, ``scene.json`` last.
    """
    _prepare(folder, overwrite)
    _write_movie(folder / "movie.tif", simulation.movie, progress)
    times_s = simulation.movie.times_s
    if _interval_s(simulation.movie) is None:
        write_table(folder / "frame_times.csv", _TIMES, {"frame": np.arange(len(times_s)), "time_s": times_s})
    for name, (columns, table) in simulation.inputs.items():
        write_table(folder / f"{name}.csv", columns, table)
    for name, (columns, table) in simulation.tables.items():
        write_table(folder / "truth" / f"{name}.csv", columns, table)
    for name, image_of in simulation.label_images.items():
        _write_labels(folder / "truth" / f"{name}.tif", image_of, simulation.movie)
    for name, image in simulation.maps.items():
        _write_map(folder / "truth" / f"{name}.tif", image)
    for name, summary in simulation.summaries.items():
        write_text(folder / "truth" / f"{name}.json", json.dumps(summary, indent=1) + "\n")
    record = {
        "tem_track": __version__,
        "made_by": "tem-track simulate",
        "specimen": simulation.specimen,
        "scene": simulation.record,
    }
    write_text(folder / RECORD, json.dumps(record, indent=1) + "\n")


def read_scene(path: Path) -> tuple[str, dict[str, Any]]:
    """Return the specimen and the scene's values of a ``scene.json`` (or of the simulation folder that holds one).

    The values are what `tem_track.simulate.scene_changed` takes.

    Raises
    ------
    InputError
        The file cannot be read or is not a scene.
    """
    path = path / RECORD if path.is_dir() else path
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path.name}: not valid JSON: {error}") from error
    if not isinstance(record, dict) or not isinstance(record.get("scene"), dict):
        raise InputError(f"{path.name}: not the scene of a simulation (no group 'scene')")
    return str(record.get("specimen", "")), record["scene"]


def _prepare(folder: Path, overwrite: bool) -> None:
    try:
        there = list(folder.iterdir()) if folder.exists() else []
        if there and not (folder / RECORD).exists():
            raise OutputError(f"{folder}: is not empty and not a simulation; name a new folder")
        if there and not overwrite:
            raise OutputError(f"{folder}: holds a simulation; name a new folder, or add --overwrite")
        (folder / "truth").mkdir(parents=True, exist_ok=True)
        # The record goes first: an interrupted rewrite must not look whole.
        for name in reversed(SIMULATION_FILES):
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise output_error(folder, error) from error


def _write_labels(path: Path, image_of: Callable[[int], Labels], movie: Movie) -> None:
    """Write one label image per frame; no file where all of them are empty."""
    labels = LabelStack(movie.shape[1:])
    for k in range(len(movie)):
        labels.append(image_of(k))
    largest = max((int(image.max(initial=0)) for image in labels), default=0)
    if largest == 0 and path.stem != "labels":
        return
    write_label_stack(
        path,
        # A stack of labels is read like a sequence; it only lacks what nobody asks of it (count, index).
        cast("Sequence[Labels]", labels),
        shape=movie.shape,
        largest=largest,
        pixel_size_nm=movie.calibration.pixel_size_nm,
        frame_interval_s=float(movie.times_s[-1]) / max(len(movie) - 1, 1) or None,
    )


def _write_map(path: Path, image: NDArray[Any]) -> None:
    """Write one image of the truth as it is: float32, or uint16 for labels."""
    import tifffile

    kept = image.astype(np.float32 if np.issubdtype(image.dtype, np.floating) else np.uint16)
    with whole_file(path) as aside:
        tifffile.imwrite(aside, kept, byteorder="<", compression="zlib", metadata=None, software="tem-track")


def _interval_s(movie: Movie) -> float | None:
    """Return the one interval between all frames, or None where frames are missing; 1 s for a single frame."""
    intervals = np.diff(movie.times_s)
    if not len(intervals):
        return 1.0
    return float(intervals[0]) if np.ptp(intervals) <= _SAME_INTERVAL * intervals[0] else None


def _write_movie(path: Path, movie: Movie, progress: Progress) -> None:
    import tifffile

    large = int(np.prod(movie.shape, dtype=np.int64)) * 2 > _CLASSIC_LIMIT
    with whole_file(path) as aside, tifffile.TiffWriter(aside, bigtiff=large, byteorder="<") as tiff:
        tiff.write(
            _pages(movie.frames, progress),
            shape=movie.shape,
            dtype=np.uint16,
            photometric="minisblack",
            compression="zlib",
            # Counting noise does not compress: a higher level takes longer for nothing.
            compressionargs={"level": 6},
            predictor=False,
            description=_ome_xml(movie),
            software="tem-track",
            # tifffile's own OME-XML carries a random identifier; the same scene must give the same bytes.
            metadata=None,
            maxworkers=1,
        )


def _pages(frames: Frames, progress: Progress) -> Iterator[NDArray[Any]]:
    for k in range(len(frames)):
        yield frames[k]
        progress(k + 1, len(frames))


def _ome_xml(movie: Movie) -> str:
    """Return the OME-XML of the movie: size, pixel size, interval or, where frames were dropped, the time of each."""
    frames, height, width = movie.shape
    every = _interval_s(movie)
    interval = "" if every is None else f' TimeIncrement="{every:.9g}" TimeIncrementUnit="s"'
    planes = "".join(
        f'<Plane TheC="0" TheZ="0" TheT="{k}" DeltaT="{t:.9g}" DeltaTUnit="s"/>'
        for k, t in enumerate(movie.times_s)
        if every is None
    )
    size_nm = movie.calibration.pixel_size_nm
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        ' xsi:schemaLocation="http://www.openmicroscopy.org/Schemas/OME/2016-06'
        ' http://www.openmicroscopy.org/Schemas/OME/2016-06/ome.xsd">'
        f'<Image ID="Image:0" Name={quoteattr(movie.name)}>'
        '<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" BigEndian="false"'
        f' SizeX="{width}" SizeY="{height}" SizeC="1" SizeZ="1" SizeT="{frames}"'
        f' PhysicalSizeX="{size_nm:.9g}" PhysicalSizeXUnit="nm"'
        f' PhysicalSizeY="{size_nm:.9g}" PhysicalSizeYUnit="nm"{interval}>'
        f'<Channel ID="Channel:0:0" SamplesPerPixel="1"/><TiffData IFD="0" PlaneCount="{frames}"/>{planes}'
        "</Pixels></Image></OME>"
    )
