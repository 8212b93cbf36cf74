from __future__ import annotations

import json

import pytest

from tem_track.errors import LONGEST_MESSAGE, InputError
from tem_track.visible import one_visible_line, visible, visible_json

# What a terminal obeys: colour and title, overwritten lines, a line of its own, the direction of writing, a C1 control.
HOSTILE = ("\x1b[31m", "\x1b]0;owned\x07", "\r", "\n", "\x08", "\u202e", "\u2066", "\x9b31m", "\u2028", "\udce4", "\0")


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_terminal_obeys_is_spelt_out(text: str) -> None:
    assert visible(f"a{text}b").isprintable()
    assert one_visible_line(f"a{text}b", 100).isprintable()
    visible(text).encode("ascii")


@pytest.mark.parametrize("text", ["NiO 3 µm", "粒子-1.tif", "Å°é", "a  b", "=1+1", "[bold]"])
def test_ordinary_names_stay_as_they_are(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_json_means_the_same_and_is_harmless(text: str) -> None:
    safe = visible_json(json.dumps({"name": f"a{text}"}, ensure_ascii=False))
    assert json.loads(safe) == {"name": f"a{text}"}
    assert safe.isprintable()
    safe.encode("utf-8")


def test_a_long_line_keeps_its_beginning_and_its_end() -> None:
    line = one_visible_line("begin " + "x" * 5000 + " end", 60)
    assert len(line) == 60
    assert line.startswith("begin ")
    assert line.endswith(" end")
    assert one_visible_line("short", 60) == "short"


def test_a_message_is_one_visible_line_whatever_it_quotes() -> None:
    message = str(InputError("a\n\x1b[31m" + "b" * 9999 + ": give another one"))
    assert message.isprintable()
    assert len(message) == LONGEST_MESSAGE
    assert message.endswith("give another one")
