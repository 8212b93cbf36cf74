"""What a run is made of: one part per analysis, each with its tables, files, drawing, figures and words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from tem_track.movie import Mask
from tem_track.tables import Table
from tem_track.write.drawing import OverlayFrame
from tem_track.write.files import RunFolder

# matplotlib takes a third of the start: only where figures are drawn.
if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Part(Protocol):
    """One analysis of a movie, measured and ready to be written."""

    @property
    def usable(self) -> Mask:
        """Return which frames were measured, (T,) bool."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what a person should know before using the numbers."""

    def tables(self) -> dict[str, Table]:
        """Return the tables by file name; the drift's among them."""

    def write_files(self, folder: RunFolder) -> None:
        """Write what is no table: label images, maps, summaries."""

    def picture(self, k: int) -> OverlayFrame:
        """Return what is drawn over frame k."""

    def figures(self, tables: Mapping[str, Table]) -> Iterator[tuple[str, Figure]]:
        """Yield the figures with their names, one at a time."""

    def outcome(self, tables: Mapping[str, Table]) -> dict[str, Any]:
        """Return counts and findings for `run.json`."""

    def record(self, tables: Mapping[str, Table]) -> dict[str, Any]:
        """Return further blocks of `run.json` by name."""

    def facts(self, tables: Mapping[str, Table]) -> list[tuple[str, str]]:
        """Return the lines of the closing summary."""
