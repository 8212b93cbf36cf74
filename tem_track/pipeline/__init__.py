"""The stages in order: a movie goes in, a run folder comes out.

`measure_movie` is the whole chain on arrays and touches no file; `analyze` puts reading before it and writing after
it; `inspect` only reads. What measures is imported when it is asked for: a run that is up to date needs none of it.
"""

import importlib
from typing import TYPE_CHECKING, Any

from tem_track.pipeline.analyze import analyze, up_to_date, up_to_date_at_once
from tem_track.pipeline.earlier import OtherMovieError
from tem_track.pipeline.inspect import inspect
from tem_track.pipeline.pair import PairRequest, pair
from tem_track.pipeline.reporter import Clock, Reporter, Silence
from tem_track.pipeline.request import Request
from tem_track.write.lock import unlock

if TYPE_CHECKING:
    from tem_track.pipeline.measure import Measurement, measure_movie
    from tem_track.pipeline.theory import Theory, book_facts, expected_theory, reaction_book, reaction_facts

__all__ = [
    "Clock",
    "Measurement",
    "OtherMovieError",
    "PairRequest",
    "Reporter",
    "Request",
    "Silence",
    "Theory",
    "analyze",
    "book_facts",
    "expected_theory",
    "inspect",
    "measure_movie",
    "pair",
    "reaction_book",
    "reaction_facts",
    "unlock",
    "up_to_date",
    "up_to_date_at_once",
]

# Where the names stand that are imported when they are asked for.
_LATER = {
    **dict.fromkeys(("Measurement", "measure_movie"), "measure"),
    **dict.fromkeys(("Theory", "book_facts", "expected_theory", "reaction_book", "reaction_facts"), "theory"),
}


def __getattr__(name: str) -> Any:
    """Return what is imported only now."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
