"""Questions over the line protocol: a `Ui` whose user sits behind the other end."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

import anyio

from pi_fallback.modes.rpc_commands import UiResponse
from pi_fallback_hookspecs import Level

Send = Callable[[Mapping[str, object]], None]
CANCELLED = UiResponse(type="extension_ui_response", id="", cancelled=True)


@dataclass
class _Question:
    answered: anyio.Event = field(default_factory=anyio.Event)
    answer: UiResponse = CANCELLED


@dataclass
class RpcUi:
    """Asks by `extension_ui_request` and waits for the `extension_ui_response` of the same id.

    Make it before the agent, which is given it, and `connect` it when the protocol runs. While it is
    not connected every question counts as cancelled.
    """

    _send: Send | None = field(default=None, init=False)
    _asked: dict[str, _Question] = field(default_factory=dict[str, _Question], init=False)
    _ids: "count[int]" = field(default_factory=lambda: count(1), init=False)

    def connect(self, send: Send) -> None:
        self._send = send

    def disconnect(self) -> None:
        """Take every open question as cancelled."""
        self._send = None
        for question in self._asked.values():
            question.answered.set()

    def answer(self, response: UiResponse) -> None:
        """Hand over an answer. One that nobody waits for any more is dropped."""
        question = self._asked.get(response.id)
        if question is not None and not question.answered.is_set():
            question.answer = response
            question.answered.set()

    def notify(self, text: str, level: Level = "info") -> None:
        self.request("notify", {"message": text, "notifyType": level})

    def status(self, key: str, text: str | None) -> None:
        self.request("setStatus", {"statusKey": key, "statusText": text})

    async def confirm(self, title: str, detail: str = "") -> bool:
        answer = await self._ask("confirm", {"title": title, "message": detail})
        return answer.confirmed is True and not answer.cancelled

    async def select(self, title: str, options: Sequence[str]) -> str | None:
        answer = await self._ask("select", {"title": title, "options": list(options)})
        return answer.value if answer.value in options and not answer.cancelled else None

    async def input(self, title: str, placeholder: str = "") -> str | None:
        answer = await self._ask("input", {"title": title, "placeholder": placeholder})
        return None if answer.cancelled else answer.value

    def request(self, method: str, fields: Mapping[str, object]) -> str | None:
        """Send a request and return its id, or None if nobody is there."""
        if self._send is None:
            return None
        ident = f"ui-{next(self._ids)}"
        self._send({"type": "extension_ui_request", "id": ident, "method": method, **fields})
        return ident

    async def _ask(self, method: str, fields: Mapping[str, object]) -> UiResponse:
        ident = self.request(method, fields)
        if ident is None:
            return CANCELLED
        question = self._asked[ident] = _Question()
        try:
            await question.answered.wait()
        finally:
            del self._asked[ident]
        return question.answer
