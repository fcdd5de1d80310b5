"""Logins, by the program as it is: an expired token is renewed, a refused one too, and what is over gives way."""

import json
import signal
from collections.abc import Mapping
from typing import Any

import anyio
import pytest

from pi_fallback.testing import (
    For,
    OAuthServer,
    Ok,
    RunningFaultServer,
    Status,
    Trouble,
    running_fault_server,
    running_oauth_server,
)
from tests.credentials.browsing import Browser
from tests.e2e.user import TIMEOUT_S, Done, User

EXPIRED, FAR = 1_000, 4_000_000_000_000
REFUSED = Status(401, body={"error": {"message": "token expired", "code": "token_expired"}})
SPARE = "sk-of-the-spare-one"


def login(tokens: Any, expires: int) -> dict[str, Any]:
    return {"type": "oauth", "access": tokens.access, "refresh": tokens.refresh, "expires": expires, "extra": "kept"}


def furnish(
    user: User, server: OAuthServer, a: RunningFaultServer, auth: Mapping[str, Any] | None, **changes: Any
) -> None:
    """Two providers: `a`, which one logs in to, and `b` with a key."""
    oauth = {name: value for name, value in {**server.declared, **changes}.items() if value is not None}
    providers = {
        "a": {"baseUrl": a.base_url, "oauth": oauth, "models": [{"id": "A"}]},
        "b": {"baseUrl": a.base_url, "apiKey": SPARE, "models": [{"id": "B"}]},
    }
    user.write("models.json", {"providers": providers})
    user.write("auth.json", {"a": auth} if auth else {})
    user.settings("a/A", "b/B")


def kept(user: User) -> Any:
    return json.loads((user.agent_dir / "auth.json").read_text())["a"]


def test_an_expired_token_is_renewed_before_the_request_and_kept(user: User) -> None:
    with running_oauth_server() as server, running_fault_server(Ok("Here I am.")) as a:
        old = server.issue()
        furnish(user, server, a, login(old, EXPIRED))
        done = user.run("-p", "hello")
        assert (done.code, done.out) == (0, "Here I am.\n")
        assert [request.key for request in a.requests] == [kept(user)["access"]]
        assert {kept(user)["access"]} == server.grants.live
        assert kept(user)["extra"] == "kept"
        again = user.run("-p", "hello")
        assert (again.code, server.grants.refreshes) == (0, 1)


def test_a_refused_token_is_renewed_once_and_the_same_request_sent_again(user: User) -> None:
    with running_oauth_server() as server:
        old = server.issue()
        with running_fault_server({For("A", key=old.access): REFUSED, "A": Ok("Here I am.")}) as a:
            furnish(user, server, a, login(old, FAR))
            done = user.run("-p", "hello")
            assert (done.code, done.out) == (0, "Here I am.\n")
            assert [request.key for request in a.requests] == [old.access, kept(user)["access"]]
            assert a.requests[0].messages == a.requests[1].messages
            assert server.grants.refreshes == 1


def test_a_provider_that_refuses_new_tokens_too_gives_way(user: User) -> None:
    with running_oauth_server() as server, running_fault_server({"A": REFUSED, "B": Ok("I am the spare.")}) as a:
        furnish(user, server, a, login(server.issue(), FAR))
        done = user.run("-p", "hello")
        assert (done.code, done.out) == (0, "I am the spare.\n")
        assert [request.model for request in a.requests] == ["A", "A", "B"]
        assert server.grants.refreshes == 1


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        (Trouble(error="invalid_grant"), "login needed: it was not renewed, its server says invalid_grant"),
        (Trouble(status=500), "the login was not renewed: it answered with status 500"),
        (Trouble(lost=True), "login needed: it was not renewed, after an answer was lost"),
    ],
)
def test_a_login_that_cannot_be_renewed_gives_way_and_stays_as_it_was(user: User, trouble: Trouble, why: str) -> None:
    with running_oauth_server() as server, running_fault_server({"B": Ok("I am the spare.")}) as a:
        old = server.issue()
        furnish(user, server, a, login(old, EXPIRED))
        server.trouble(trouble)
        before = (user.agent_dir / "auth.json").read_bytes()
        done = user.run("-p", "hello")
        assert (done.code, done.out) == (0, "I am the spare.\n")
        assert why in done.err
        assert (user.agent_dir / "auth.json").read_bytes() == before
        for secret in (*old, *server.grants.live):
            assert secret not in done.err
            assert not any(secret in path.read_text(errors="replace") for path in user.sessions)


def test_a_spent_login_gives_way_to_the_next_account_which_is_renewed_where_it_is(user: User) -> None:
    with running_oauth_server() as server:
        live, spare = server.issue(), server.issue()
        with running_fault_server({For("A", key=live.access): Status(429), "A": Ok("The next account.")}) as a:
            furnish(user, server, a, login(live, FAR))
            accounts = {"primary": login(live, FAR), "backup-1": login(spare, EXPIRED)}
            user.write("ha.json", {"groups": {"g": {"entries": [{"id": "a/A"}]}}, "credentials": {"a": accounts}})
            done = user.run("-p", "hello")
            assert (done.code, done.out) == (0, "The next account.\n")
            stored = json.loads((user.agent_dir / "ha.json").read_text())["credentials"]["a"]
            assert [request.key for request in a.requests] == [live.access, stored["backup-1"]["access"]]
            assert (kept(user)["access"], stored["primary"]["access"]) == (live.access, live.access)


def logged_in(user: User) -> Done:
    """`auth login` in a shell, with a browser that goes where it is told."""
    with user.start("auth", "login", "a") as program:
        assert program.stderr is not None
        said = program.stderr.readline()
        url = program.stderr.readline().strip()
        if url.startswith("http"):
            anyio.run(Browser(), url)
        out, err = program.communicate(timeout=TIMEOUT_S)
        return Done(program.returncode, out, said + url + err)


def test_a_login_in_a_shell_is_kept_where_pi_finds_it_and_used(user: User) -> None:
    with running_oauth_server() as server, running_fault_server(Ok("Here I am.")) as a:
        furnish(user, server, a, None)
        done = logged_in(user)
        assert (done.code, done.out) == (0, "Logged in to a: a primary.\n"), done.err
        assert kept(user)["type"] == "oauth"
        assert {kept(user)["access"]} == server.grants.live
        assert (user.agent_dir / "auth.json").stat().st_mode & 0o777 == 0o600
        assert not (user.agent_dir / "ha.json").exists()
        assert user.run("-p", "hello").out == "Here I am.\n"
        assert a.requests[0].key == kept(user)["access"]
        for secret in (*server.grants.live, kept(user)["refresh"], server.asked[0]["code_verifier"]):
            assert secret not in done.out + done.err


def test_another_login_becomes_a_backup_and_logging_out_takes_one_at_a_time(user: User) -> None:
    with running_oauth_server() as server, running_fault_server(Ok("Here I am.")) as a:
        first = login(server.issue(), FAR)
        furnish(user, server, a, first)
        assert logged_in(user).out == "Logged in to a: a backup-1.\n"
        assert kept(user) == first
        stored = json.loads((user.agent_dir / "ha.json").read_text())["credentials"]["a"]
        assert list(stored) == ["primary", "backup-1"]
        assert stored["backup-1"]["access"] in server.grants.live
        done = user.run("auth", "logout", "a")
        assert (done.code, done.out.partition(".")[0]) == (0, "Logged out: a primary is deleted here")
        assert kept(user) == stored["backup-1"]
        assert user.run("auth", "logout", "a", "backup-1").code == 0
        assert json.loads((user.agent_dir / "auth.json").read_text()) == {}
        gone = user.run("auth", "logout", "a")
        assert (gone.code, "It has no account" in gone.err) == (2, True)


@pytest.mark.parametrize(
    ("provider", "why"),
    [
        ("anthropic", "Anthropic lets only programs of its own log in with a Claude plan"),
        ("groq", "One cannot log in to groq: it takes a key."),
        ("nobody", "There is no provider 'nobody'. One can log in to openai-codex, a."),
    ],
)
def test_where_one_cannot_log_in_the_reason_is_said(user: User, provider: str, why: str) -> None:
    with running_oauth_server() as server, running_fault_server() as a:
        furnish(user, server, a, None)
        done = user.run("auth", "login", provider)
        assert (done.code, why in done.err) == (2, True), done.err
        assert "openai-codex" in user.run("auth", "login").out


def test_a_device_shows_its_code_and_ctrl_c_ends_the_wait(user: User) -> None:
    with running_oauth_server(device_answers=["authorization_pending"] * 10_000) as server, running_fault_server() as a:
        furnish(user, server, a, None, authorizeUrl=None)
        with user.start("auth", "login", "a") as program:
            assert program.stderr is not None
            assert program.stderr.readline().startswith("Type the code ABCD-1234 at http://127.0.0.1:")
            program.send_signal(signal.SIGINT)
            _out, err = program.communicate(timeout=TIMEOUT_S)
        assert (program.returncode, err.strip()) == (130, "")
        assert json.loads((user.agent_dir / "auth.json").read_text()) == {}
