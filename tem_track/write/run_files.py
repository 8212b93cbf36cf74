"""The names of the files a run may write; whoever writes a new one names it here."""

from __future__ import annotations

FRONT_FIGURES = (
    "front_dark",
    "front_dark_places",
    "front_arrival",
    "front_montage",
    "front_fraction",
    "front_distance",
    "front_speed",
)
GROWTH_FIGURES = ("growth_area", "growth_rate", "growth_map")
PARTICLE_FIGURES = (
    "volume_ratio",
    "population",
    "volume_ratio_particles",
    "core_shell",
    "drift",
    "size_histogram",
    "outlines",
    "sensitivity",
)
FIGURE_NAMES = (*FRONT_FIGURES, *GROWTH_FIGURES, *PARTICLE_FIGURES)
"""The figures a run may hold, in the order a report shows them."""

OVERLAY_NAMES = ("overlay.webm",)
"""What an overlay movie can be called; a run has at most one."""

# Images of a pair run: more states than anyone measures ex situ, and two digits in a file name.
MOST_PAIR_IMAGES = 99


def pair_picture_name(number: int) -> str:
    """Return the name of the picture with the outlines of a pair run's image, counted from 0.

    >>> pair_picture_name(0)
    'pictures/image_01.png'
    """
    return f"pictures/image_{number + 1:02d}.png"


PAIR_FILES = (
    "pairs.csv",
    "images.csv",
    *(pair_picture_name(k) for k in range(MOST_PAIR_IMAGES)),
    *(f"figures/{name}.{suffix}" for name in ("states", "gallery") for suffix in ("png", "svg")),
)
"""Every file of a pair run besides `run.json`."""

RUN_FILES = (
    "drift.csv",
    "tracks.csv",
    "particles.csv",
    "stages.csv",
    "events.csv",
    "expansion.csv",
    "theory.csv",
    "sensitivity.csv",
    "labels.tif",
    "cores.tif",
    "front/arrival_time.tif",
    "front/arrival_time_sd.tif",
    "front/grains.tif",
    "front/boundaries.tif",
    "front/front.csv",
    "front/grains.csv",
    "front/crossings.csv",
    "front/nuclei.csv",
    "front/voids.csv",
    "front/distance.csv",
    "front/dark.csv",
    "front/summary.json",
    "growth.csv",
    "growth_rates.csv",
    *OVERLAY_NAMES,
    "report.html",
    *(f"figures/{name}.{suffix}" for name in FIGURE_NAMES for suffix in ("png", "svg")),
    *PAIR_FILES,
)
"""Every file of a run besides `run.json`: what ``--overwrite`` may remove, and nothing else."""
