"""What the interval of the final V/V0 is made of, and what is not in it: the itemised budget of a run."""

from __future__ import annotations

from typing import Any

import numpy as np

from tem_track.tables import Table, row_count

# Item, its column in particles.csv, what it is.
ITEMS = (
    (
        "localisation",
        "final_sd_localisation",
        "where the edge is: threshold, edge width and profile of the outline, less what it has in common with V0 "
        "(expansion.shared_edge_error)",
    ),
    ("noise", "final_sd_noise", "scatter of the last rows about the curve, with their serial correlation"),
    ("curve", "final_sd_curve", "other curves that explain the rows nearly as well"),
    ("V0", "final_sd_v0", "scatter of the rows before the onset; where no onset is seen, where it may have been"),
    (
        "shape",
        "final_sd_shape",
        "change of the outline's shape: the unseen axis may follow the long or the short; three times the change where "
        "the shape does not hold",
    ),
)
CALIBRATION = (
    "the pixel size cancels in V/V0; an error of it is in no column: 1 % of it is 1 % of lengths, 2 % of areas, 3 % of "
    "volumes"
)
MODEL = (
    "sphere, spheroid or film: what the body does along the beam is not seen; how far the models part is given here, "
    "and particles.csv says where the outline itself speaks against all of them (shape_holds)"
)


def uncertainty_budget(particles: Table) -> dict[str, Any] | None:
    """Return the items of the final V/V0's uncertainty over the particles of a run, or None if no particle has one.

    Parameters
    ----------
    particles : Table
        PARTICLES.

    Returns
    -------
    dict or None
        ``particles`` with a final V/V0; ``items``, each with its ``item``, ``meaning``, ``in_interval``, and
        ``median`` and ``largest`` relative standard uncertainty (of the volume model: half its spread);
        ``shape_fails``: tracks whose outline changed its shape.
    """
    known = np.isfinite(particles["final_volume_ratio"]) if row_count(particles) else np.zeros(0, bool)
    if not known.any():
        return None
    final = particles["final_volume_ratio"][known]
    items = [
        _item(name, meaning, particles[column][known] / final, in_interval=True) for name, column, meaning in ITEMS
    ]
    models = np.stack([particles[f"final_volume_ratio_{model}"][known] for model in ("sphere", "spheroid", "film")])
    with np.errstate(invalid="ignore"):
        spread = (np.fmax.reduce(models) - np.fmin.reduce(models)) / 2 / final
    items.append(_item("volume model", MODEL, spread, in_interval=False))
    items.append({"item": "calibration", "meaning": CALIBRATION, "in_interval": False, "median": 0.0, "largest": 0.0})
    fails = particles["track_id"][known & (particles["shape_holds"] == "no")]
    return {"particles": int(known.sum()), "items": items, "shape_fails": [int(i) for i in fails]}


def _item(name: str, meaning: str, relative: Any, *, in_interval: bool) -> dict[str, Any]:
    relative = relative[np.isfinite(relative)]
    return {
        "item": name,
        "meaning": meaning,
        "in_interval": in_interval,
        "median": float(np.median(relative)) if len(relative) else None,
        "largest": float(relative.max()) if len(relative) else None,
    }
