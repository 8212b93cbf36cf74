"""Particles in a frame: found as whole-pixel labels, then outlined to sub-pixel accuracy, with their cores."""

from tem_track.segment.detect import Appearance, learn_appearance, segment_frame
from tem_track.segment.outline import outline_particles
from tem_track.segment.outline_table import Outlines, draw_labels

__all__ = ["Appearance", "Outlines", "draw_labels", "learn_appearance", "outline_particles", "segment_frame"]
