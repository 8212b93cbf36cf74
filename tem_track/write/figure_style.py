"""The look of the figures and their way to disk: widths, type, colours of a journal page; the same bytes every time.

matplotlib is used through its objects only: no global figure, no window, safe beside other threads.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tem_track.visible import visible
from tem_track.write.drawing import colour_of
from tem_track.write.expected_levels import ExpectedLevel
from tem_track.write.files import whole_file

_MM = 1 / 25.4
# One and two columns of Elsevier, ACS and Nature pages lie within 2 mm of these.
COLUMN_MM, PAGE_MM = 85.0, 170.0
# 95 % of a normal distribution lies within this many standard deviations.
TWO_SIDED_95 = 1.959964
DPI = 300
# Okabe and Ito, dark enough for white paper.
KIND_COLOURS: Mapping[str, str] = {"solid": "#0072B2", "core-shell": "#D55E00", "hollow": "#009E73"}
GREY, FAINT, RED = "#444444", "#9a9a9a", "#c62828"
# Expected levels: no kind and no track has this colour.
THEORY_COLOUR = "#6a3d9a"
THEORY_DOTS: Any = (0, (1.5, 1.5))
# Tracks are drawn in the overlay's colours, darker, since paper is white and frames are grey.
_DARKER = 0.78

_STYLE: Any = {
    # DejaVu Sans comes with matplotlib: the same letters on every machine. The SVG names the others for an editor.
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica"],
    "font.size": 7.0,
    "axes.labelsize": 7.5,
    "axes.titlesize": 7.5,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.0,
    "legend.frameon": True,
    "legend.framealpha": 0.85,
    "legend.edgecolor": "none",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "none",
    "svg.hashsalt": "tem-track",
    "image.interpolation": "none",
    "path.simplify": True,
}


@contextmanager
def journal_style() -> Iterator[None]:
    """Draw in the journal style inside this context, whatever the user's own matplotlibrc says."""
    with rc_context():
        from matplotlib import rcParams, rcParamsDefault

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # defaults of withdrawn parameters warn when set
            rcParams.update(
                {k: v for k, v in rcParamsDefault.items() if k not in ("backend", "toolbar", "interactive")}
            )
        rcParams.update(_STYLE)
        yield


def new_figure(width_mm: float, height_mm: float) -> Figure:
    """Return an empty figure of the given size whose parts are laid out without overlap."""
    figure = Figure(figsize=(width_mm * _MM, height_mm * _MM), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, path: Path) -> tuple[Path, Path]:
    """Write a figure as PNG (300 dpi) and SVG, each whole or not at all; the same figure gives the same bytes.

    Parameters
    ----------
    figure : Figure
    path : Path
        Where to, without suffix; its folder exists.

    Returns
    -------
    (Path, Path)
        The PNG and the SVG.

    Raises
    ------
    OutputError
        A file cannot be written.
    """
    paths = path.with_name(f"{path.name}.png"), path.with_name(f"{path.name}.svg")
    # No date, no version: they would make the bytes differ.
    nameless: tuple[dict[str, Any], ...] = ({"Software": None}, {"Date": None, "Creator": None})
    with journal_style():
        for target, metadata in zip(paths, nameless, strict=True):
            with whole_file(target) as aside:
                figure.savefig(aside, format=target.suffix[1:], dpi=DPI, metadata=metadata)
            # Laid out once: the second file shows the same, and laying out takes a third of the time.
            figure.set_layout_engine("none")
    return paths


def drawn_words(text: str) -> str:
    r"""Return words from outside as a figure shows them: a dollar sign begins no formula, nothing is a control sign.

    >>> drawn_words("price $x$")
    'price \\$x\\$'
    """
    return visible(text).replace("$", r"\$")


def ink_of(track_id: int) -> tuple[float, float, float]:
    """Return the colour of a track on white paper: that of the overlay, darker; red, green, blue from 0 to 1."""
    red, green, blue = colour_of(track_id)
    return red / 255 * _DARKER, green / 255 * _DARKER, blue / 255 * _DARKER


def ratio_axis(axes: Axes, time_label: str) -> None:
    """Label axes of V/V0 against time and draw the line of no change."""
    axes.axhline(1.0, color=FAINT, linewidth=0.6, linestyle=(0, (4, 3)), zorder=0.5)
    axes.set_ylabel("Volume ratio V/V$_0$")
    axes.set_xlabel(time_label)


def draw_expected(axes: Axes, expected: Sequence[ExpectedLevel], named: bool = True) -> None:
    """Draw a dotted line at each expected V/V0; its name stands at the left, where few curves have risen yet."""
    for number, level in enumerate(expected):
        axes.axhline(
            level.volume_ratio,
            color=THEORY_COLOUR,
            linewidth=0.8,
            linestyle=THEORY_DOTS,
            zorder=0.6,
            label="theory" if named and number == 0 else None,
        )
        if named:
            axes.annotate(
                f"{drawn_words(level.name)} {level.volume_ratio:.2f}",
                (0.008, level.volume_ratio),
                xycoords=axes.get_yaxis_transform(),
                xytext=(0, 1.2),
                textcoords="offset points",
                color=THEORY_COLOUR,
                fontsize=5.5,
            )


def time_label(timed: bool) -> str:
    """Return the label of a time axis; frames without times are counted."""
    return "Time (s)" if timed else "Frame"
