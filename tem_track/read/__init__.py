"""Reading: a path of any microscope's file becomes a `Movie`.

The functions are looked up when first used, so that importing the package costs nothing: the readers pull in numpy,
tifffile and, for vendor formats and videos, RosettaSciIO and OpenCV.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tem_track.read.describe import describe as describe
    from tem_track.read.hashing import hash_input as hash_input
    from tem_track.read.heating.temperature import temperature_of_movie as temperature_of_movie
    from tem_track.read.label_images import read_labels as read_labels
    from tem_track.read.opening import open_movie as open_movie
    from tem_track.read.units import parse_duration as parse_duration
    from tem_track.read.units import parse_length as parse_length

_HOME = {
    "describe": "describe",
    "hash_input": "hashing",
    "open_movie": "opening",
    "parse_duration": "units",
    "parse_length": "units",
    "read_labels": "label_images",
    "temperature_of_movie": "heating.temperature",
}

__all__ = [
    "describe",
    "hash_input",
    "open_movie",
    "parse_duration",
    "parse_length",
    "read_labels",
    "temperature_of_movie",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = found
    return found
