"""The page about calls of one's own client: its blocks run, and it names all that is public."""

import inspect
import json
import re
from pathlib import Path

import pytest

import pi_fallback.failover
from pi_fallback.core.finish_reasons import fault_of_finish
from pi_fallback.failover import Failover, Phase
from pi_fallback.testing import Empty200, For, Html, Ok, Raw, RunningFaultServer, Status, Step

PAGE = (Path(__file__).parents[2] / "docs" / "library.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def json_answer(value: object) -> Raw:
    body = json.dumps(value).encode()
    return Raw(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body)


FAULTS: dict[str, tuple[Step, Step]] = {
    "accounts fail": (Status(401), Status(404)),
    "a captive portal": (Status(401), Html()),
    "a 200 without a body": (Status(401), Empty200()),
    "a 200 with an error": (Status(401), json_answer({"error": {"message": "Provider returned error", "code": 404}})),
    "a 200 with no choices": (Status(401), json_answer({"id": "x", "object": "chat.completion", "choices": []})),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_first_block_answers_whatever_the_first_accounts_do(
    name: str, fault_server: RunningFaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = FAULTS[name]
    fault_server.play(For("gpt-5.4", "sk-1"), first)
    fault_server.play(For("gpt-5.4", "sk-2"), second)
    fault_server.play(For("z-ai/glm-5.3", "sk-3"), Ok("It is Rayleigh's doing."))
    for name, key in {"OPENAI_API_KEY": "sk-1", "OPENAI_API_KEY_BACKUP": "sk-2", "OPENROUTER_API_KEY": "sk-3"}.items():
        monkeypatch.setenv(name, key)
    program = re.sub(r'"https://[^"]+"', f'"{fault_server.base_url}"', BLOCKS[0])
    names: dict[str, object] = {}
    exec(program, names)  # as it stands, but for the addresses
    assert callable(ask := names["ask"])
    assert ask("Why is the sky blue?") == "It is Rayleigh's doing."
    assert list(dict.fromkeys(request.key for request in fault_server.requests)) == ["sk-1", "sk-2", "sk-3"]
    for client in dict(names["clients"]).values():  # pyright: ignore[reportArgumentType, reportCallIssue]
        client.close()


@pytest.mark.parametrize("block", BLOCKS[1:])
def test_each_other_block_runs(block: str) -> None:
    names: dict[str, object] = {}
    exec(block, names)
    for name, value in names.items():
        if name.startswith("test_"):
            assert callable(value)
            value()


@pytest.mark.parametrize("name", pi_fallback.failover.__all__)
def test_each_public_name_is_in_the_promise(name: str) -> None:
    assert f"`{name}`" in PAGE.partition("## The promise")[2]


@pytest.mark.parametrize("setting", list(inspect.signature(Failover).parameters))
def test_each_setting_is_on_the_page(setting: str) -> None:
    assert f"`{setting}`" in PAGE.partition("## Settings")[2]


def test_the_table_of_finish_reasons_is_what_holds() -> None:
    rows = [line.split("|")[3:5] for line in PAGE.splitlines() if line.startswith(("| openai,", "| anth", "| google"))]
    assert len(rows) == 4
    for whole, cut in rows:
        for reason in re.findall("`(.+?)`", whole):
            assert fault_of_finish(reason, Phase.TOOL_ARGS) is None
        for reason in re.findall("`(.+?)`", cut):
            assert fault_of_finish(reason, Phase.TEXT) is None
            assert fault_of_finish(reason, Phase.TOOL_ARGS) is not None
