"""Valid inputs of every kind, small and made here, from which the damaged ones are made."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.robustness import makers_files
from tests.robustness.bombs import bombs

# What is inspected with a text file beside it, so that the text alone decides.
MOVIE = "movie.tif"


@dataclass(frozen=True)
class Seed:
    """A valid input.

    Attributes
    ----------
    kind : str
        Which mutations know it: ``tiff``, ``dm``, ``hdf5``, ``text`` ...
    files : {name: content}
        Relative to the folder it is put in.
    arguments : tuple of str
        What is asked of the program; ``{}`` stands for the folder.
    analyze : tuple of str
        The same as a whole analysis; empty where there is none.
    target : str
        The file that is damaged; "" for any of them.
    """

    kind: str
    files: dict[str, bytes]
    arguments: tuple[str, ...]
    analyze: tuple[str, ...] = ()
    target: str = ""
    tags: tuple[str, ...] = field(default=())


def all_seeds(folder: Path) -> list[Seed]:
    """Return every valid input; `folder` is used to write them with the libraries that write such files."""
    frames = _frames()
    found: list[Seed] = []
    for make in (_tiffs, _pictures, _videos, _makers, _hdf5, _zspy, _folders, _texts, _labels, _bombs):
        found += make(folder, frames)
    return found


def _frames() -> NDArray[np.uint16]:
    """Return 6 frames of two dark particles that grow on a noisy grey ground."""
    rng = np.random.default_rng(11)
    y, x = np.mgrid[:48, :56]
    frames = rng.normal(3000, 60, (6, 48, 56))
    for k in range(6):
        for at_y, at_x, radius in ((16, 18, 6 + 0.4 * k), (32, 40, 5 + 0.3 * k)):
            inside = 1 / (1 + np.exp(np.hypot(y - at_y, x - at_x) - radius))
            frames[k] -= 1200 * inside
    return frames.clip(0, 65535).astype(np.uint16)


def _movie_seed(kind: str, name: str, content: bytes, **more: Any) -> Seed:
    path = "{}/" + name
    return Seed(kind, {name: content}, ("inspect", path), ("analyze", path), name, **more)


def _written(folder: Path, name: str, write: Callable[[Path], Any]) -> bytes:
    path = folder / name
    write(path)
    return path.read_bytes()


def _tiffs(folder: Path, frames: NDArray[np.uint16]) -> list[Seed]:
    import tifffile

    byte = (frames // 16).astype(np.uint8)
    colour = np.repeat(byte[..., None], 3, axis=-1)
    ome = {"axes": "TYX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.5}
    ome |= {"PhysicalSizeYUnit": "nm", "TimeIncrement": 0.4, "TimeIncrementUnit": "s"}
    imagej = {"axes": "TYX", "unit": "nm", "finterval": 0.4}
    grey: dict[str, Any] = {"photometric": "minisblack"}
    forms: dict[str, tuple[NDArray[Any], dict[str, Any]]] = {
        "plain.tif": (frames, grey),
        "byte.tif": (byte, grey),
        "float.tif": (frames.astype(np.float32), grey | {"metadata": None}),
        "big-endian.tif": (frames, grey | {"byteorder": ">"}),
        "bigtiff.tif": (frames, grey | {"bigtiff": True}),
        "imagej.tif": (frames, {"imagej": True, "resolution": (2.0, 2.0), "metadata": imagej}),
        "stack.ome.tif": (frames, grey | {"ome": True, "metadata": ome}),
        "ome-big.ome.tif": (frames, grey | {"ome": True, "bigtiff": True, "metadata": ome, "compression": "zlib"}),
        "strips.tif": (frames, grey | {"rowsperstrip": 7}),
        "tiles.tif": (frames, grey | {"tile": (16, 16)}),
        "deflate.tif": (frames, grey | {"compression": "zlib"}),
        "deflate-tiles.tif": (frames, grey | {"compression": "zlib", "tile": (16, 32), "predictor": True}),
        "lzw.tif": (byte, grey | {"compression": "lzw", "predictor": True}),
        "packbits.tif": (byte, grey | {"compression": "packbits"}),
        "zstd.tif": (frames, grey | {"compression": "zstd"}),
        "lzma.tif": (frames, grey | {"compression": "lzma"}),
        "jpeg.tif": (byte, grey | {"compression": "jpeg"}),
        "jpeg2000.tif": (frames, grey | {"compression": "jpeg2000"}),
        "webp.tif": (colour, {"photometric": "rgb", "compression": "webp"}),
        "rgb.tif": (colour, {"photometric": "rgb"}),
        "planes.tif": (np.moveaxis(colour, -1, 1), {"photometric": "rgb", "planarconfig": "separate"}),
        "inverted.tif": (byte, {"photometric": "miniswhite"}),
        "palette.tif": (byte, {"photometric": "palette", "colormap": np.zeros((3, 256), np.uint16)}),
        "one.tif": (frames[0], grey),
    }
    return [
        _movie_seed("tiff", name, _written(folder, name, lambda p, s=stack, o=how: tifffile.imwrite(p, s, **o)))
        for name, (stack, how) in forms.items()
    ]


def _pictures(folder: Path, frames: NDArray[np.uint16]) -> list[Seed]:
    import imagecodecs
    from PIL import Image

    byte = (frames // 16).astype(np.uint8)
    images = [Image.fromarray(one) for one in byte]
    gif = _written(folder, "m.gif", lambda p: images[0].save(p, save_all=True, append_images=images[1:]))
    return [
        _movie_seed("png", "a.png", imagecodecs.png_encode(frames[0])),
        _movie_seed("png", "colour.png", imagecodecs.png_encode(np.repeat(byte[0][..., None], 3, axis=-1))),
        _movie_seed("jpeg", "a.jpg", imagecodecs.jpeg_encode(byte[0])),
        _movie_seed("gif", "m.gif", gif),
    ]


def _videos(folder: Path, frames: NDArray[np.uint16]) -> list[Seed]:
    byte = (frames // 16).astype(np.uint8)
    forms = {
        "mjpeg.avi": ("mjpeg", "yuvj420p"),
        "raw.avi": ("rawvideo", "gray"),
        "mpeg4.avi": ("mpeg4", "yuv420p"),
        "huffyuv.avi": ("ffvhuff", "yuv420p"),
        "mpeg4.mp4": ("mpeg4", "yuv420p"),
        "h264.mp4": ("libx264", "yuv420p"),
        "mjpeg.mov": ("mjpeg", "yuvj420p"),
        "vp9.webm": ("libvpx-vp9", "yuv420p"),
        "ffv1.mkv": ("ffv1", "gray"),
    }
    return [_movie_seed("video", name, _video(folder / name, byte, *how)) for name, how in forms.items()]


def _video(path: Path, frames: NDArray[np.uint8], codec: str, pixels: str) -> bytes:
    import av

    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=10)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:], pixels
        stream.thread_count = 1
        for frame in frames:
            for packet in stream.encode(av.VideoFrame.from_ndarray(frame, "gray").reformat(format=pixels)):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path.read_bytes()


def _makers(folder: Path, frames: NDArray[np.uint16]) -> list[Seed]:
    signed = frames.astype(np.int16)
    series = makers_files.ser_file(signed)
    found = [
        _movie_seed("dm", f"{name}.dm{version}", makers_files.dm_file(stack, version))
        for version in (3, 4)
        for name, stack in (("one", frames[0]), ("stack", frames), ("real", frames.astype(np.float32)))
    ]
    found += [
        _movie_seed("mrc", "m.mrc", makers_files.mrc_file(signed)),
        _movie_seed("mrc", "real.mrc", makers_files.mrc_file(frames.astype(np.float32))),
        _movie_seed("ser", "m_1.ser", series),
        _movie_seed("ser", "one_1.ser", makers_files.ser_file(frames[:1])),
        _movie_seed("tvips", "m_000.tvips", makers_files.tvips_file(frames)),
        Seed("ser", {"m.emi": makers_files.emi_file(), "m_1.ser": series}, ("inspect", "{}/m.emi"), target=""),
    ]
    return found


def _hdf5(folder: Path, frames: NDArray[np.uint16]) -> list[Seed]:
    from tests.robustness.hdf5_files import write_emd, write_hspy, write_velox

    writers = {"m.hspy": write_hspy, "m.emd": write_emd, "velox.emd": write_velox}
    return [
        _movie_seed("hdf5", name, _written(folder, name, lambda p, w=write: w(p, frames)))
        for name, write in writers.items()
    ]


def _zspy(folder: Path, frames: NDArray[np.uint16]) -> list[Seed]:
    import zarr

    from tests.robustness.hdf5_files import fill_hspy

    store = zarr.ZipStore(str(folder / "m.zspy"), mode="w")
    fill_hspy(zarr.group(store=store), frames)
    store.close()
    fill_hspy(zarr.open_group(str(folder / "d.zspy"), mode="w"), frames)
    inside = {f"d.zspy/{p.relative_to(folder / 'd.zspy')}": p.read_bytes() for p in _files(folder / "d.zspy")}
    return [
        _movie_seed("zip", "m.zspy", (folder / "m.zspy").read_bytes()),
        Seed("json", inside, ("inspect", "{}/d.zspy"), target=""),
    ]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _folders(folder: Path, frames: NDArray[np.uint16]) -> list[Seed]:
    import imagecodecs
    import tifffile

    pngs = {f"f/frame-{k}.png": imagecodecs.png_encode(frame) for k, frame in enumerate(frames)}
    tifs = {
        f"f/Chip-1-Frame-{k}-{10 * k}sec-{20 + k}C.tif": _written(
            folder, "x.tif", lambda p, f=frame: tifffile.imwrite(p, f, photometric="minisblack")
        )
        for k, frame in enumerate(frames)
    }
    tree = {
        f"f/Hour_00/Minute_00/Second_{k // 2:02d}/m_Hour_00_Minute_00_Second_{k // 2:02d}_Frame_{k % 2:04d}.dm4": (
            makers_files.dm_file(frame, 4)
        )
        for k, frame in enumerate(frames)
    }
    return [
        Seed(kind, files, ("inspect", "{}/f"), ("analyze", "{}/f"))
        for kind, files in (("png", pngs), ("tiff", tifs), ("dm", tree))
    ]


def _texts(folder: Path, frames: NDArray[np.uint16]) -> list[Seed]:
    import tifffile

    from tem_track.settings import settings_toml

    movie = _written(folder, MOVIE, lambda p: tifffile.imwrite(p, frames, photometric="minisblack"))
    times = "frame,time_s\n" + "".join(f"{k},{0.4 * k}\n" for k in range(6))
    log = "time_s,temp_C\n" + "".join(f"{k},{400 + 2 * k}\n" for k in range(40))
    semicolons = "Zeit [s];Temperatur [C]\r\n" + "".join(f"{k},5;{400 + k},25\r\n" for k in range(40))
    clock = "Time\tTemperature (C)\n" + "".join(f"12:00:{k:02d}.5\t{400 + k}\n" for k in range(40))
    impulse = "Experiment time,Date,Temperature measured\n[s],,[degC]\n" + "".join(
        f"{k}.0,2020-01-01 12:00:{k:02d},{400 + k}\n" for k in range(40)
    )
    own = (
        '[phases.Co3O4]\nedges_angstrom = 8.084\nformula_units = 8\nvolume_sd_angstrom3 = 0.3\nsource = "nobody"\n'
        '[reactions.Co3O4]\nequation = "Co3O4 + 8 Li -> 3 Co + 4 Li2O"\nsource = "nobody"\n'
        '[reactions.half]\nmixture = {NiO = 1, Co3O4 = 0.5}\nsource = "nobody"\n'
    )
    record = json.dumps({"program": "tem-track", "settings": {"track": {"max_gap_frames": {"value": 3}}}})
    inspect = ("inspect", "{}/" + MOVIE)
    analyze = ("analyze", "{}/" + MOVIE)
    timed = ("--frame-interval", "1s")
    made = [
        ("times.csv", times, (*inspect, "--times", "{}/times.csv"), (*analyze, "--times", "{}/times.csv")),
        *(
            (
                name,
                text,
                (*inspect, *timed, "--temperature", "{}/" + name),
                (*analyze, *timed, "--temperature", "{}/" + name),
            )
            for name, text in (("log.csv", log), ("s.csv", semicolons), ("clock.txt", clock), ("impulse.csv", impulse))
        ),
        ("my.toml", settings_toml(), ("settings", "--settings", "{}/my.toml"), (*analyze, "--settings", "{}/my.toml")),
        ("run.json", record, ("settings", "--settings", "{}/run.json"), ()),
        ("phases.toml", own, ("theory", "NiO", "--phases", "{}/phases.toml"), ()),
    ]
    return [Seed("text", {MOVIE: movie, name: text.encode()}, asked, whole, name) for name, text, asked, whole in made]


def _labels(folder: Path, frames: NDArray[np.uint16]) -> list[Seed]:
    import tifffile

    movie = _written(folder, MOVIE, lambda p: tifffile.imwrite(p, frames, photometric="minisblack"))
    labels = (frames < 2400).astype(np.uint16)
    stack = _written(folder, "labels.tif", lambda p: tifffile.imwrite(p, labels, photometric="minisblack"))
    array = _written(folder, "labels.npy", lambda p: np.save(p, labels))
    return [
        Seed(
            kind,
            {MOVIE: movie, name: content},
            ("labels", "{}/" + MOVIE, "{}/" + name),
            ("analyze", "{}/" + MOVIE, "--labels", "{}/" + name),
            name,
        )
        for kind, name, content in (("tiff", "labels.tif", stack), ("npy", "labels.npy", array))
    ]


def _bombs(folder: Path, frames: NDArray[np.uint16]) -> list[Seed]:
    # No valid inputs: they are damaged further all the same.
    return [Seed("bomb", {name: content}, ("inspect", "{}/" + name), (), name) for name, content in bombs(folder)]
