"""Particles in a frame: found as whole-pixel labels, then outlined to sub-pixel accuracy, with their cores."""

from tem_track.segment.detect import Appearance, learn_appearance, segment_frame
from tem_track.segment.film import ParticleEvidence, particle_evidence
from tem_track.segment.outline.live import LiveOutlines
from tem_track.segment.outline.stage import outline_particles
from tem_track.segment.outline.table import Outlines, draw_labels

__all__ = [
    "Appearance",
    "LiveOutlines",
    "Outlines",
    "ParticleEvidence",
    "draw_labels",
    "learn_appearance",
    "outline_particles",
    "particle_evidence",
    "segment_frame",
]
