"""HDF5 files as HyperSpy, Berkeley and Velox write them, and what a hostile one may hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

AXES = (("time", "s", 0.4), ("y", "nm", 0.5), ("x", "nm", 0.5))


def fill_hspy(group: Any, frames: NDArray[Any]) -> None:
    """Put a movie into an HDF5 or zarr group as HyperSpy does."""
    group.attrs.update(file_format="HyperSpy", file_format_version="3.1")
    movie = group.create_group("Experiments/movie")
    movie.create_dataset("data", data=frames, chunks=(1, *frames.shape[1:]))
    for k, (name, unit, scale) in enumerate(AXES):
        words = {"_type": "UniformDataAxis", "name": name, "units": unit, "scale": scale, "offset": 0.0}
        movie.create_group(f"axis-{k}").attrs.update(**words, size=frames.shape[k], navigate=k < 1)
    movie.create_group("metadata/Signal").attrs.update(signal_type="")
    movie.create_group("metadata/General").attrs.update(title="movie")
    movie.create_group("original_metadata")


def write_hspy(path: Path, frames: NDArray[Any]) -> None:
    """Write a HyperSpy file."""
    import h5py

    with h5py.File(path, "w") as file:
        fill_hspy(file, frames)


def write_emd(path: Path, frames: NDArray[Any]) -> None:
    """Write a Berkeley EMD file."""
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs.update(version_major=0, version_minor=2)
        group = file.create_group("data/movie")
        group.attrs["emd_group_type"] = 1
        # This format counts its axes from x on.
        stack = frames.T
        group.create_dataset("data", data=stack, chunks=(*stack.shape[:2], 1), compression="gzip")
        for k, (name, unit, scale) in enumerate(reversed(AXES)):
            dimension = group.create_dataset(f"dim{k + 1}", data=np.arange(stack.shape[k]) * scale)
            dimension.attrs.update(name=name, units=f"[{unit}]")


def write_velox(path: Path, frames: NDArray[Any]) -> None:
    """Write a Velox EMD file with one image stack."""
    import h5py

    size = {"width": "0.5", "height": "0.5"}
    metadata = {
        "BinaryResult": {"PixelSize": size, "PixelUnitX": "nm", "PixelUnitY": "nm", "Detector": "BF", "Offset": size},
        "Detectors": {"Detector-0": {"DetectorName": "BF"}},
        "Scan": {"DwellTime": "1e-06", "FrameTime": "0.4", "ScanRotation": "0"},
        "Acquisition": {"AcquisitionStartDatetime": {"DateTime": "1600000000"}},
    }
    text = np.frombuffer(json.dumps(metadata).encode().ljust(2000, b"\0"), np.uint8)
    with h5py.File(path, "w") as file:
        file.create_dataset("Version", data=np.array([json.dumps({"format": "Velox", "version": "1.9"}).encode()]))
        group = file.create_group("Data/Image/0123456789abcdef0123456789abcdef")
        stack = np.moveaxis(frames, 0, -1)
        group.create_dataset("Data", data=stack, chunks=(*stack.shape[:2], 1))
        group.create_dataset("Metadata", data=np.repeat(text[:, None], len(frames), axis=1))


def spoil(path: Path, rng: np.random.Generator) -> None:
    """Change a valid HDF5 file from inside: what no flipped bit is likely to find."""
    import h5py

    attacks = (_external, _soft_loop, _hard_loop, _bomb, _attribute, _deep, _replaced, _many, _virtual, _reference)
    with h5py.File(path, "r+") as file:
        for k in rng.choice(len(attacks), size=int(rng.integers(1, 3)), replace=False):
            attacks[int(k)](file, rng)


def _groups(file: Any) -> list[Any]:
    found = [file]
    file.visititems(lambda name, member: found.append(member) if hasattr(member, "keys") else None)
    return found


def _any_group(file: Any, rng: np.random.Generator) -> Any:
    groups = _groups(file)
    return groups[int(rng.integers(len(groups)))]


def _datasets(file: Any) -> list[str]:
    found: list[str] = []
    file.visititems(lambda name, member: found.append(name) if hasattr(member, "dtype") else None)
    return found


def _external(file: Any, rng: np.random.Generator) -> None:
    import h5py

    _any_group(file, rng)["elsewhere"] = h5py.ExternalLink("/etc/passwd", "/")


def _soft_loop(file: Any, rng: np.random.Generator) -> None:
    import h5py

    group = _any_group(file, rng)
    group["loop"] = h5py.SoftLink(group.name)


def _hard_loop(file: Any, rng: np.random.Generator) -> None:
    group = _any_group(file, rng)
    group["loop"] = file["/"] if rng.integers(2) else group


def _bomb(file: Any, rng: np.random.Generator) -> None:
    """Replace a dataset by one that claims terabytes and stores nothing, or holds zeros well packed."""
    name = _pick(_datasets(file), rng)
    old = file[name]
    rank = max(1, len(old.shape))
    del file[name]
    if rng.integers(2):
        file.create_dataset(name, shape=(2**15,) * rank, dtype="u2", chunks=(64,) * rank)
    else:
        side = int(6e7 ** (1 / rank))
        file.create_dataset(name, data=np.zeros((side,) * rank, np.uint8), compression="gzip", compression_opts=9)


def _attribute(file: Any, rng: np.random.Generator) -> None:
    group = _any_group(file, rng)
    values = (2**63 - 1, -1, float("nan"), b"\xff\0\x1b[31m", "x" * 60000, np.zeros((4, 4)), [], "1" * 400)
    names = [*group.attrs] or ["size"]
    group.attrs[_pick(names, rng)] = values[int(rng.integers(len(values)))]


def _deep(file: Any, rng: np.random.Generator) -> None:
    _any_group(file, rng).create_group("/".join("d" * 1500))


def _replaced(file: Any, rng: np.random.Generator) -> None:
    """Put a dataset where a group is expected, or the other way round, or one of another type."""
    names = [group.name for group in _groups(file) if group.name != "/"] + _datasets(file)
    name = _pick(names, rng)
    del file[name]
    content = ({}, np.float64(1), "words", np.zeros((3, 0, 5)), np.zeros(3, "S3"), np.zeros((2, 2), "c8"))
    chosen = content[int(rng.integers(len(content)))]
    file.create_group(name) if isinstance(chosen, dict) else file.create_dataset(name, data=chosen)


def _many(file: Any, rng: np.random.Generator) -> None:
    group = _any_group(file, rng)
    for k in range(3000):
        group.create_group(f"g{k}")


def _virtual(file: Any, rng: np.random.Generator) -> None:
    import h5py

    layout = h5py.VirtualLayout(shape=(6, 48, 56), dtype="u2")
    layout[:] = h5py.VirtualSource("/etc/passwd", "data", shape=(6, 48, 56))
    _any_group(file, rng).create_virtual_dataset("elsewhere", layout)


def _reference(file: Any, rng: np.random.Generator) -> None:
    import h5py

    _any_group(file, rng).create_dataset("pointer", data=np.array([file.ref] * 3, h5py.ref_dtype))


def _pick(names: list[str], rng: np.random.Generator) -> str:
    return names[int(rng.integers(len(names)))] if names else "nothing"
