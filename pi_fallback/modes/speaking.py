"""Speaking to the agent: a slash command where one of that name exists, else a prompt."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pi_fallback.runtime.agent import Agent
from pi_fallback_hookspecs import Command, Image


def names_command(text: str, commands: Mapping[str, Command]) -> bool:
    """Whether `text` is the call of one of `commands`."""
    name, _, _ = text.removeprefix("/").partition(" ")
    return text.startswith("/") and name in commands


async def say(agent: Agent, text: str, images: Sequence[Image], source: Literal["print", "rpc"]) -> None:
    """Let `agent` have what the user said.

    Raises:
        AgentBusy: a run is going on.
    """
    if names_command(text, agent.parts.commands):
        await agent.command(text)
    else:
        await agent.prompt(text, images, source=source)
