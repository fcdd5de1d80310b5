"""The wires: which stream, address and key a route stands for; one request sent over it."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Protocol, cast

from pi_fallback.core.deadlines import words
from pi_fallback.errors import CredentialError, LoginNeeded
from pi_fallback.runtime.clock import loop_clock
from pi_fallback.runtime.hiding import NoSecrets, Secrets, Veil, cleaned_fault, cleaned_message
from pi_fallback.runtime.watchdog import Watch, Watchdog
from pi_fallback_hookspecs import (
    AssistantMessage,
    Call,
    Delta,
    Fault,
    FaultKind,
    Key,
    Limits,
    Model,
    ModelRef,
    Phase,
    Provider,
    Reply,
    Request,
    Route,
    Stream,
    ToolCallDelta,
)


class Keys(Protocol):
    """Where secrets come from. Raises `CredentialError`; None is for a provider that needs no key."""

    def __call__(self, route: Route, base_url: str) -> Awaitable[Key | None]: ...


class Headers(Protocol):
    """The headers of a route whose values are found when they are used. Raises `CredentialError`."""

    def __call__(self, route: Route) -> Awaitable[Mapping[str, str]]: ...


NO_SECRETS = NoSecrets()
ENDS = (Reply, Fault)  # made once: a union in `isinstance` is made anew for each event


@dataclass
class Wires:
    """Sends requests: `providers` by id, the streams of the built-in `dialects`, secrets from `keys`.

    `opened` is the provider of a route as its account asks it, if that is another way. A fault that `instead` has for
    a route takes the place of the request: nothing is sent. `refused` hears that a key is not taken, and says whether
    another can be had for it.
    """

    providers: Mapping[str, Provider]
    dialects: Mapping[str, Stream]
    catalog: Mapping[ModelRef, Model]
    keys: Keys
    watchdog: Watchdog
    secrets: Secrets = NO_SECRETS
    late_headers: Headers | None = None
    instead: Callable[[Route], Fault | None] | None = None
    refused: Callable[[Route, Key], bool] | None = None
    opened: Callable[[Route], Provider | None] | None = None

    async def has_key(self, route: Route) -> str | None:
        """The reason why `route` has no key, or None if it has one."""
        provider = self._provider(route)
        if provider is None:
            return f"there is no provider {route.provider!r}"
        try:
            await self.keys(route, provider.base_url)
        except CredentialError as error:
            return str(error)
        return None

    def _provider(self, route: Route) -> Provider | None:
        return (self.opened and self.opened(route)) or self.providers.get(route.provider)

    def dialect_of(self, route: Route) -> str:
        """The dialect that `route` speaks; "" if nobody knows."""
        model, provider = self.catalog.get(route.ref), self.providers.get(route.provider)
        return (model.dialect if model else "") or (provider.dialect if provider else "")

    async def send(
        self, route: Route, request: Request, on_delta: Callable[[Delta], None], *, fresh: bool = False
    ) -> Reply | Fault:
        """Send `request` by `route`, over a `fresh` connection if need be; give each piece to `on_delta`.

        No secret that is known gets through. Raises nothing but cancellation.
        """
        if self.instead is not None and (fault := self.instead(route)) is not None:
            return fault
        provider = self._provider(route)
        model = self.catalog.get(route.ref) or Model(route.ref)
        stream = None if provider is None else provider.stream or self.dialects.get(model.dialect or provider.dialect)
        if provider is None or stream is None:
            return Fault(FaultKind.OTHER, f"nothing here speaks to {route.provider!r}")
        base_url = model.base_url or provider.base_url
        if provider.compat and provider is not self.providers.get(route.provider):
            model = replace(model, compat={**provider.compat, **model.compat})
        try:
            key = await self.keys(route, base_url)
            late: Mapping[str, str] = {} if self.late_headers is None else await self.late_headers(route)
        except CredentialError as error:
            code = error.code if isinstance(error, LoginNeeded) else None
            return Fault(FaultKind.KEY, self.secrets.clean(str(error)), code=code)
        headers = {**provider.headers, **model.headers, **late}
        call = Call(route, model, request, base_url, key, headers, provider.auth, fresh)
        veil = Veil(self.secrets, on_delta)
        with self.watchdog.watch(model.limits) as watch:
            result = await self._read(stream, call, watch, veil)
            veil.end(whole=isinstance(result, Reply))
            if isinstance(result, Reply):
                return Reply(cleaned_message(result.message, self.secrets.clean))
            fault = cleaned_fault(result, self.secrets.clean)
            if fault.status != HTTPStatus.UNAUTHORIZED or key is None or self.refused is None:
                return fault
            return replace(fault, renewable=self.refused(route, key))
        veil.end(whole=False)
        return _expired(watch, model.limits)

    async def _read(self, stream: Stream, call: Call, watch: Watch, veil: Veil) -> Reply | Fault:
        now, take = loop_clock(), veil.take
        try:
            async with aclosing(stream(call)) as events:
                async for event in events:
                    if isinstance(event, ENDS):
                        return _whole(event)
                    watch.last = now()
                    watch.phase = Phase.TOOL_ARGS if isinstance(event, ToolCallDelta) else Phase.TEXT
                    take(event)
        except (Exception, SystemExit) as error:  # a third party's stream: nothing of it may end the agent
            return Fault(FaultKind.OTHER, f"{type(error).__name__}: {error}", phase=watch.phase)
        return Fault(FaultKind.INCOMPLETE, "the stream ended without its terminal event", phase=watch.phase)


def _whole(end: Reply | Fault) -> Reply | Fault:
    """`end`, unless a third party's stream answers with something that is no answer."""
    if isinstance(end, Fault) or isinstance(cast("object", end.message), AssistantMessage):
        return end
    return Fault(FaultKind.MALFORMED, "the provider's reply holds no message", phase=Phase.DONE)


def _expired(watch: Watch, limits: Limits) -> Fault:
    kind = watch.expired or FaultKind.OTHER
    return Fault(kind, words(kind, limits), phase=watch.phase)
