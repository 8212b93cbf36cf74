"""From tracks to expansion: volumes, V/V0 with its uncertainty, onset and stages, the population's mean."""

from __future__ import annotations

from tem_track.expansion.measure import Expansion, measure_expansion

__all__ = ["Expansion", "measure_expansion"]
