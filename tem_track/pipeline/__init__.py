"""The stages in order: a movie goes in, a run folder comes out.

`measure_movie` is the whole chain on arrays and touches no file; `analyze` puts reading before it and writing after
it; `inspect` only reads.
"""

from tem_track.pipeline.analyze import Request, analyze
from tem_track.pipeline.inspect import inspect
from tem_track.pipeline.measure import Measurement, measure_movie
from tem_track.pipeline.reporter import Clock, Reporter, Silence

__all__ = ["Clock", "Measurement", "Reporter", "Request", "Silence", "analyze", "inspect", "measure_movie"]
