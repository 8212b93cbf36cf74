"""Tracking: label images per frame in, tracks with lasting identities and their events out.

The way through the room: `link` (the public function) feeds `forward` (one frame after the other: `match` explains a
frame, `frame` numbers it, `changes` keeps splits and joinings on probation, `necks` tells touching from one body), then
`hindsight` judges with the whole movie known, and `finish` writes the `tracks`.
"""

from tem_track.track.link import link_particles
from tem_track.track.tracks import Tracks

__all__ = ["Tracks", "link_particles"]
