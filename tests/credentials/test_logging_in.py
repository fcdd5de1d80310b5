"""Logging in, over real sockets: in a browser, by hand, on another device, and all the ways in which it fails."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import pytest

from pi_fallback.credentials.logging_in import LoggingIn, browser, no_browser
from pi_fallback.credentials.redaction import MARK, Redactor
from pi_fallback.errors import CredentialError
from pi_fallback.http import Http
from pi_fallback.testing import OAuthServer, Trouble
from pi_fallback_hookspecs import Level, OAuthEndpoints
from tests.credentials.browsing import Browser, fetched

pytestmark = pytest.mark.anyio

WALL = 1_000_000.0


@dataclass
class Person:
    """Somebody at a screen: what is said is kept, a question is answered by `pastes` or left open."""

    pastes: Callable[[str], str | None] | None = None
    stops: bool = False
    said: list[str] = field(default_factory=list[str])
    asked: anyio.Event = field(default_factory=anyio.Event)

    def notify(self, text: str, level: Level = "info") -> None:
        self.said.append(text)

    async def confirm(self, title: str, detail: str = "") -> bool:
        return False

    async def select(self, title: str, options: Sequence[str]) -> str | None:
        return await self._answer(title)

    async def input(self, title: str, placeholder: str = "") -> str | None:
        return await self._answer(title)

    async def _answer(self, _title: str) -> str | None:
        self.asked.set()
        if self.stops:
            return None
        if self.pastes is None:
            await anyio.sleep_forever()
        assert self.pastes is not None
        return self.pastes(self.url)

    @property
    def url(self) -> str:
        return self.said[0].splitlines()[-1]


async def logged_in(
    server: OAuthServer,
    person: Person | None = None,
    browser: Browser | None = None,
    redactor: Redactor | None = None,
    **changes: Any,
) -> Mapping[str, Any]:
    async with Http(wall=lambda: WALL) as http:
        endpoints = replace(server.endpoints, **changes)
        opens = browser or no_browser
        login = LoggingIn(http, endpoints, "Acme", person or Person(), redactor or Redactor(), lambda: WALL, opens)
        return dict(await login.run(time_s=20.0))


async def test_a_browser_goes_there_and_comes_back_and_the_account_is_there() -> None:
    async with OAuthServer(life_s=600.0) as server:
        browser, redactor = Browser(), Redactor()
        account = await logged_in(server, browser=browser, redactor=redactor)
        assert account == {
            "type": "oauth",
            "access": account["access"],
            "refresh": account["refresh"],
            "expires": int((WALL + 600.0) * 1000),
        }
        assert server.grants.live == {account["access"]}
        assert browser.page.startswith("HTTP/1.1 200")
        asked = {name: values[0] for name, values in parse_qs(urlsplit(browser.went).query).items()}
        assert (asked["scope"], asked["code_challenge_method"], asked["response_type"]) == ("models", "S256", "code")
        [token] = server.asked
        assert set(token) == {"grant_type", "client_id", "code", "code_verifier", "redirect_uri"}
        for secret in (token["code"], token["code_verifier"], account["access"], account["refresh"]):
            assert redactor.clean(secret) == MARK


@pytest.mark.parametrize("encoding", ["form", "json"])
async def test_bodies_are_written_as_the_server_reads_them(encoding: str) -> None:
    async with OAuthServer() as server:
        assert (await logged_in(server, browser=Browser(), encoding=encoding))["access"] in server.grants.live


async def test_the_redirect_takes_the_port_that_the_server_knows(free_tcp_port: int) -> None:
    async with OAuthServer() as server:
        browser = Browser()
        account = await logged_in(server, browser=browser, redirect=f"http://localhost:{free_tcp_port}/auth/back")
        assert account["access"] in server.grants.live
        assert browser.came.startswith(f"http://localhost:{free_tcp_port}/auth/back?")


async def test_if_that_port_is_taken_the_user_is_told_to_paste_what_the_browser_shows_there() -> None:
    async with OAuthServer() as server, await anyio.create_tcp_listener(local_host="127.0.0.1") as taken:
        redirect = f"http://localhost:{taken.extra(anyio.abc.SocketAttribute.local_port)}/auth/back"
        ended_at: list[str] = []

        async def elsewhere(url: str) -> None:
            ended_at.append((await fetched(url)).partition("location: ")[2].partition("\r\n")[0])
            ready.set()

        ready = anyio.Event()

        class Paster(Person):
            async def input(self, title: str, placeholder: str = "") -> str | None:
                await ready.wait()
                return ended_at[0]

        async with Http(wall=lambda: WALL) as http:
            person, endpoints = Paster(), replace(server.endpoints, redirect=redirect)
            login = LoggingIn(http, endpoints, "Acme", person, Redactor(), lambda: WALL, elsewhere)
            assert (await login.run(time_s=20.0))["access"] in server.grants.live
        assert ended_at[0].startswith(f"{redirect}?")
        assert "Paste its address" in person.said[1]


async def test_a_request_that_does_not_know_the_state_gets_nothing_and_the_login_goes_on() -> None:
    async with OAuthServer() as server:
        browser = Browser(before=("/callback?code=stolen&state=guessed", "/callback?code=x", "/favicon.ico"))
        assert (await logged_in(server, browser=browser))["access"] in server.grants.live
        assert [page.partition("\r\n")[0] for page in browser.others] == ["HTTP/1.1 400 Bad Request"] * 3


@pytest.mark.parametrize("form", ["{url}", " {url}\n", "{code}#{state}", "{code}", "code={code}&state={state}"])
async def test_what_the_browser_came_back_with_may_be_pasted(form: str) -> None:
    """As somebody does whose browser runs on another machine: the redirect finds nobody there."""

    async with OAuthServer() as server:
        pasted: list[str] = []

        async def far_away(url: str) -> None:
            back = (await fetched(url)).partition("location: ")[2].partition("\r\n")[0]
            said = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
            pasted.append(form.format(url=back, **said))
            ready.set()

        ready = anyio.Event()

        class Paster(Person):
            async def input(self, title: str, placeholder: str = "") -> str | None:
                await ready.wait()
                return pasted[0]

        async with Http(wall=lambda: WALL) as http:
            login = LoggingIn(http, server.endpoints, "Acme", Paster(), Redactor(), lambda: WALL, far_away)
            assert (await login.run(time_s=20.0))["access"] in server.grants.live


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("http://127.0.0.1:1/callback?error=access_denied", "you refused it"),
        ("http://127.0.0.1:1/callback?error=the%20sk-secret", "the server answered an error"),
        ("wrong-code", "the server says invalid_grant"),
    ],
)
async def test_a_paste_that_says_no_ends_the_login_with_a_sentence(text: str, why: str) -> None:
    async with OAuthServer() as server:
        with pytest.raises(CredentialError, match=f"^The login failed: .*{why}") as failed:
            await logged_in(server, Person(pastes=lambda _url: text))
        assert text not in str(failed.value)


async def test_a_paste_that_is_no_answer_is_named_and_asked_for_again() -> None:
    strays = {
        "http://127.0.0.1:1/callback?code=abc&state=another": "belongs to another login",
        "http://127.0.0.1:1/callback?error=access_denied&state=another": "holds no code",
        "http://127.0.0.1:1/callback?nothing=1": "holds no code",
        "": "holds no code",
        "ls": "holds no code",
        "a line of words": "holds no code",
    }
    async with OAuthServer() as server:
        titles: list[str] = []

        class Paster(Person):
            async def input(self, title: str, placeholder: str = "") -> str | None:
                titles.append(title)
                if len(titles) <= len(strays):
                    return list(strays)[len(titles) - 1]
                return (await fetched(self.url)).partition("location: ")[2].partition("\r\n")[0]

        assert (await logged_in(server, Paster()))["access"] in server.grants.live
        assert len(server.asked) == 1
    assert [title.partition("Waiting")[0] for title in titles] == [
        "",
        *(f"What came back {why}. " for why in strays.values()),
    ]


async def test_no_in_the_browser_is_no() -> None:
    async with OAuthServer(denies=True) as server:
        with pytest.raises(CredentialError, match="you refused it"):
            await logged_in(server, browser=Browser())
        assert server.asked == []


@pytest.mark.parametrize("flow", ["browser", "device"])
async def test_closing_the_question_ends_the_login_and_its_port(flow: str) -> None:
    async with OAuthServer(device_answers=["authorization_pending"] * 9) as server:
        person = Person(stops=True)
        with pytest.raises(CredentialError, match=r"^The login was cancelled\.$"):
            await logged_in(server, person, **({"authorize_url": ""} if flow == "device" else {}))
        if flow == "browser":
            back = parse_qs(urlsplit(person.url).query)["redirect_uri"][0]
            with pytest.raises(OSError):
                await fetched(back)


async def test_a_cancelled_login_leaves_at_once() -> None:
    async with OAuthServer() as server, anyio.create_task_group() as tasks:
        person = Person()
        tasks.start_soon(logged_in, server, person)
        await person.asked.wait()
        with anyio.fail_after(1.0):
            tasks.cancel_scope.cancel()


@pytest.mark.parametrize("answers", [[], ["authorization_pending", "slow_down", "authorization_pending"]])
async def test_a_device_waits_until_the_code_is_typed(answers: list[str]) -> None:
    async with OAuthServer(device_answers=answers) as server:
        person = Person()
        account = await logged_in(server, person, authorize_url="")
        assert account["access"] in server.grants.live
        assert len(server.asked) == len(answers) + 1
        assert f"Type the code ABCD-1234 at {server.origin}/type-it" in person.said[0]


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        (["access_denied"], "you refused it"),
        (["authorization_pending", "expired_token"], "the code is too old"),
        (["something_else"], "the server says something_else"),
    ],
)
async def test_a_device_that_is_refused_says_why(answers: list[str], why: str) -> None:
    async with OAuthServer(device_answers=answers) as server:
        with pytest.raises(CredentialError, match=why):
            await logged_in(server, authorize_url="")


async def test_a_device_survives_the_servers_own_troubles() -> None:
    async with OAuthServer() as server:
        server.trouble(Trouble(status=500), Trouble(status=429))
        assert (await logged_in(server, authorize_url=""))["access"] in server.grants.live


async def test_the_key_of_a_provider_comes_in_exchange_for_the_token_of_the_login() -> None:
    async with OAuthServer(exchanges=True, life_s=1500.0) as server:
        account = await logged_in(server, authorize_url="")
        assert account["access"].startswith("tid=")
        assert account["refresh"] in server.grants.live
        assert account["expires"] == int((WALL + 1500.0) * 1000)


async def test_a_server_in_trouble_is_named_and_nothing_that_it_says_is_repeated() -> None:
    async with OAuthServer() as server:
        server.trouble(Trouble(status=500))
        with pytest.raises(CredentialError, match=r"^The login failed: it answered with status 500\. Try again\.$"):
            await logged_in(server, browser=Browser())


@pytest.mark.parametrize(
    "endpoints",
    [
        OAuthEndpoints(client_id="c", token_url="https://e/t", authorize_url="http://login.example/authorize"),
        OAuthEndpoints(client_id="c", token_url="https://e/t", authorize_url="https://e/a", redirect="http://e/back"),
        OAuthEndpoints(client_id="c", token_url="https://e/t", device_url="http://login.example/device"),
    ],
)
async def test_nothing_is_asked_in_the_clear_and_no_browser_is_sent_elsewhere(endpoints: OAuthEndpoints) -> None:
    async with Http(wall=lambda: WALL) as http:
        login = LoggingIn(http, endpoints, "Acme", Person(), Redactor(), lambda: WALL)
        with pytest.raises(CredentialError, match="The login failed: must"):
            await login.run(time_s=5.0)


@pytest.mark.parametrize(
    ("environ", "platform", "at_terminal", "opens"),
    [
        ({}, "linux", True, False),
        ({"DISPLAY": ":0"}, "linux", True, True),
        ({"DISPLAY": ":0"}, "linux", False, False),
        ({"WAYLAND_DISPLAY": "w"}, "linux", True, True),
        ({"DISPLAY": ":0", "SSH_CONNECTION": "1"}, "linux", True, False),
        ({}, "darwin", True, True),
    ],
)
def test_a_browser_is_opened_only_where_somebody_sees_it(
    environ: Mapping[str, str], platform: str, at_terminal: bool, opens: bool
) -> None:
    assert (browser(environ, platform, at_terminal=at_terminal) is not no_browser) is opens
