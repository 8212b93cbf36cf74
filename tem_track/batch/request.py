"""From an order to what the pipeline is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tem_track.batch.order import Order
from tem_track.pipeline import Request
from tem_track.settings import settings_from


def request_of(order: Order) -> Request:
    """Return the request that an order stands for."""
    files: dict[str, Any] = {name: Path(path) for name, path in order.files.items()}
    return Request(
        movie=Path(order.movie),
        output=Path(order.output),
        settings=settings_from(order.settings),
        sources={stage: dict(names) for stage, names in order.sources.items()},
        command=order.command,
        from_stage=order.from_stage,
        **files,
    )
