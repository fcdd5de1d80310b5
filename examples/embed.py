"""A coding agent of your own on the loop of pi_fallback.

    python examples/embed.py ["Why does the test fail?"]

It looks at the folder that you are in. With ANTHROPIC_API_KEY or OPENAI_API_KEY set it asks the real models (a second
account may stand in ANTHROPIC_API_KEY_2 and OPENAI_API_KEY_2). Without a key it plays two providers on this machine, of
which the first has a spent key and one whose connection breaks.
"""

import os
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import anyio

from pi_fallback.embedding import (
    AnswerStarted,
    Fallback,
    GaveUp,
    Limits,
    ProviderConfig,
    RouteSwitched,
    Settings,
    Streamed,
    TextDelta,
    ToolStarted,
    Withdrawn,
)
from pi_fallback.testing import Cut, FaultServer, For, Ok, Received, Status, Step, ToolCallScript

QUESTION = "What is in this folder?"


async def list_files(folder: str = ".") -> list[str]:
    """List the files in a folder, as paths from here."""
    return sorted([str(path) async for path in anyio.Path(folder).iterdir()])


async def read_file(path: str, max_lines: int = 200) -> str:
    """Read the beginning of a text file."""
    text = await anyio.Path(path).read_text(errors="replace")
    return "\n".join(text.splitlines()[:max_lines])


async def answer(question: str, providers: Sequence[ProviderConfig], order: Sequence[str]) -> None:
    """The whole agent. It keeps nothing: give it a `state_dir`, and it remembers sessions and what failed."""
    settings = Settings(limits=Limits(first_content_s=120, quiet_s=30))
    async with (
        Fallback(providers=providers, order=order, tools=[list_files, read_file], settings=settings) as fallback,
        fallback.session(system="You are a coding agent. Look before you answer, and be brief.") as session,
    ):
        async for event in session.prompt(question):
            match event:
                case AnswerStarted(route):
                    print(f"[{route}]")
                case Streamed(TextDelta(text)):
                    print(text, end="", flush=True)
                case Withdrawn(failure):
                    print(f"\n  ✗ {failure.kind.value}: {failure.text}")
                case ToolStarted(call):
                    print(f"\n  {call.name} {dict(call.arguments)}")
                case RouteSwitched(route, previous):
                    print(f"  {previous} → {route}")
                case GaveUp(text):
                    print(text)
                case _:
                    pass
        print()


def accounts(variable: str) -> dict[str, str]:
    names = {"primary": variable, "backup-1": f"{variable}_2"}
    return {label: os.environ[name] for label, name in names.items() if os.environ.get(name)}


def real() -> tuple[list[ProviderConfig], list[str]]:
    """The providers whose keys there are. Both are known, so their addresses and dialects are too."""
    found = {"anthropic": accounts("ANTHROPIC_API_KEY"), "openai": accounts("OPENAI_API_KEY")}
    models = {"anthropic": "anthropic/claude-sonnet-5-5", "openai": "openai/gpt-6.1-terra"}
    providers = [ProviderConfig(name, keys=keys) for name, keys in found.items() if keys]
    return providers, [models[provider.id] for provider in providers]


def clever(asked: Received) -> Step:
    """What the model of the second provider does: look, then answer."""
    if asked.messages[-1]["role"] != "tool":
        return Ok("Let me look.", tools=[ToolCallScript("list_files")])
    return Ok(f"There are {asked.messages[-1]['content'].count(',') + 1} entries.", pace_s=0.02)


@asynccontextmanager
async def played() -> AsyncGenerator[tuple[list[ProviderConfig], list[str]], None]:
    scripts = {For("one", "sk-spent"): Status(429), "one": Cut(after=2, of=Ok("Let me see what there")), "two": clever}
    async with FaultServer(scripts) as server:
        first = ProviderConfig(
            "first", base_url=server.base_url, keys={"primary": "sk-spent", "backup-1": "sk-breaking"}
        )
        yield [first, ProviderConfig("second", base_url=server.base_url)], ["first/one", "second/two"]


async def main(question: str) -> None:
    providers, order = real()
    if providers:
        await answer(question, providers, order)
        return
    async with played() as (providers, order):
        await answer(question, providers, order)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1] if len(sys.argv) > 1 else QUESTION)
