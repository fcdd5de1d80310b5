"""One connection of the fault server: each request is logged, checked, and answered by the step it is due."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, cast

import anyio
import h11

from pi_fallback.testing.http1 import HttpRequest, Requests
from pi_fallback.testing.playbook import Playbook
from pi_fallback.testing.playing import Ending, as_json, play
from pi_fallback.testing.received import Log, Received
from pi_fallback.testing.sockets import Connection
from pi_fallback.testing.steps import Step
from pi_fallback.testing.wire import Wire


@dataclass(frozen=True, slots=True)
class Conversations:
    """What all connections of a server share."""

    playbook: Playbook
    log: Log
    wires: Sequence[Wire]
    strict: bool

    async def hold(self, connection: Connection, number: int) -> None:
        """Answer the requests of the connection with that number until one side ends it."""
        requests = Requests(connection)
        ending: Ending = "keep"
        with suppress(ConnectionError):  # the client left between two requests
            while ending == "keep":
                try:
                    request = await requests.next()
                except h11.RemoteProtocolError as error:
                    await connection.send(as_json(400, {"error": {"message": f"this is no HTTP: {error}"}}))
                    return
                if request is None:
                    return
                ending = await self._answer(connection, number, request)
                if not request.keep_alive:
                    return

    async def _answer(self, connection: Connection, number: int, request: HttpRequest) -> Ending:
        path = request.path.partition("?")[0]
        wire = next((wire for wire in self.wires if wire.serves(request.method, path)), None)
        received = self._received(number, request, wire)
        self.log.add(received)
        if wire is None:
            return await self._answer_without_model(connection, received, path)
        if received.violations:
            return await self._refuse(connection, received, wire, 400, "; ".join(received.violations))
        due = self.playbook.next(received.model, received.key)
        if due is None:
            return await self._refuse(connection, received, wire, 404, f"The model `{received.model}` does not exist")
        return await self._play(due(received) if callable(due) else due, connection, wire, received)

    def _received(self, number: int, request: HttpRequest, wire: Wire | None) -> Received:
        body = _parsed(request.body)
        received = Received(
            number=len(self.log.entries) + 1,
            connection=number,
            at=anyio.current_time(),
            method=request.method,
            path=request.path,
            headers=request.headers,
            raw=request.body,
            body=body,
        )
        if wire is None:
            return received
        asked = wire.asked(request.path, body or {})
        wrong = ("the body is not a JSON object",) if body is None else wire.violations(asked) if self.strict else ()
        model, key = wire.model(asked), wire.key(request.headers)
        return replace(received, model=model, key=key, violations=wrong)

    async def _answer_without_model(self, connection: Connection, received: Received, path: str) -> Ending:
        wire = next((wire for wire in self.wires if wire.lists(received.method, path, received.headers)), None)
        if wire is None:
            return await self._refuse(connection, received, self.wires[-1], 404, f"Nothing is served at {path}")
        await connection.send(as_json(200, wire.models(self.playbook.models)))
        self.log.change(received.number, outcome="answered")
        return "keep"

    async def _refuse(self, connection: Connection, received: Received, wire: Wire, code: int, text: str) -> Ending:
        self.log.change(received.number, outcome="refused")
        await connection.send(as_json(code, wire.error(code, text)))
        return "keep"

    async def _play(self, step: Step, connection: Connection, wire: Wire, received: Received) -> Ending:
        self.log.change(received.number, step=step)
        ending: Ending = "fin"
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch, connection, received.number, tasks.cancel_scope)
            try:
                asked = wire.asked(received.path, received.body or {})
                ending = await play(step, connection, wire, asked, received.number)
            except ConnectionError:
                self._note_left(received.number)
            else:
                self.log.change(received.number, outcome="answered")
            tasks.cancel_scope.cancel()
        return ending

    async def _watch(self, connection: Connection, number: int, answer: anyio.CancelScope) -> None:
        await connection.left()
        if not answer.cancel_called:  # else all of it was sent before the client left
            self._note_left(number)
            answer.cancel()

    def _note_left(self, number: int) -> None:
        self.log.change(number, outcome="left", closed_at=anyio.current_time())


def _parsed(raw: bytes) -> Mapping[str, Any] | None:
    try:
        body = json.loads(raw)
    except ValueError:
        return None
    return cast("Mapping[str, Any]", body) if isinstance(body, dict) else None
