"""Outlines of a movie that is still being recorded: the same fits frame by frame, without what needs the whole movie.

There is no look back from later frames, and no core: the edge is that of the profile common to all directions, not yet
that of the body which the profiles of a whole track decide on. Areas differ from the final ones by some per cent,
their ratio from one frame to another by less.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from tem_track.movie import FloatArray, Image, Labels, Mask
from tem_track.segment.outline.fringe import looked_at
from tem_track.segment.outline.rows import OutlineRow, outlines_without_cores
from tem_track.segment.outline.stage import _Stage, together
from tem_track.segment.outline.table import Outlines


class LiveOutlines:
    """Outlines frames as they come, each started from the frames before.

    Parameters
    ----------
    polarity : {"dark", "bright"}
        Particles darker or brighter than their surroundings.
    fixed : (Y, X) bool or None
        Burned-in overlays.
    """

    def __init__(self, polarity: str, fixed: Mask | None):
        self._dark, self._fixed = polarity == "dark", fixed
        self._stage: _Stage | None = None
        self._path: list[FloatArray] = []

    def add(
        self, frames: Sequence[Image], labels: Sequence[Labels], drift_px: FloatArray, wanted: Collection[int]
    ) -> Outlines:
        """Return the outlines of the next frames; their `frame` counts from 0 at the first of them.

        Parameters
        ----------
        frames : sequence of (Y, X) float32
            Finite.
        labels : sequence of (Y, X) int32
            Value = track number.
        drift_px : (B, 2) float64
            Of these frames.
        wanted : collection of int
            Tracks to outline.
        """
        first = len(self._path)
        self._path += list(drift_px)
        numbers = list(range(first, len(self._path)))
        images = dict(zip(numbers, frames, strict=True))
        numbered = dict(zip(numbers, labels, strict=True))
        stage = _Stage(images, numbered, lambda track, k: track in wanted, self._dark, self._fixed, self._drift())  # type: ignore[arg-type]
        if self._stage is None:
            stage.look_for_fringe(first + looked_at(np.ones(len(numbers), bool)))
        else:
            stage.goes_on_from(self._stage)
        rows: list[OutlineRow] = []
        for chosen in together(numbers, numbered):  # type: ignore[arg-type]
            rows += stage.outline_frames(chosen)
        self._stage = stage
        for row in rows:
            row.frame -= first
        return outlines_without_cores(rows)

    def _drift(self) -> FloatArray:
        return np.array(self._path).reshape(-1, 2)
