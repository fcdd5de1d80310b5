"""Every option and command stands on its page."""

import re
from pathlib import Path
from typing import cast

import click
import pytest

from pi_fallback.commands import COMMANDS, run
from pi_fallback.config.schema import FallbackConfig, ProgressSettings
from pi_fallback.plugins.ha import HighAvailability
from pi_fallback.plugins.logins import LoginPort, Logins
from pi_fallback.plugins.progress import ProgressDetection

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "commands.md").read_text()
HELP = {"--help", "-h", "--version"}


@pytest.mark.parametrize("option", sorted({name for p in run.params if isinstance(p, click.Option) for name in p.opts}))
def test_every_option_has_its_line(option: str) -> None:
    assert option in HELP or f"`{option}" in PAGE


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_its_sentence(name: str) -> None:
    assert f"`pi-fallback {name}" in PAGE


def test_every_slash_command_of_the_plugins_has_its_line() -> None:
    plugins = (*ProgressDetection(ProgressSettings()).register_commands(), *HighAvailability().register_commands())
    for command in (*plugins, *Logins(cast("LoginPort", None)).commands()):
        assert f"`/{command.name}" in PAGE


def test_every_setting_of_progress_detection_has_its_line_with_its_default() -> None:
    page = (DOCS / "progress.md").read_text() + (DOCS / "failover.md").read_text()
    for field in FallbackConfig.model_fields.values():
        assert field.alias is not None
        [line] = re.findall(rf"^\| `{field.alias}` \|.*$", page, re.MULTILINE)
        default = field.default
        shown = (
            str(default).lower()
            if isinstance(default, bool)
            else f"{default:g}"
            if isinstance(default, float)
            else f"`{default}`"
        )
        assert f"| {shown} |" in line
