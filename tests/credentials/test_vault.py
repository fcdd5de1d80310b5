"""The vault: a route's key, for one origin, when it is needed."""

import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from pi_fallback.config.schema import OAuthEntry
from pi_fallback.credentials.accounts import Account, stored_account
from pi_fallback.credentials.headers import HeaderSources
from pi_fallback.credentials.redaction import MARK, Redactor
from pi_fallback.credentials.refreshing import Refresher
from pi_fallback.credentials.sources import Command, Literal, Login, NoKey, Source, Template, Variable
from pi_fallback.credentials.vault import Vault
from pi_fallback.errors import CredentialError, LoginNeeded
from pi_fallback.testing import OAuthServer, Trouble
from pi_fallback_hookspecs import Key, OAuthEndpoints, Provider, Route
from tests.credentials.logins import Room, entry

pytestmark = pytest.mark.anyio

URL, ORIGIN = "https://one.example/v1", "https://one.example:443"
ROUTE = Route("one", "m")
SECRET = "sk-0123456789abcdef"
ENVIRON = {"PATH": os.environ["PATH"], "SET": f" {SECRET}\n", "EMPTY": " "}


def account(source: Source, provider: str = "one", origin: str = ORIGIN) -> Account:
    return Account(provider, "primary", "api_key", source, origin, "auth.json")


def vault(*accounts: Account, redactor: Redactor | None = None, time_limit_s: float = 10.0) -> Vault:
    return Vault(accounts, ENVIRON, redactor or Redactor(), wall=lambda: 100.0, time_limit_s=time_limit_s)


async def secret_of(source: Source) -> str:
    key = await vault(account(source)).key_for(ROUTE, URL)
    assert isinstance(key, Key)
    return key.reveal(ORIGIN)


@pytest.mark.parametrize(
    "source",
    [Literal(SECRET), Variable("SET"), Variable("NONE", SECRET), Login(SECRET, 101.0), Command(f"echo {SECRET}")],
    ids=lambda source: type(source).__name__,
)
async def test_every_source_gives_its_secret(source: Source) -> None:
    assert await secret_of(source) == SECRET


async def test_a_text_with_variables_in_it_gives_one_secret() -> None:
    assert await secret_of(Template(("sk-", Variable("SET"), "-x"))) == f"sk-{SECRET}-x"


async def test_the_key_of_a_provider_goes_to_the_address_of_its_model() -> None:
    both = replace(account(Literal(SECRET)), also=frozenset({"https://m.example:443"}))
    key = await vault(both).key_for(ROUTE, "https://m.example/v1")
    assert key is not None
    assert key.reveal("https://m.example:443") == SECRET
    with pytest.raises(PermissionError):
        key.reveal(ORIGIN)


async def test_headers_are_found_when_they_are_used_and_a_models_own_go_over_its_providers() -> None:
    redactor = Redactor()
    sources: HeaderSources = {
        ("one", ""): {"x-run": Command(f"echo {SECRET}"), "x-other": Command("echo other")},
        ("one", "m"): {"x-other": Literal("plain")},
    }
    with_headers = Vault((), ENVIRON, redactor, wall=lambda: 0.0, headers=sources)
    assert await with_headers.headers_for(ROUTE) == {"x-run": SECRET, "x-other": "plain"}
    assert redactor.clean(SECRET) == MARK
    assert await with_headers.headers_for(Route("two", "m")) == {}


async def test_a_header_that_cannot_be_had_is_told_without_its_command() -> None:
    sources: HeaderSources = {("one", ""): {"x-run": Command(f"exit 3 # {SECRET}")}}
    with pytest.raises(CredentialError, match=r"^No header x-run for one \(models\.json\): .* status 3\.") as failed:
        await Vault((), ENVIRON, Redactor(), wall=lambda: 0.0, headers=sources).headers_for(ROUTE)
    assert SECRET not in str(failed.value)


async def test_a_provider_without_key_gets_none() -> None:
    assert await vault(account(NoKey(), origin="")).key_for(ROUTE, "http://anywhere") is None


@pytest.mark.parametrize(
    "url",
    [
        "https://two.example/v1",
        "https://one.example.evil.example/v1",
        "http://one.example/v1",
        "https://one.example:444/v1",
        "https://evil.example/https://one.example/",
        "nonsense",
        "",
    ],
)
async def test_a_key_is_given_for_no_other_origin(url: str) -> None:
    with pytest.raises(CredentialError, match=r"belongs to https://one\.example:443"):
        await vault(account(Literal(SECRET))).key_for(ROUTE, url)


async def test_one_providers_key_is_never_anothers() -> None:
    both = vault(account(Literal(SECRET)), account(Literal("sk-of-two-9876543210"), "two", "https://two.example:443"))
    key = await both.key_for(Route("two", "m"), "https://two.example/v1")
    assert key is not None
    with pytest.raises(PermissionError):
        key.reveal(ORIGIN)
    with pytest.raises(CredentialError, match="no account backup-1 for two"):
        await both.key_for(Route("two", "m", "backup-1"), "https://two.example/v1")
    with pytest.raises(CredentialError, match="no account primary for three"):
        await both.key_for(Route("three", "m"), URL)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (Variable("UNSET"), "the environment variable UNSET is not set"),
        (Variable("EMPTY"), "the environment variable EMPTY is not set"),
        (Login(SECRET, 100.0), "login needed"),
        (Literal(""), "the key is empty"),
        (Literal("sk-one sk-two"), "spaces, line breaks or letters"),
        (Literal("sk-one\r\nx-evil: 1"), "spaces, line breaks or letters"),
        (Literal("sk-schlüssel"), "spaces, line breaks or letters"),
        (Command("exit 3"), "ended with status 3"),
        (Command(f"echo {SECRET}; exit 3"), "ended with status 3"),
        (Command("echo \0"), "could not be started"),
        (Command("no-such-program-anywhere"), "ended with status 127"),
        (Command("true"), "printed nothing"),
        (Command("echo"), "printed nothing"),
        (Command(f"echo {SECRET}; echo {SECRET}"), "more than one line"),
        (Command(f"printf '{SECRET}\\0'"), "more than one line, or control characters"),
        (Command(f"printf '{SECRET}\\033[2J'"), "control characters"),
        (Command("printf '\\377\\377'"), "control characters"),
        (Command("yes sk-0123456789abcdef | head -c 9000"), "more than 8 KiB"),
        (Command("yes sk-0123456789abcdef"), "more than 8 KiB"),
        (Command("echo sk-one sk-two"), "spaces, line breaks or letters"),
    ],
)
async def test_rk11_a_secret_that_cannot_be_had_is_an_error_without_it(source: Source, reason: str) -> None:
    with pytest.raises(CredentialError, match=reason) as caught:
        await secret_of(source)
    assert "sk-" not in str(caught.value)
    assert str(caught.value).startswith("No key for one (auth.json): ")
    assert caught.value.__cause__ is None


async def test_a_secret_that_was_handed_out_is_known_to_the_redactor() -> None:
    redactor = Redactor()
    await vault(account(Command(f"echo {SECRET}")), redactor=redactor).key_for(ROUTE, URL)
    assert redactor.clean(f"401: {SECRET} is wrong") == f"401: {MARK} is wrong"


async def test_rk11_only_one_line_break_at_the_end_is_taken_off() -> None:
    assert await secret_of(Command(f"printf '{SECRET}'")) == SECRET
    assert await secret_of(Command(f"printf '{SECRET}\\r\\n'")) == SECRET
    with pytest.raises(CredentialError, match="more than one line"):
        await secret_of(Command(f"printf '{SECRET}\\n\\n'"))


def counting(path: Path, *, then: str) -> Command:
    return Command(f"echo run >> '{path}'; {then}")


async def test_a_command_runs_only_when_used_and_once_however_many_ask(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    keys = vault(account(counting(runs, then=f"echo {SECRET}")))
    assert not runs.exists()
    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(keys.key_for, ROUTE, URL)
    await keys.key_for(ROUTE, URL)
    assert runs.read_text() == "run\n"


async def test_a_command_that_failed_is_run_again(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    keys = vault(account(counting(runs, then="exit 1")))
    for _ in range(2):
        with pytest.raises(CredentialError):
            await keys.key_for(ROUTE, URL)
    assert runs.read_text() == "run\nrun\n"


async def test_rk11_a_command_has_no_terminal_and_no_input() -> None:
    assert await secret_of(Command("cat; test -t 0 || echo detached")) == "detached"
    assert await secret_of(Command("(: < /dev/tty) 2>/dev/null || echo detached")) == "detached"


def gone(pids: Sequence[int]) -> bool:
    try:
        for pid in pids:
            os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pids[0]}/stat").read_text().split()[2] == "Z"  # an orphan that nobody has reaped yet


async def child_in(path: Path) -> int:
    """The id of the process that a command below writes there."""
    with anyio.fail_after(10):
        while not (path.exists() and path.read_text().endswith("\n")):
            await anyio.lowlevel.checkpoint()
    return int(path.read_text())


async def ended(pid: int) -> bool:
    with anyio.move_on_after(10):
        while not gone([pid]):
            await anyio.lowlevel.checkpoint()
        return True
    os.kill(pid, signal.SIGKILL)
    return False


async def test_rk11_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    command = Command(f"sleep 60 & echo $! > '{pid}'; echo {SECRET}; wait")
    with pytest.raises(CredentialError, match=r"longer than 0\.5 s"):
        await vault(account(command), time_limit_s=0.5).key_for(ROUTE, URL)
    assert await ended(await child_in(pid))


async def test_a_child_that_holds_the_output_open_is_ended_too(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    command = Command(f"sleep 60 & echo $! > '{pid}'; echo {SECRET}")
    with pytest.raises(CredentialError, match=r"longer than 0\.5 s"):
        await vault(account(command), time_limit_s=0.5).key_for(ROUTE, URL)
    assert await ended(await child_in(pid))


async def test_a_cancelled_command_is_ended_with_its_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    keys = vault(account(Command(f"sleep 60 & echo $! > '{pid}'; wait")))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(keys.key_for, ROUTE, URL)
        await child_in(pid)
        tasks.cancel_scope.cancel()
    assert await ended(await child_in(pid))
    with pytest.raises(CredentialError):  # and the next one to ask is not locked out
        await vault(account(Command("exit 1"))).key_for(ROUTE, URL)


async def leased(room: Room, server: OAuthServer, refresher: Refresher, *, expires_in_s: float) -> Vault:
    """A vault with one login that expires so soon."""
    tokens = server.issue()
    expires = room.now + expires_in_s
    room.write({"acme": entry(tokens, expires=expires * 1000)})
    login = Login(tokens.access, expires, server.endpoints)
    account = Account("acme", "primary", "oauth", login, ORIGIN, "auth.json")
    return Vault([account], {}, room.redactor, wall=lambda: room.now, refresher=refresher)


ACME = Route("acme", "m")


async def revealed(vault: Vault) -> str:
    key = await vault.key_for(ACME, URL)
    assert key is not None
    return key.reveal(ORIGIN)


@pytest.mark.parametrize(("expires_in_s", "asked"), [(-5.0, 1), (30.0, 1), (90.0, 0)])
async def test_a_login_is_renewed_a_little_before_it_expires(tmp_path: Path, expires_in_s: float, asked: int) -> None:
    room = Room(tmp_path)
    async with OAuthServer() as server, room.refresher() as refresher:
        vault = await leased(room, server, refresher, expires_in_s=expires_in_s)
        for _ in range(3):
            assert await revealed(vault) in server.grants.live
        assert len(server.asked) == asked


async def test_a_token_that_still_lives_does_when_it_cannot_be_renewed_early(tmp_path: Path) -> None:
    room = Room(tmp_path)
    async with OAuthServer() as server, room.refresher() as refresher:
        vault = await leased(room, server, refresher, expires_in_s=30.0)
        server.trouble(Trouble(status=500), Trouble(status=500))
        assert await revealed(vault) in server.grants.live
        room.now += 31.0
        with pytest.raises(CredentialError, match="the login was not renewed"):
            await vault.key_for(ACME, URL)
        assert await revealed(vault) in server.grants.live


async def test_a_refused_token_is_renewed_once_and_a_refused_new_one_is_the_end(tmp_path: Path) -> None:
    room = Room(tmp_path)
    async with OAuthServer() as server, room.refresher() as refresher:
        vault = await leased(room, server, refresher, expires_in_s=3600.0)
        first = await vault.key_for(ACME, URL)
        assert first is not None
        assert vault.refused(ACME, first)
        second = await vault.key_for(ACME, URL)
        assert second is not None
        assert second.reveal(ORIGIN) in server.grants.live - {first.reveal(ORIGIN)}
        assert not vault.refused(ACME, second)
        with pytest.raises(LoginNeeded, match="its new access was refused too"):
            await vault.key_for(ACME, URL)
        assert len(server.asked) == 1


async def test_the_answer_to_an_older_request_takes_nothing_from_the_new_token(tmp_path: Path) -> None:
    room = Room(tmp_path)
    async with OAuthServer() as server, room.refresher() as refresher:
        vault = await leased(room, server, refresher, expires_in_s=3600.0)
        first = await vault.key_for(ACME, URL)
        assert first is not None
        vault.refused(ACME, first)
        new = await revealed(vault)
        assert vault.refused(ACME, first)
        assert await revealed(vault) == new


async def test_only_logins_of_the_account_can_be_had_anew() -> None:
    keys = vault(account(Literal(SECRET), "acme"))
    assert not keys.refused(ACME, Key(SECRET, ORIGIN))
    logins = vault(account(Login(SECRET, 1e9), "acme"))
    assert not logins.refused(ACME, Key(SECRET, ORIGIN))
    assert not logins.refused(ACME, Key(SECRET, "https://other.example:443"))


async def test_a_login_that_nobody_renews_is_said_to_need_a_new_one() -> None:
    with pytest.raises(LoginNeeded, match="login needed: the access has expired"):
        await secret_of(Login(SECRET, 99.0))


async def test_each_login_of_a_provider_is_sent_with_the_headers_of_its_own_account() -> None:
    endpoints = OAuthEndpoints(account_headers={"x-account": "accountId", "x-none": "nothing"})
    provider = Provider("acme", URL, oauth=endpoints)
    entries = {
        label: OAuthEntry.model_validate(
            {"type": "oauth", "access": SECRET, "expires": 1e15, "accountId": f"id-{label}"}
        )
        for label in ("primary", "backup-1")
    }
    found = [stored_account(provider, label, entry, "ha.json", {}, wall=0.0) for label, entry in entries.items()]
    both = vault(*(made[0] for made in found if made is not None))
    for label in entries:
        assert await both.headers_for(Route("acme", "m", label)) == {"x-account": f"id-{label}"}
