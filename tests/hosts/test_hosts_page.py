"""docs/hosts.md: every command and option of the `llm` host has its line, with the default that it has."""

from dataclasses import asdict
from pathlib import Path

import pytest

from pi_fallback.hosts.llm_host.clock import NOT_STREAMED_S
from pi_fallback.hosts.llm_host.commands import COMMANDS
from pi_fallback.hosts.llm_host.members import OwnOptions
from pi_fallback_hookspecs import Limits

PAGE = (Path(__file__).parents[2] / "docs" / "hosts.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_every_command_has_its_line(command: str) -> None:
    assert f"| `llm fallback {command}" in PAGE


@pytest.mark.parametrize("option", OwnOptions.model_fields)
def test_every_option_is_shown(option: str) -> None:
    assert f"`-o {option} " in PAGE


@pytest.mark.parametrize("limit", ["first_content", "quiet", "total"])
def test_every_limit_has_its_default(limit: str) -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `-o {limit} "))
    assert f"| {asdict(Limits())[f'{limit}_s']:g} |" in row


def test_the_limit_of_what_is_not_streamed_is_told() -> None:
    assert f"at most {NOT_STREAMED_S:g} for one that is not streamed" in PAGE
