"""docs/modes.md describes every command and every event, as they are."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest

from pi_fallback.modes.json_mode import header
from pi_fallback.modes.pi_events import PiEvents
from pi_fallback.modes.rpc_commands import NAMES, BadLine, read_command
from pi_fallback.runtime.agent import Reopened
from pi_fallback.runtime.conversation import UnwrittenLog
from pi_fallback.runtime.feed import FeedItem
from pi_fallback.testing import Cut, Ok, RunningFaultServer, Say, ScriptedProvider
from tests.conftest import Backend
from tests.e2e.user import TIMEOUT_S, User
from tests.modes.samples import EVERY_KIND
from tests.modes.streams import rpc
from tests.rigs import rig

PAGE = (Path(__file__).parents[2] / "docs" / "modes.md").read_text(encoding="utf-8")
OBJECT = dict[str, Any]
UNKEPT = {"sessionFile"}  # of a session that is not kept


@pytest.fixture
def anyio_backend(virtual_backend: Backend) -> Backend:
    return virtual_backend


def sections() -> dict[str, list[OBJECT]]:
    """The examples of each section that is headed by a name."""
    parts = re.split(r"^### `(\w+)`$", PAGE, flags=re.MULTILINE)
    return {name: examples(text) for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def examples(text: str) -> list[OBJECT]:
    blocks = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    return [json.loads(line) for block in blocks for line in block.splitlines()]


def emitted() -> list[OBJECT]:
    events = PiEvents(wall=lambda: 1.0, now=lambda: 1.0)
    return [header("s", "/", 1.0), *(event for item in EVERY_KIND for event in events.events(item))]


def test_the_samples_hold_an_item_of_every_kind() -> None:
    assert {type(item) for item in EVERY_KIND} == set(get_args(FeedItem))


def test_every_event_has_a_section_whose_example_has_all_its_fields() -> None:
    described = sections()
    for event in emitted():
        [example] = [shown for shown in described[event["type"]] if shown["type"] == event["type"]]
        assert event.keys() <= example.keys()
        if event["type"] == "message_update":
            assert f"`{event['assistantMessageEvent']['type']}`" in PAGE


def test_every_section_is_of_a_command_or_an_event_that_exists() -> None:
    events = {event["type"] for event in emitted()}
    assert set(sections()) == events | set(NAMES) | {"extension_ui_request"}


def test_every_command_of_the_page_is_read() -> None:
    for name in NAMES:
        command = read_command(json.dumps(sections()[name][0]).encode())
        assert not isinstance(command, BadLine)
        assert command.type == name


@pytest.mark.anyio
@pytest.mark.parametrize("name", [name for name in NAMES if name != "extension_ui_response"])
async def test_a_command_of_the_page_is_answered_as_the_page_says(name: str) -> None:
    command, expected = sections()[name]
    async with rig(ScriptedProvider({"A": Say("hi"), "B": Say("ho")}), ["A", "B"]) as r, rpc(r) as client:
        r.agent.parts.reopen = lambda _path: Reopened(UnwrittenLog(), (), None)
        [answer] = await client.tell(command)
        assert answer | {"data": None} == expected | {"data": None}
        shown, given = expected.get("data") or {}, answer.get("data") or {}
        assert shown.keys() - UNKEPT == given.keys() - UNKEPT
        assert given.get("model", {}).keys() >= (shown.get("model") or {}).keys()


def test_the_client_of_the_page_prints_the_answer(tmp_path: Path, fault_server: RunningFaultServer) -> None:
    [client] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    user = User(tmp_path)
    user.endpoints(fault_server.base_url, one="big", two="mid")
    user.settings("one/big", "two/mid")
    fault_server.play("big", Cut(1, of=Ok("Hello.", chunk=3)))
    fault_server.play("mid", Ok("Here I am."))
    done = subprocess.run(
        [sys.executable, "-c", client],
        cwd=user.folder,
        env=user.environ | {"PATH": f"{Path(sys.executable).parent}:{user.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("Hel … that model failed, another one answers:\nHere I am.\n")
