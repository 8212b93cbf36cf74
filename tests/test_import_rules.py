"""Who may import whom: what travels <- stages and files <- pipeline <- batch <- watch <- cli."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "tem_track"
TRAVELS = {"movie", "labels", "tables", "settings", "errors", "visible"}
STAGES = {"drift", "segment", "track", "expansion", "front", "pair", "simulate", "theory"}
FILES = {"read", "write"}
ALLOWED: dict[str, set[str]] = {
    **dict.fromkeys(TRAVELS, TRAVELS),
    **{stage: TRAVELS | {stage} for stage in STAGES},
    **{part: TRAVELS | {part} for part in FILES},
    "pipeline": TRAVELS | STAGES | FILES | {"pipeline", "outcome", "environment"},
    "batch": TRAVELS | FILES | {"pipeline", "outcome", "status", "stopping", "environment", "batch"},
    "watch": TRAVELS | STAGES | FILES | {"pipeline", "batch", "watch"},
    "outcome": TRAVELS,
    "environment": set(),
    "stopping": set(),
    "status": TRAVELS | {"outcome", "stopping"},
    "console_batch": TRAVELS | {"batch"},
    "cli_batch": TRAVELS | {"batch", "console_batch", "options", "stopping"},
    "console_watch": TRAVELS | {"watch", "console_batch"},
    "cli_watch": TRAVELS | {"batch", "watch", "console_watch", "options"},
    "console": TRAVELS | {"outcome"},
    "options": TRAVELS | {"read"},
    "cli": TRAVELS
    | STAGES
    | FILES
    | {"pipeline", "outcome", "stopping", "status", "console", "options", "environment"}
    | {"cli_batch", "cli_watch", "cli"},
}
# Within the front: frames and what smooths them <- arrival, grains, growth <- propagation <- the whole front's numbers.
WITHIN_FRONT: dict[str, set[str]] = {
    "frames": {"frames", "smoothing"},
    "arrival": {"arrival", "frames", "speed", "smoothing"},
    "grains": {"grains", "speed", "smoothing"},
    "growth": {"growth", "frames", "smoothing"},
    "propagation": {"propagation", "grains", "speed", "smoothing"},
}
NOT_IN_STAGES = {"click", "rich", "pathlib", "os", "matplotlib"}


def imported(source: str) -> set[str]:
    """Return every module a source text imports, dotted."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= (
                {f"{node.module}.{alias.name}" for alias in node.names} if node.module == "tem_track" else {node.module}
            )
    return names


def violations(room: str, source: str) -> list[str]:
    """Return what a file of the given room imports although it may not."""
    found = []
    for name in sorted(imported(source)):
        parts = name.split(".")
        if parts[0] == "tem_track" and len(parts) > 1 and parts[1] != "__version__" and parts[1] not in ALLOWED[room]:
            found.append(name)
        if room in STAGES and parts[0] in NOT_IN_STAGES:
            found.append(name)
    return found


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


FILES_OF_PACKAGE = [
    p for p in sorted(PACKAGE.rglob("*.py")) if p != PACKAGE / "__init__.py" and p.name != "__main__.py"
]


@pytest.mark.parametrize("path", FILES_OF_PACKAGE, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_inwards(path: Path) -> None:
    assert violations(room_of(path), path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("room", WITHIN_FRONT)
def test_rooms_of_the_front_import_inwards(room: str) -> None:
    paths = sorted((PACKAGE / "front" / room).glob("*.py"))
    assert len(paths) > 1
    for path in paths:
        names = [name.split(".") for name in imported(path.read_text(encoding="utf-8"))]
        outward = [n for n in names if n[:2] == ["tem_track", "front"] and n[2] not in WITHIN_FRONT[room]]
        assert outward == [], path


def test_the_rule_can_fail() -> None:
    assert violations("drift", "from tem_track.segment.coarse import segment_frame") == ["tem_track.segment.coarse"]
    assert violations("drift", "import click") == ["click"]
    assert violations("movie", "from tem_track import pipeline") == ["tem_track.pipeline"]


@pytest.mark.parametrize(
    "path", [p for p in FILES_OF_PACKAGE if room_of(p) != "cli"], ids=lambda p: str(p.relative_to(PACKAGE))
)
def test_only_the_command_line_prints(path: Path) -> None:
    calls = [n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Call)]
    assert not [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "print"]
