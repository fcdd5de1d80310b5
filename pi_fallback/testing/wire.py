"""What the fault server needs to know of a dialect. One module a dialect implements it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from pi_fallback.testing.steps import Ok


class Rendered(NamedTuple):
    """An answer as pieces of bytes: what opens it, its content, what ends it. `heartbeat` says nothing."""

    content_type: str
    opening: tuple[bytes, ...]
    content: tuple[bytes, ...]
    closing: tuple[bytes, ...]
    heartbeat: bytes


class Wire(Protocol):
    """A dialect, from the side of the provider. `body` is what `asked` returns for a request."""

    def serves(self, method: str, path: str) -> bool:
        """Whether a request to `path` (without its query) asks a model in this dialect."""
        ...

    def lists(self, method: str, path: str, headers: Mapping[str, str]) -> bool:
        """Whether it asks for the list of models; several dialects have it at one path."""
        ...

    def key(self, headers: Mapping[str, str]) -> str: ...

    def asked(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the parsed `body` with what `path`, query included, says of the request."""
        ...

    def model(self, body: Mapping[str, Any]) -> str: ...

    def violations(self, body: Mapping[str, Any]) -> tuple[str, ...]:
        """What the real API would refuse in `body`, in its words."""
        ...

    def render(self, ok: Ok, body: Mapping[str, Any], number: int) -> Rendered:
        """Return `ok` as the answer to `body`, a stream or not as it asks; `number` makes ids unique."""
        ...

    def error(self, status: int, text: str) -> Mapping[str, Any]:
        """Return the body of an answer with `status`."""
        ...

    def error_event(self, error: Mapping[str, Any] | None, body: Mapping[str, Any]) -> bytes:
        """Return an error in the middle of an answer to `body`; None is an overloaded server."""
        ...

    def models(self, models: Sequence[str]) -> Mapping[str, Any]: ...
