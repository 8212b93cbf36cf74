"""Many movies: found in a folder, each analysed in a process of its own, and their results put together.

A plan (`plan_batch`) says which movies there are, where each one's run folder is and what it is told; `run_batch` does
what of it is missing, here or on a cluster, and writes the tables, curves, figures and the page of all movies.

The functions are looked up when first used, so that importing the package costs nothing: a worker process imports it
before it has limited itself.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tem_track.batch.plan import BatchRequest as BatchRequest
    from tem_track.batch.plan import Plan as Plan
    from tem_track.batch.plan import plan_batch as plan_batch
    from tem_track.batch.run import run_batch as run_batch

_HOME = {"BatchRequest": "plan", "Plan": "plan", "plan_batch": "plan", "run_batch": "run"}

__all__ = ["BatchRequest", "Plan", "plan_batch", "run_batch"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = found
    return found
