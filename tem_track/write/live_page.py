"""`live.html`: what is being recorded, as one self-contained page that reads itself anew.

It is a file and needs no server. It says when it was written and warns by itself when that is too long ago. Everything
on it is a preview until the analysis of the finished recording stands, and says so.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from tem_track.write.report_page import escaped

# Seconds without an update after which the page says that nobody writes it any more, beside its own interval.
_STALE_S = 20.0


@dataclass(frozen=True)
class LiveMovie:
    """A recording on the page.

    Attributes
    ----------
    name : str
    state : str
        ``recording``, ``waiting``, ``queued``, ``analysing``, ``done``, ``failed``.
    message : str
        In words.
    report : str
        Link to the report of the finished analysis, relative to the page; "" before there is one.
    numbers : sequence of (str, str)
        What is known, name and value.
    warnings : sequence of str
    picture : bytes
        JPEG of the newest frame, empty where there is none.
    charts : sequence of (str, str)
        Caption and SVG.
    """

    name: str
    state: str
    message: str = ""
    report: str = ""
    numbers: Sequence[tuple[str, str]] = ()
    warnings: Sequence[str] = ()
    picture: bytes = b""
    charts: Sequence[tuple[str, str]] = ()


def live_page(
    title: str, movies: Sequence[LiveMovie], *, updated: str, updated_unix: float, every_s: float, ended: str = ""
) -> str:
    """Return the page.

    Parameters
    ----------
    title : str
        The folder that is watched.
    movies : sequence of LiveMovie
        Those that are being recorded are shown in full, the others as rows.
    updated : str
        The time of day.
    updated_unix : float
        The same in seconds since 1970.
    every_s : float
        How often the page is written.
    ended : str
        Why nothing is watched any more; the page then stays as it is.
    """
    shown = [movie for movie in movies if movie.picture or movie.state == "recording"]
    listed = "".join(_row(movie) for movie in movies)
    stale = _STALE_S + 2 * every_s
    script = "" if ended else _SCRIPT % (updated_unix, stale, 1000 * max(1.0, every_s))
    refresh = "" if ended else f"<noscript><meta http-equiv=refresh content={max(1, round(every_s))}></noscript>"
    status = escaped(ended) if ended else f"updated {escaped(updated)}"
    body = "".join(_full(movie) for movie in shown)
    table = (
        f"<section><h2>Recordings</h2><table><tbody>{listed}</tbody></table></section>"
        if listed
        else "<p class=soft>Nothing has been recorded into this folder yet.</p>"
    )
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width, initial-scale=1">'
        f"<title>{escaped(title)} – live</title>{refresh}<style>{_STYLE}</style></head><body>"
        f"<header><h1>{escaped(title)}</h1><p id=status>{status}</p></header>"
        f"<p id=stale hidden>Not updated for a while: tem-track watch does not run any more, or is stuck.</p>"
        f"<main>{body}{table}</main>{script}</body></html>\n"
    )


def _full(movie: LiveMovie) -> str:
    """Return a recording in full: numbers, picture, charts, warnings."""
    numbers = "".join(f"<li><b>{escaped(value)}</b><span>{escaped(name)}</span></li>" for name, value in movie.numbers)
    picture = ""
    if movie.picture:
        encoded = base64.b64encode(movie.picture).decode("ascii")
        picture = f'<img alt="newest frame with outlines" src="data:image/jpeg;base64,{encoded}">'
    charts = "".join(
        f"<figure>{svg}<figcaption>{escaped(caption)}</figcaption></figure>" for caption, svg in movie.charts if svg
    )
    warnings = "".join(f"<li>{escaped(text)}</li>" for text in movie.warnings)
    warned = f"<ul class=warn>{warnings}</ul>" if warnings else ""
    return (
        f"<section class=movie><h2>{escaped(movie.name)} {_state(movie)}</h2>"
        f"<p class=soft>{escaped(movie.message)}</p><ul class=numbers>{numbers}</ul>"
        f"<div class=views><div class=frame>{picture}</div><div class=charts>{charts}</div></div>{warned}</section>"
    )


def _row(movie: LiveMovie) -> str:
    name = escaped(movie.name)
    linked = f'<a href="{escaped(movie.report)}">{name}</a>' if movie.report else name
    words = movie.message
    return f"<tr><td>{linked}<td>{_state(movie)}<td>{escaped(words)}</tr>"


def _state(movie: LiveMovie) -> str:
    return f"<i class={escaped(movie.state)}>{escaped(movie.state)}</i>"


# Reading the page anew keeps the place it is scrolled to. A page that nobody looks at waits.
_SCRIPT = """<script>
const updated = %.3f, stale = %.1f, every = %.0f;
const tell = () => { document.getElementById("stale").hidden = Date.now() / 1000 - updated < stale; };
tell(); setInterval(tell, 1000);
setInterval(() => { if (!document.hidden) location.reload(); }, every);
</script>"""

# Dark: a microscope stands in a dark room.
_STYLE = """
:root { color-scheme: dark; --paper: #101214; --card: #181b1e; --ink: #e6e6e3; --soft: #9aa5ad; --line: #2c3136; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
header { display: flex; gap: 1rem; align-items: baseline; padding: .7rem 1.2rem; border-bottom: 1px solid var(--line); }
h1 { font-size: 1.05rem; margin: 0; overflow-wrap: anywhere; } h2 { font-size: 1.05rem; margin: 0; }
#status { margin: 0 0 0 auto; color: var(--soft); font-variant-numeric: tabular-nums; }
#stale { margin: 0; padding: .6rem 1.2rem; background: #7a2418; }
main { padding: 1rem 1.2rem 3rem; max-width: 1500px; margin: 0 auto; }
section { margin-bottom: 1.6rem; }
.soft { color: var(--soft); margin: .1rem 0 .6rem; }
.numbers { list-style: none; display: flex; flex-wrap: wrap; gap: .5rem; padding: 0; margin: 0 0 .8rem; }
.numbers li { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .35rem .8rem; }
.numbers b { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
.numbers span { color: var(--soft); font-size: .78rem; }
.views { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start; }
.frame { flex: 1 1 420px; } .charts { flex: 1 1 420px; display: grid; gap: 1rem; }
img { width: 100%; display: block; border-radius: 8px; }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .6rem; }
figure svg { width: 100%; height: auto; display: block; }
figcaption { color: var(--soft); font-size: .8rem; margin-top: .3rem; }
.warn { margin: .9rem 0 0; padding: .6rem 1rem .6rem 2rem; background: #2e2615; border: 1px solid #b07d22;
  border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; margin-top: .6rem; }
td { padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
i { font-style: normal; font-size: .78rem; padding: .1rem .5rem; border-radius: 99px; background: var(--line);
  white-space: nowrap; }
i.recording { background: #8e1f1f; } i.analysing { background: #1d4f7c; } i.done { background: #1f5c38; }
i.failed { background: #7a2418; }
a { color: #6cb8ee; }
"""
