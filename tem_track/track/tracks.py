"""Tracks: the result of linking, with identities, events, lineages and what was bridged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tem_track.labels import LabelStack
from tem_track.tables import Column, Table

ROWS = (
    Column("track_id", "int", "track, from 1"),
    Column("lineage_id", "int", "shared by a particle and the pieces it breaks into"),
    Column("frame", "int", "frame number, from 0"),
    Column("time_s", "float", "time of the frame"),
    Column("y_px", "float", "centroid in the recorded frame, down"),
    Column("x_px", "float", "centroid in the recorded frame, to the right"),
    Column("y_specimen_px", "float", "centroid with the drift taken out"),
    Column("x_specimen_px", "float", "centroid with the drift taken out"),
    Column("area_px", "float", "pixels of the label"),
    Column("touches_border", "int", "1 where the label reaches the edge of the field"),
    Column("state", "text", "whole, fractured, merged or inferred (frame bridged)"),
)


@dataclass(frozen=True)
class Tracks:
    """Particles with one identity from their first frame to their last.

    Attributes
    ----------
    labels : LabelStack
        (T, Y, X) label images in the coordinates of the recorded frames; value = track_id, from 1.
    inferred : frozenset of (int, int)
        (track_id, frame) that were bridged: the label there is an earlier shape carried along the drift.
    events : Table
        Fracture, coalescence, enters, leaves, lost: columns of `tem_track.tables.EVENTS`, in order of time.
    lineage : dict of int to int
        track_id to lineage_id.
    fate : dict of int to str
        track_id to ``whole``, ``fractured``, ``merged``, ``left`` or ``lost``.
    origin : dict of int to str
        track_id to ``whole``, ``fractured`` (a piece) or ``merged`` (a coalescence product).
    rows : Table
        One row per track and frame: the columns of `ROWS`, by frame and then track_id. Positions and areas are
        those of the whole-pixel labels.
    first_frame, last_frame : dict of int to int
        First and last frame of each track.
    holds_piece_since : dict of int to int
        Tracks of particles that a piece of a broken neighbour stayed with, and the frame of the break: from then on
        their rows are ``fractured`` and of the broken particle's lineage.
    """

    labels: LabelStack
    inferred: frozenset[tuple[int, int]]
    events: Table
    lineage: Mapping[int, int]
    fate: Mapping[int, str]
    origin: Mapping[int, str]
    rows: Table
    first_frame: Mapping[int, int] = field(default_factory=dict)
    last_frame: Mapping[int, int] = field(default_factory=dict)
    holds_piece_since: Mapping[int, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.lineage)

    def state(self, track_id: int, frame: int) -> str:
        """Return how a track stands in a frame: ``whole``, ``fractured``, ``merged`` or ``inferred``."""
        if (track_id, frame) in self.inferred:
            return "inferred"
        return "fractured" if frame >= self.holds_piece_since.get(track_id, frame + 1) else self.origin[track_id]
