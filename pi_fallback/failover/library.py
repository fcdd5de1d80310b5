"""The library face: one object that finds the route for calls that your own client makes."""

import logging
import math
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, cast

from pi_fallback.config.policies import RetryPolicy
from pi_fallback.core.routing import Routing
from pi_fallback.failover.asking import asked_with
from pi_fallback.failover.host import Host
from pi_fallback.failover.loop import Attempts
from pi_fallback.runtime.book import LedgerBook
from pi_fallback.runtime.calendar import calendar
from pi_fallback.runtime.engine import Engine
from pi_fallback.runtime.plans import Pool
from pi_fallback.state.memory import MemoryLedger
from pi_fallback_hookspecs import Ledger, Model, ModelRef, Request, Route

if TYPE_CHECKING:
    from pi_fallback.state.store import LedgerStore

log = logging.getLogger("pi_fallback.failover")

_RETRY = RetryPolicy()
_ANY = Request(())


class Failover:
    """Finds the route for calls that your own client makes. One object serves any number of tasks and threads.

    `routes` are best first: a `Route`, or "provider/model" for its primary account. What fails rests for all
    calls; with `state`, the path of a SQLite file, for all processes. `retry.max_delay_s` is the longest that
    a call waits in all, and with `retry.enabled` false it never does. `plugins` are asked before the built-in
    one that decides over the pool. `models` say what models can take (windows, images, tools), if calls give
    their request. `redact` takes secrets out of what errors say, `explain` gets each decision as a record.
    `now` is a monotonic clock in seconds, `sleep` what threads wait with.

    Raises:
        ValueError: there are no routes, one is not of the form provider/model, or a number of `retry` is none.
        TypeError: a route is neither text nor a `Route`, or `retry` no `RetryPolicy`.
    """

    def __init__(
        self,
        routes: Iterable[Route | str],
        *,
        models: Iterable[Model] = (),
        retry: RetryPolicy = _RETRY,
        state: Path | str | None = None,
        plugins: Sequence[object] = (),
        redact: Callable[[str], str] | None = None,
        explain: Callable[[Routing], None] | None = None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,  # noqa: TID251  # threads have no event loop
    ) -> None:
        if isinstance(routes, str):
            raise TypeError(f"`routes` is a list: Failover([{routes!r}]).")
        _check(retry)
        order = tuple(dict.fromkeys(map(_route, routes)))
        if not order:
            raise ValueError("A failover needs at least one route.")
        asked = asked_with(plugins, redact or str)
        self._book = LedgerBook(_store(state, now))
        pool = Pool(order, {model.ref: model for model in models}, 1)
        engine = Engine(
            book=self._book,
            now=now,
            pool=lambda: pool,
            policy=retry,
            chance=Random(),
            can=frozenset({"wait", "switch", "notify"}),
            asked=asked.hooks,
            explain=explain,
            today=calendar(time.time),  # noqa: TID251  # where wall time enters, for times of day in errors
            error_rows=asked.error_rows,
        )
        patience_s = retry.max_delay_s if retry.enabled else 0.0
        self._host = Host(engine, self._book, asked.plugins, patience_s=patience_s, redact=redact, sleep=sleep)

    def attempts(self, request: Request = _ANY) -> Attempts:
        """Return the attempts of one call, for `for` and for `async for` alike.

        `request` says what the call holds, where `models` or plugins look at it; nothing of it is sent.
        """
        return Attempts(self._host, request)

    @property
    def ledger(self) -> Ledger:
        """What is remembered now: which scopes rest, which models worked and failed."""
        return self._book.ledger

    def close(self) -> None:
        """Share what is left with the state file, and let it go."""
        self._book.close()


def _route(route: object) -> Route:
    if isinstance(route, str):
        return _route(Route(*ModelRef.parse(route)))
    if not isinstance(route, Route) or not all(isinstance(part, str) for part in cast("tuple[object, ...]", route)):
        raise TypeError(f"A route is 'provider/model' or Route(provider, model, credential), not {route!r}.")
    if not all(part.strip() and part.isprintable() for part in route):
        raise ValueError(f"{route!r} is no route: each part needs a name, without line breaks.")
    return route


def _check(retry: object) -> None:
    if not isinstance(retry, RetryPolicy):
        raise TypeError(f"`retry` is RetryPolicy(...), not {type(retry).__name__}.")
    for name in ("max_retries", "base_delay_s", "max_delay_s"):
        number: object = getattr(retry, name)
        if not isinstance(number, int | float) or not 0 <= number < math.inf:
            raise ValueError(f"RetryPolicy.{name} must be a number, zero or more, and finite; it is {number!r}.")


def _store(state: Path | str | None, now: Callable[[], float]) -> "LedgerStore":
    if state is None:
        return MemoryLedger()
    from pi_fallback.state.sqlite import SqliteLedger

    return SqliteLedger(Path(state), now=now, wall=time.time, on_problem=log.warning)  # noqa: TID251  # where wall time enters
