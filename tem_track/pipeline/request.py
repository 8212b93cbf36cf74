"""What the user asked for: a movie, where its run goes, and everything said about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tem_track.errors import SettingsError
from tem_track.settings import Settings


@dataclass(frozen=True)
class Request:
    """What the user asked for.

    Attributes
    ----------
    movie, output : Path
        What to read, and the run folder to write.
    settings : Settings
    sources : {stage: {name: source}}
        Where each setting came from.
    times, labels : Path or None
        A CSV with the time of every frame; label images made elsewhere.
    overwrite : bool
        Start anew, whatever an earlier run left; without it, only an earlier run of the same movie is gone on with.
    command : tuple of str
        The command line, for the record.
    phases : Path or None
        TOML with phases and reactions of the user's, for ``expansion.reaction``.
    grains : Path or None
        Label image of the grains made elsewhere, in the coordinates of frame 0.
    temperature : Path or None
        The holder's log, or a table with a time and a temperature column.
    from_stage : str
        Stage to work out anew, with all that stand on it; empty for none.
    """

    movie: Path
    output: Path
    settings: Settings = field(default_factory=Settings)
    sources: dict[str, dict[str, str]] = field(default_factory=dict)
    times: Path | None = None
    labels: Path | None = None
    overwrite: bool = False
    command: tuple[str, ...] = ()
    phases: Path | None = None
    grains: Path | None = None
    temperature: Path | None = None
    from_stage: str = ""

    def files(self) -> dict[str, Path | None]:
        """Return every file that is read, by its role; None where it is not given."""
        return {
            "movie": self.movie,
            "times": self.times,
            "labels": self.labels,
            "phases": self.phases,
            "grains": self.grains,
            "temperature": self.temperature,
        }


def check_analyses(settings: Settings, labels_given: bool = False) -> None:
    """Refuse analyses that exclude each other, before any frame is read.

    Raises
    ------
    SettingsError
        Objects that grow are asked for together with another analysis or with label images.
    """
    objects = settings.analysis.objects
    if objects != "none" and (labels_given or settings.analysis.what != "auto"):
        other = "--labels" if labels_given else f"--analysis {settings.analysis.what}"
        raise SettingsError(f"--objects {objects} finds and follows its objects by itself; leave out {other}")
