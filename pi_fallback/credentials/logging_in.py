"""Logging in: the user says yes in a browser, or types a code on any machine, and we get the first tokens."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

import anyio
from anyio.to_thread import run_sync

from pi_fallback.config.schema import is_loopback
from pi_fallback.credentials.login_store import Entry
from pi_fallback.credentials.oauth_redirect import Redirect, redirected
from pi_fallback.credentials.oauth_requests import (
    DEVICE_GRANT,
    NotTheAnswer,
    Proof,
    authorization_url,
    body,
    code_in,
    granted,
    written,
)
from pi_fallback.credentials.oauth_wire import NoAnswer, Refused, exchanged, posted
from pi_fallback.credentials.redaction import Redactor
from pi_fallback.errors import CredentialError, single
from pi_fallback.http import Http
from pi_fallback_hookspecs import OAuthEndpoints, Ui

TIME_S = 600.0  # codes live no longer (RFC 6749 §4.1.2)
INTERVAL_S = 5.0  # RFC 8628 §3.2, and by how much it grows when we are too quick
MISSES = 5  # a device's polls may fail on the way
REFUSED = "The login failed: you refused it. Start it again when you like."
WAITING = "Waiting for the browser. If it does not come back, paste its address here."
TAKEN = "Another program has port {port}: the browser ends at a page that is not ours. Paste its address here."
TOO_OLD = "The login failed: the code is too old. Start it again."

Open = Callable[[str], Awaitable[None]]


async def no_browser(_url: str) -> None:
    """Nobody sits at a browser here."""


def browser(environ: Mapping[str, str], platform: str, *, at_terminal: bool) -> Open:
    """What shows a page to the user, if one sits here. Browsers in the terminal do not count: they would take it."""
    near = platform in ("darwin", "win32") or environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")
    return _in_browser if at_terminal and near and not environ.get("SSH_CONNECTION") else no_browser


async def _in_browser(url: str) -> None:
    import webbrowser  # takes 8 ms, and few programs log in

    await run_sync(webbrowser.open, url, abandon_on_cancel=True)


@dataclass(frozen=True, slots=True)
class LoggingIn:
    """A login of one account at `endpoints`. `ui` shows and asks, `open_url` opens a browser.

    Every secret that comes along is told to `redactor` before anything can go wrong with it.
    """

    http: Http
    endpoints: OAuthEndpoints
    name: str
    ui: Ui
    redactor: Redactor
    wall: Callable[[], float]
    open_url: Open = no_browser

    async def run(self, *, time_s: float = TIME_S) -> Entry:
        """Log in. The account as it is kept.

        Raises:
            CredentialError: it did not come to a login, and why.
            MissingExtra: a part is not installed.
        """
        flow = self._by_browser if self.endpoints.authorize_url else self._by_device
        try:
            with anyio.fail_after(time_s):
                return await self._account(await flow())
        except TimeoutError:
            raise CredentialError("The login took too long. Start it again.") from None
        except Refused as refused:
            raise CredentialError(f"The login failed: the server says {refused.code}. Start it again.") from None
        except NoAnswer as none:
            raise CredentialError(f"The login failed: {none}. Try again.") from None
        except (LookupError, ValueError) as error:
            wrong = str(error) if isinstance(error, ValueError) else "there is no token in the answer"
            raise CredentialError(f"The login failed: {self.redactor.clean(wrong)}. Try again.") from None

    async def _by_browser(self) -> Mapping[str, object]:
        proof = Proof.new()
        self.redactor.add(proof.verifier)
        async with redirected(self.endpoints.redirect, proof.state) as redirect:
            url = authorization_url(self.endpoints, redirect.url if redirect else self.endpoints.redirect, proof)
            self.ui.notify(f"Log in to {self.name} with a browser:\n{url}")
            if redirect is None:
                self.ui.notify(TAKEN.format(port=urlsplit(self.endpoints.redirect).port), "warning")
            code = await self._code(redirect, url, proof)
            back = redirect.url if redirect else self.endpoints.redirect
            fields = {"code": code, "code_verifier": proof.verifier}
            return await posted(
                self.http, self.endpoints.token_url, body(self.endpoints, "authorization_code", redirect=back, **fields)
            )

    async def _code(self, redirect: Redirect | None, url: str, proof: Proof) -> str:
        """The code that the browser came back with, or that the user pasted, whichever is first.

        Who pastes something else is asked again.
        """

        async def pasted() -> str | None:
            title = WAITING
            while (text := await self.ui.input(title)) is not None:
                try:
                    return self._known(code_in(text, proof))
                except NotTheAnswer as wrong:
                    title = f"{wrong} {WAITING}"
            return None

        async def came() -> str | None:
            await self.open_url(url)
            if redirect is None:
                await anyio.sleep_forever()
            assert redirect is not None
            await redirect.came.wait()
            try:
                return self._known(code_in(redirect.answer, proof))
            except NotTheAnswer as wrong:
                raise CredentialError(f"The login failed: {str(wrong).lower()} Start it again.") from None

        return _said(await _first(pasted, came))

    def _known(self, code: str) -> str:
        self.redactor.add(code)
        return code

    async def _by_device(self) -> Mapping[str, object]:
        asked = {"client_id": self.endpoints.client_id, "scope": " ".join(self.endpoints.scopes)}
        answer = await posted(self.http, self.endpoints.device_url, written(self.endpoints, asked))
        code, device, page = (_text(answer, name) for name in ("user_code", "device_code", "verification_uri"))
        self.redactor.add(device)
        what = f"Type the code {code} at {_page(page)} to log in to {self.name}."
        self.ui.notify(what)

        async def stopped() -> None:
            await self.ui.select(what, ("stop waiting",))

        async def polled() -> Mapping[str, object] | None:
            await self.open_url(page)
            with anyio.move_on_after(_seconds(answer.get("expires_in"), TIME_S)):
                return await self._polled(device, _seconds(answer.get("interval"), INTERVAL_S))
            raise CredentialError(TOO_OLD)

        return _said(await _first(stopped, polled))

    async def _polled(self, device: str, interval_s: float) -> Mapping[str, object]:
        """Ask until the user has typed the code (RFC 8628 §3.5)."""
        endpoints, misses = self.endpoints, 0
        while True:
            await anyio.sleep(interval_s)
            try:
                return await posted(self.http, endpoints.token_url, body(endpoints, DEVICE_GRANT, device_code=device))
            except NoAnswer:
                misses += 1
                interval_s *= 2
                if misses > MISSES:
                    raise
            except Refused as refused:
                match refused.code:
                    case "authorization_pending":
                        misses = 0
                    case "slow_down":
                        interval_s = max(interval_s, _seconds(refused.interval_s, interval_s + INTERVAL_S))
                    case "access_denied":
                        raise CredentialError(REFUSED) from None
                    case "expired_token":
                        raise CredentialError(TOO_OLD) from None
                    case _:
                        raise

    async def _account(self, answer: Mapping[str, object]) -> Entry:
        before: Entry = {}
        if self.endpoints.exchange_url:
            token = _text(answer, "access_token")
            self.redactor.add(token)
            before = {"refresh": token}
            answer = await exchanged(self.http, self.endpoints.exchange_url, token, self.endpoints.headers)
        entry = granted(answer, self.endpoints, before, wall=self.wall())
        for name in ("access", "refresh"):
            self.redactor.add(str(entry.get(name, "")))
        return entry


T = TypeVar("T")


async def _first(*ways: Callable[[], Awaitable[T | None]]) -> T | None:
    """What the first of `ways` comes to; the others are ended."""
    results: list[T | None] = []

    async def go(way: Callable[[], Awaitable[T | None]]) -> None:
        results.append(await way())
        tasks.cancel_scope.cancel()

    try:
        async with anyio.create_task_group() as tasks:
            for way in ways:
                tasks.start_soon(go, way)
    except BaseExceptionGroup as group:
        raise single(group) from None
    return results[0]


def _said(answer: T | None) -> T:
    if answer is None:
        raise CredentialError("The login was cancelled.")
    return answer


def _text(answer: Mapping[str, object], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value or not value.isprintable():
        raise LookupError(name)
    return value


def _page(url: str) -> str:
    """`url`, if a browser may be sent there: nothing that opens a program."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        return url
    raise ValueError("the server names a page that is not https")


def _seconds(value: object, usual: float) -> float:
    return float(value) if isinstance(value, int | float) and 0 < value <= TIME_S else usual
