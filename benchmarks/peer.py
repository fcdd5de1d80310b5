"""One library under the fault server's faults, as a program of its own: it runs in that library's environment.

`peer.py LIBRARY BASE_URL RUNS SCENE …` prints a JSON object: for each scene what came of it and how long the first
text took. The first scene is the healthy one. It imports nothing of ours but for `pi-fallback`.
"""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from importlib import import_module
from importlib.metadata import version
from typing import Any

QUESTION, GOOD = "Why does the test in this folder fail?", "good"
WHOLE = "The test reads a file that the last commit has moved, so it finds nothing and fails."
LIMIT_S = 2.0  # each library's own limit for a silent model
PATIENCE_S = 8.0
KEYS = ("sk-first-account", "sk-second-account")

Pieces = AsyncIterator[str | None]
"""Text as it comes; None takes back what came before."""
Ask = Callable[[str], Pieces]


async def openai_sdk(base_url: str, _scene: str, stack: AsyncExitStack) -> Ask:
    client = await stack.enter_async_context(_openai(base_url, KEYS[0]))

    async def ask(model: str) -> Pieces:
        messages = [{"role": "user", "content": QUESTION}]
        async for chunk in await client.chat.completions.create(model=model, messages=messages, stream=True):
            for choice in chunk.choices:
                yield choice.delta.content or ""

    return ask


async def litellm(base_url: str, scene: str, _stack: AsyncExitStack) -> Ask:
    shared = {"api_base": base_url, "timeout": LIMIT_S, "stream_timeout": LIMIT_S}
    routes = [
        {"model_name": name, "litellm_params": {"model": f"openai/{name}", "api_key": key, **shared}}
        for name, key in zip((scene, GOOD), KEYS, strict=True)
    ]
    router = import_module("litellm").Router(model_list=routes, fallbacks=[{scene: [GOOD]}], num_retries=0)

    async def ask(model: str) -> Pieces:
        messages = [{"role": "user", "content": QUESTION}]
        async for chunk in await router.acompletion(model=model, messages=messages, stream=True):
            for choice in chunk.choices:
                yield choice.delta.content or ""

    return ask


async def pydantic_ai(base_url: str, scene: str, stack: AsyncExitStack) -> Ask:
    module, models = import_module("pydantic_ai"), import_module("pydantic_ai.models.openai")
    provider = import_module("pydantic_ai.providers.openai").OpenAIProvider
    fallback = import_module("pydantic_ai.models.fallback").FallbackModel
    clients = [await stack.enter_async_context(_openai(base_url, key)) for key in KEYS]
    first, second = (
        models.OpenAIChatModel(name, provider=provider(openai_client=client))
        for name, client in zip((scene, GOOD), clients, strict=True)
    )
    agents = {scene: module.Agent(fallback(first, second)), GOOD: module.Agent(second)}

    async def ask(model: str) -> Pieces:
        async with agents[model].run_stream(QUESTION) as result:
            async for piece in result.stream_text(delta=True, debounce_by=None):
                yield piece

    return ask


async def pi_fallback(base_url: str, scene: str, stack: AsyncExitStack) -> Ask:
    ours = import_module("pi_fallback.embedding")
    providers = [
        ours.ProviderConfig(name, base_url=base_url, dialect="openai-completions", keys={"primary": key})
        for name, key in zip(("one", "two"), KEYS, strict=True)
    ]
    settings = ours.Settings(limits=ours.Limits(first_content_s=LIMIT_S, quiet_s=LIMIT_S))
    fallback = ours.Fallback(providers=providers, order=[f"one/{scene}", f"two/{GOOD}"], settings=settings)
    await stack.enter_async_context(fallback)

    async def ask(model: str) -> Pieces:
        async with fallback.session(order=[f"two/{GOOD}"] if model == GOOD else None) as session:
            prompt = session.prompt(QUESTION)
            async for event in prompt:
                if isinstance(event, ours.Streamed) and isinstance(event.delta, ours.TextDelta):
                    yield event.delta.text
                elif isinstance(event, ours.Withdrawn):
                    yield None
            prompt.answer()

    return ask


def _openai(base_url: str, key: str) -> Any:
    return import_module("openai").AsyncOpenAI(base_url=base_url, api_key=key, timeout=LIMIT_S, max_retries=0)


LIBRARIES = {"openai": openai_sdk, "litellm": litellm, "pydantic-ai": pydantic_ai, "pi-fallback": pi_fallback}
DISTRIBUTIONS = {"pydantic-ai": "pydantic-ai-slim"}


async def asked(ask: Ask, scene: str) -> tuple[str, str, float | None]:
    """The text, what went wrong, and the seconds to the first piece of it that stayed."""
    pieces: list[str] = []
    begun, first = time.perf_counter(), None
    wrong = ""
    try:
        async with asyncio.timeout(PATIENCE_S):
            async for piece in ask(scene):
                if piece is None:
                    pieces, first = [], None
                elif piece:
                    first = first or time.perf_counter() - begun
                    pieces.append(piece)
    except TimeoutError as error:
        over = time.perf_counter() - begun >= PATIENCE_S
        wrong = f"still waits after {PATIENCE_S:g} s" if over else f"error: {type(error).__name__}"
    except Exception as error:
        wrong = f"error: {type(error).__name__}"
    return "".join(pieces), wrong, first


def outcome(text: str, wrong: str) -> str:
    if wrong:
        return wrong + (", after half an answer" if text else "")
    if text == WHOLE:
        return "whole answer"
    return "both answers, glued together" if text.endswith(WHOLE) else "half an answer, taken for a whole one"


async def main(library: str, base_url: str, runs: int, scenes: list[str]) -> None:
    found: dict[str, Any] = {"version": version(DISTRIBUTIONS.get(library, library))}
    for scene in scenes:
        times: list[float] = []
        said: list[str] = []
        for _ in range(runs):
            # Anew each time: a library that remembers what failed would not ask it again.
            async with AsyncExitStack() as stack:
                ask = await LIBRARIES[library](base_url, scene, stack)
                await asked(ask, GOOD)  # connections, and what is loaded late
                text, wrong, first = await asked(ask, scene)
                said.append(outcome(text, wrong))
                if first is not None and not wrong:
                    times.append(first)
            if wrong or first is None or first > 1.0:
                break  # once is enough of what takes so long
        found[scene] = {
            "outcome": " or ".join(dict.fromkeys(said)),
            "first_ms": statistics.median(times) * 1e3 if times else None,
        }
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]))
