"""Drift: frames -> where the specimen sits in each of them, and which frames can be measured.

`find_fixed_pixels` tells camera from specimen, `survey_frames` judges the frames and finds a rough path in one pass,
`refine_drift` takes the path to a few hundredths of a pixel on what does not change, `follow_particles` corrects it
where that showed no texture.
"""

from __future__ import annotations

from tem_track.drift.border import picture_mask, picture_window
from tem_track.drift.common_motion import follow_particles
from tem_track.drift.fixed import find_fixed_pixels
from tem_track.drift.path import Drift, FrameQuality, no_drift
from tem_track.drift.refine import refine_drift
from tem_track.drift.survey import survey_frames

__all__ = [
    "Drift",
    "FrameQuality",
    "find_fixed_pixels",
    "follow_particles",
    "no_drift",
    "picture_mask",
    "picture_window",
    "refine_drift",
    "survey_frames",
]
