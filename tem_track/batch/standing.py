"""Whether a run folder already holds what an analysis would give."""

from __future__ import annotations

import json

import tem_track
from tem_track.pipeline import Request
from tem_track.read import hash_input
from tem_track.settings import settings_dict
from tem_track.write.files import RUN_RECORD, is_finished

_BESIDE = ("times", "labels", "phases", "grains", "temperature")


def is_up_to_date(request: Request) -> bool:
    """Return whether the run folder is a finished run of this version, input and settings."""
    if not is_finished(request.output):
        return False
    record = json.loads((request.output / RUN_RECORD).read_text(encoding="utf-8"))
    stated = record.get("settings", {})
    wanted = settings_dict(request.settings)
    if record.get("version") != tem_track.__version__ or stated.keys() != wanted.keys():
        return False
    values = {stage: {name: entry.get("value") for name, entry in names.items()} for stage, names in stated.items()}
    if values != wanted:
        return False
    inputs = record.get("input", {})
    given = {name: path for name in _BESIDE if (path := getattr(request, name)) is not None}
    if not all((name in inputs) == (name in given) for name in _BESIDE):
        return False
    entries = [(inputs, request.movie), *((inputs[name], path) for name, path in given.items())]
    return all((entry.get("bytes"), entry.get("sha256")) == hash_input(path) for entry, path in entries)
