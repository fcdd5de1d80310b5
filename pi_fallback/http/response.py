"""A response while it streams: raw bytes, within limits, and what a fault tells of it."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import replace

import anyio

from pi_fallback.http import limits
from pi_fallback.http.backend import httpx
from pi_fallback.http.redaction import forms_of, without
from pi_fallback.http.retry_after import retry_after_s
from pi_fallback_hookspecs import Fault, FaultKind

TransportError = httpx.TransportError  # what `Response.chunks` raises

_KEPT = ("retry-after", "x-ratelimit-", "anthropic-ratelimit-", "x-codex-")
_KEPT_WHOLE = frozenset({"x-request-id", "request-id", "x-should-retry", "date", "content-type", "server"})


class WireError(Exception):
    """What went wrong on the wire, as a `Fault`. It stays inside providers: a stream yields the fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.text)
        self.fault = fault


class Response:
    """A response whose head has come; `chunks` are raw bytes, once. Who has read them to the end sets `is_read`."""

    def __init__(self, raw: httpx.Response, secret: str, wall: Callable[[], float]) -> None:
        self.status = raw.status_code
        self.is_read = False
        self._raw = raw
        self._chunks: AsyncIterator[bytes] | None = None
        self._secret = secret
        self._forms: tuple[str, ...] | None = None  # of the secret
        self._wall = wall

    @property
    def headers(self) -> Mapping[str, str]:
        """With lower-case names. Made anew each time: only a failure looks at them."""
        return dict(self._raw.headers.items())

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes. A `TransportError` that leaves the block of `post` becomes a `WireError` there."""
        if self._chunks is None:
            # Not `aiter_raw`: it costs about 1 µs a chunk, and all that it adds is accounting.
            stream = self._raw.stream
            assert isinstance(stream, httpx.AsyncByteStream)
            self._chunks = aiter(stream)
        return self._chunks

    async def close(self) -> None:
        """Give the connection back if the body came to its end, else close it."""
        if self.is_read:
            await self._raw.aclose()  # there is nothing to wait for, and a scope costs 15 µs
            return
        with anyio.move_on_after(limits.CLOSE_S, shield=True):
            await self._raw.aclose()
            # The client leaves the inside of a half-read iterator to the garbage collector, which trio reports.
            # Now that the socket is closed, reading on ends it properly.
            with suppress(httpx.TransportError):
                while self._chunks is not None and await anext(self._chunks, None) is not None:
                    pass

    def check_head(self) -> None:
        head = self._raw.headers.raw
        size = sum(len(name) + len(value) + 4 for name, value in head)
        if len(head) > limits.HEADERS or size > limits.HEAD_BYTES:
            raise WireError(Fault(FaultKind.TOO_LARGE, "The head of the answer is too large."))

    async def error_text(self) -> str:
        """Return the body as text, as far as it comes in time, without the key."""
        pieces: list[bytes] = []
        size = 0
        if not self.is_encoded:
            with anyio.move_on_after(limits.ERROR_BODY_S):
                try:
                    async for chunk in self.chunks():
                        pieces.append(chunk)
                        size += len(chunk)
                        # Twice the limit, so that the cut cannot leave half of an echoed key.
                        if size >= 2 * limits.ERROR_TEXT:
                            break
                    else:
                        self.is_read = True
                except httpx.TransportError:
                    pass  # the status is the fact that counts; its text broke off
        return self._clean(b"".join(pieces)[: 2 * limits.ERROR_TEXT].decode("utf-8", "replace"))

    async def text(self) -> str:
        """Return the whole body as text, as it came. How long that may take is the caller's to say.

        Raises:
            WireError: it is too large or encoded.
        """
        if self.is_encoded:
            raise WireError(Fault(FaultKind.OTHER, "The answer is encoded, which nobody asked for."))
        data = bytearray()
        async for chunk in self.chunks():
            data += chunk
            if len(data) > limits.TEXT_BYTES:
                raise WireError(Fault(FaultKind.TOO_LARGE, "The answer is too large."))
        self.is_read = True
        return data.decode("utf-8", "replace")

    @property
    def is_encoded(self) -> bool:
        return self._raw.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity")

    def completed(self, fault: Fault) -> Fault:
        """Return `fault` with this response's headers of interest and the wait they ask for, and without the key."""
        headers = self.headers
        asked_s = retry_after_s(headers, wall=self._wall)
        return replace(
            fault,
            text=self._clean(fault.text),
            code=None if fault.code is None else self._clean(fault.code),
            type=None if fault.type is None else self._clean(fault.type),
            retry_after_s=fault.retry_after_s if asked_s is None else asked_s,
            headers={name: self._clean(value) for name, value in headers.items() if _is_kept(name)},
        )

    def _clean(self, text: str) -> str:
        if self._forms is None:
            self._forms = forms_of(self._secret)
        return without(text, self._forms)[: limits.ERROR_TEXT]


def _is_kept(name: str) -> bool:
    return name in _KEPT_WHOLE or name.startswith(_KEPT)
