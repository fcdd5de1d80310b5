"""Failover around the official anthropic SDK: several questions at once, in threads that share what they learn.

Give it the keys that you have, and questions:

    ANTHROPIC_API_KEY=… ANTHROPIC_API_KEY_BACKUP=… python examples/around_anthropic.py "Who was Ada?" "Who was Alan?"

With LEDGER=some/file.sqlite3 other processes learn as well which account or model rests, and until when. FIRST_S and
QUIET_S are the seconds that a route has until its first event, and between two events.
"""

import logging
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

from anthropic import Anthropic

from pi_fallback.failover import Failover, NoRouteLeft, Phase, Route

ROUTES = (  # best first
    Route("anthropic", "claude-opus-5"),
    Route("anthropic", "claude-opus-5", "backup-1"),
    Route("anthropic", "claude-sonnet-5"),
)
Clients = Mapping[str, Anthropic]  # one for each account
T = TypeVar("T")


def clients_of(environ: Mapping[str, str]) -> Clients:
    accounts = {"primary": environ.get("ANTHROPIC_API_KEY"), "backup-1": environ.get("ANTHROPIC_API_KEY_BACKUP")}
    # Retries off: otherwise each failure costs the SDK's own waits before anybody else hears of it.
    return {label: Anthropic(api_key=key, max_retries=0, timeout=60.0) for label, key in accounts.items() if key}


def in_time(events: Iterable[T], first_s: float, quiet_s: float) -> Iterator[T]:
    """Yield `events`, read in a thread of their own, as long as they come in time.

    The client's timeout is one of each read: a ping that keeps the connection alive begins it anew. A thread that hangs
    is left behind; it ends with its connection.
    """
    mail: SimpleQueue[tuple[T] | Exception | None] = SimpleQueue()

    def read() -> None:
        try:
            for event in events:
                mail.put((event,))
            mail.put(None)
        except Exception as error:
            mail.put(error)

    Thread(target=read, daemon=True).start()
    limit_s = first_s
    while True:
        try:
            item = mail.get(timeout=limit_s)
        except Empty:
            raise TimeoutError(f"no event within {limit_s:g} s") from None
        if item is None:
            return
        if isinstance(item, Exception):
            raise item
        yield item[0]
        limit_s = quiet_s


def ask(failover: Failover, clients: Clients, question: str, *, first_s: float = 60.0, quiet_s: float = 60.0) -> str:
    pieces: list[str] = []
    for attempt in failover.attempts():
        with attempt:
            pieces, reason = [], None  # what a route that failed has said is not part of the answer
            with clients[attempt.route.credential].messages.create(
                model=attempt.route.model,
                max_tokens=1024,
                messages=[{"role": "user", "content": question}],
                stream=True,
            ) as stream:
                for event in in_time(stream, first_s, quiet_s):
                    if event.type == "content_block_delta" and event.delta.type == "text_delta":
                        attempt.emitted()
                        pieces.append(event.delta.text)
                    elif event.type == "content_block_delta" and event.delta.type == "input_json_delta":
                        attempt.emitted(Phase.TOOL_ARGS)
                    elif event.type == "message_delta":
                        reason = event.delta.stop_reason
            attempt.complete(reason)
    return "".join(pieces)


def main() -> None:
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    clients = clients_of(os.environ)
    routes = [route for route in ROUTES if route.credential in clients]
    if not routes:
        sys.exit("Set ANTHROPIC_API_KEY or ANTHROPIC_API_KEY_BACKUP.")
    failover = Failover(routes, state=os.environ.get("LEDGER"))
    limits = {name: float(os.environ[name.upper()]) for name in ("first_s", "quiet_s") if name.upper() in os.environ}
    questions = sys.argv[1:] or ["Who was Ada Lovelace?", "Who was Alan Turing?"]
    try:
        with ThreadPoolExecutor() as threads:
            for answer in threads.map(partial(ask, failover, clients, **limits), questions):
                print(answer)
    except NoRouteLeft as error:
        sys.exit(str(error))
    finally:
        failover.close()


if __name__ == "__main__":
    main()
