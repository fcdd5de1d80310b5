"""Pairs: each dialect with the wire that plays its provider, so that a test can go round without sockets."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pi_fallback.http import WireError
from pi_fallback.providers.body import Body
from pi_fallback.providers.dialects import DIALECTS
from pi_fallback.providers.halves import Halves
from pi_fallback.providers.streaming import Dialect, Fold, taken
from pi_fallback.testing.server import WIRES
from pi_fallback.testing.steps import Ok
from pi_fallback.testing.wire import Rendered, Wire
from pi_fallback_hookspecs import Call, Delta, Fault, Message, Model, ModelRef, Reply, Request, Route, user_message

BASE_URL = "http://127.0.0.1:9/v1"


@dataclass(frozen=True, repr=False)
class Pair:
    """A dialect and its wire. Its provider is called like the dialect, its models anything."""

    dialect: Dialect
    wire: Wire

    def __repr__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return self.dialect.name

    def call(
        self,
        *messages: Message,
        name: str = "big",
        credential: str = "primary",
        base_url: str = BASE_URL,
        inputs: frozenset[str] = frozenset({"text", "image"}),
        reasoning: bool = True,
        compat: Mapping[str, object] | None = None,
        **options: Any,
    ) -> Call:
        """Return a call of a model that can do all there is, or not; `options` are those of `Request`."""
        model = Model(ModelRef(self.name, name), inputs=inputs, reasoning=reasoning, compat=compat or {})
        request = Request(messages or (user_message("hi"),), **options)
        return Call(Route(self.name, name, credential), model, request, base_url)

    def asked(self, call: Call) -> Mapping[str, Any]:
        """Return the request of `call` as the provider reads it."""
        url = urlsplit(self.dialect.url(call))
        path = f"{url.path}?{url.query}" if url.query else url.path
        return self.wire.asked(path, json.loads(self.dialect.body(call)))

    def rendered(self, ok: Ok, call: Call, number: int = 1) -> Rendered:
        return self.wire.render(ok, self.asked(call), number)

    def answer(self, ok: Ok, call: Call, number: int = 1) -> bytes:
        """Return the bytes with which the provider answers `call`."""
        rendered = self.rendered(ok, call, number)
        return b"".join((*rendered.opening, *rendered.content, *rendered.closing))

    def fold(self, call: Call, *chunks: bytes) -> tuple[list[Delta], Reply | Fault]:
        """Return what the dialect makes of a body that comes in `chunks`."""
        answer = self.dialect.fold(call)
        deltas: list[Delta] = []
        try:
            _fold(answer, chunks, deltas)
            return deltas, Reply(answer.message())
        except WireError as error:
            return deltas, error.fault


def _fold(answer: Fold, chunks: Sequence[bytes], deltas: list[Delta]) -> None:
    body, halves = Body(), Halves()
    for chunk in chunks:
        deltas += taken(answer, halves, body.feed(chunk))
        if body.is_over:
            break
    deltas += taken(answer, halves, body.finish())
    halves.check()


def _pair(dialect: Dialect) -> Pair:
    path = urlsplit(dialect.url(Pair(dialect, WIRES[0]).call())).path
    return Pair(dialect, next(wire for wire in WIRES if wire.serves("POST", path)))


PAIRS = tuple(map(_pair, DIALECTS))
