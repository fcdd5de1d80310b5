"""How the whole screen looks: two pictures in characters, which a new version of Textual does not change."""

import re
from html import unescape
from itertools import groupby

import pytest

from pi_fallback.config.schema import ProgressSettings
from pi_fallback.testing import CallTool, Pieces, Say, ScriptedProvider, fail
from tests.tui.screen import Screen, screen
from tests.tui.test_questions import Bash

pytestmark = pytest.mark.anyio

TEXT = re.compile(r'<text class="[^"]*" x="([\d.]+)" y="([\d.]+)" textLength="[^"]*" clip-path="[^"]*">(.*?)</text>')
CELL = 12.2  # the width of a character in the picture

CONVERSATION = """\
 > run the tests
 ● bash make test
   it ran
 ✗ p/a: quota_exhausted: out of quota
 · → p/b: no progress for 0.05 s
 > continue
 All tests pass.
──────────────────────────────────────────────────────────────────────────────────────────
 Say something, or /help
 p/b"""

QUESTION = """\
    ╭───────────────────────────────────────────────────────────────────────────────╮
    │                                                                               │
    │  Run bash?                                                                    │
    │                                                                               │
    │  $ make                                                                       │
    │  all                                                                          │
    │                                                                               │
    │  y or Enter: yes · n or Esc: no · Up, Down: scroll                            │
    │                                                                               │
    ╰───────────────────────────────────────────────────────────────────────────────╯
 > run the tests
 ○ bash make test
──────────────────────────────────────────────────────────────────────────────────────────
 Say something, or /help
 p/a · working, Esc stops"""


def picture(shown: Screen) -> str:
    """The characters of the screen, without its empty lines."""
    found = sorted((float(y), float(x), unescape(text)) for x, y, text in TEXT.findall(shown.app.export_screenshot()))
    lines: list[str] = []
    for _y, pieces in groupby(found, key=lambda piece: piece[0]):
        line = ""
        for _, x, text in pieces:
            line = line.ljust(round(x / CELL)) + text.replace("\xa0", " ")
        lines.append(line.rstrip())
    return "\n".join(line for line in lines if line)


def story() -> ScriptedProvider:
    cut = Pieces(["The tests"], then=fail("out of quota", status=402))
    return ScriptedProvider({"a": [CallTool("bash", {"command": "make test"}), cut], "b": Say("All tests pass.")})


async def test_a_conversation_with_a_failover_looks_like_this() -> None:
    quick = ProgressSettings(quiet_s=0.05)
    async with screen(story(), tools=Bash().tools, approval="always", progress=quick) as shown:
        await shown.say("run the tests")
        await shown.until(lambda: "All tests pass." in shown.conversation and shown.status == "p/b")
        assert picture(shown) == CONVERSATION


async def test_a_question_looks_like_this() -> None:
    async with screen(story(), tools=Bash().tools, approval="ask") as shown:
        await shown.say("run the tests")
        await shown.until(lambda: shown.question)
        assert picture(shown) == QUESTION
