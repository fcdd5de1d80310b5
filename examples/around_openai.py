"""Failover around the official openai SDK: two accounts and another host, one streamed answer.

Give it the keys that you have, and a question:

    OPENAI_API_KEY=… OPENAI_API_KEY_BACKUP=… OPENROUTER_API_KEY=… python examples/around_openai.py "Why is it so?"

What fails is said on the error output, with the route that takes over. FIRST_S and QUIET_S are the seconds that a route
has until its first piece, and between two pieces.
"""

import logging
import os
import sys
from collections.abc import Mapping

import anyio
from openai import AsyncOpenAI

from pi_fallback.failover import Failover, NoRouteLeft, Phase, Route

ROUTES = (  # best first
    Route("openai", "gpt-5.4"),
    Route("openai", "gpt-5.4", "backup-1"),
    Route("openrouter", "moonshotai/kimi-k2.7-code"),
)
Clients = Mapping[tuple[str, str], AsyncOpenAI]  # one for each account


def clients_of(environ: Mapping[str, str]) -> Clients:
    openai_url = environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1")
    openrouter_url = environ.get("OPENROUTER_BASE_URL", "https://openrouter.ai/api/v1")
    accounts = {
        ("openai", "primary"): (openai_url, environ.get("OPENAI_API_KEY")),
        ("openai", "backup-1"): (openai_url, environ.get("OPENAI_API_KEY_BACKUP")),
        ("openrouter", "primary"): (openrouter_url, environ.get("OPENROUTER_API_KEY")),
    }
    return {
        # Retries off: otherwise each failure costs the SDK's own waits before anybody else hears of it.
        account: AsyncOpenAI(base_url=url, api_key=key, max_retries=0, timeout=60.0)
        for account, (url, key) in accounts.items()
        if key
    }


async def ask(
    failover: Failover, clients: Clients, question: str, *, first_s: float = 60.0, quiet_s: float = 30.0
) -> str:
    pieces: list[str] = []
    async for attempt in failover.attempts():
        # The client's timeout is one of each read: a comment that keeps the connection alive begins it anew.
        with attempt, anyio.fail_after(first_s) as limit:
            pieces, reason = [], None  # what a route that failed has said is not part of the answer
            client = clients[attempt.route.provider, attempt.route.credential]
            stream = await client.chat.completions.create(
                model=attempt.route.model, messages=[{"role": "user", "content": question}], stream=True
            )
            async with stream:
                async for chunk in stream:
                    for choice in chunk.choices[:1]:
                        if choice.delta.content:
                            attempt.emitted()
                            pieces.append(choice.delta.content)
                        if choice.delta.tool_calls:
                            attempt.emitted(Phase.TOOL_ARGS)
                        if choice.delta.content or choice.delta.tool_calls:
                            limit.deadline = anyio.current_time() + quiet_s
                        reason = choice.finish_reason or reason
            attempt.complete(reason)
    return "".join(pieces)


async def main() -> None:
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    clients = clients_of(os.environ)
    routes = [route for route in ROUTES if (route.provider, route.credential) in clients]
    if not routes:
        sys.exit("Set OPENAI_API_KEY, OPENAI_API_KEY_BACKUP or OPENROUTER_API_KEY.")
    try:
        question = " ".join(sys.argv[1:]) or "Why is the sky blue?"
        limits = {
            name: float(os.environ[name.upper()]) for name in ("first_s", "quiet_s") if name.upper() in os.environ
        }
        print(await ask(Failover(routes), clients, question, **limits))
    except NoRouteLeft as error:
        sys.exit(str(error))
    finally:
        for client in clients.values():
            await client.close()


if __name__ == "__main__":
    anyio.run(main)
