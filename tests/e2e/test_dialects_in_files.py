"""Dialects in files: models.json names how an endpoint is spoken to, with which key and which headers."""

from collections.abc import Mapping

import pytest

from pi_fallback.testing import Ok, RunningFaultServer
from tests.canary import canary
from tests.e2e.user import User

KEY = canary("dialects")


def asked(user: User, server: RunningFaultServer, **provider: object) -> Mapping[str, str]:
    """Ask model `m` of an endpoint that is written down so; return the headers that came."""
    entry = {"apiKey": KEY, "models": [{"id": "m"}], **provider}
    user.write("models.json", {"providers": {"p": entry}})
    user.settings()
    server.play("m", Ok("spoken"))
    done = user.run("-p", "hello", env={"TOKEN": "token-0123456789"})
    assert (done.code, done.out) == (0, "spoken\n")
    assert KEY not in done.err
    return server.requests[-1].headers


@pytest.mark.parametrize(
    ("api", "path", "header"),
    [
        ("openai-completions", "/v1", "authorization"),
        ("openai-responses", "/v1", "authorization"),
        ("anthropic-messages", "/anthropic", "x-api-key"),
        ("google-generative-ai", "/v1beta", "x-goog-api-key"),
        ("azure-openai-responses", "/openai/v1", "api-key"),
        ("google-vertex", "", "x-goog-api-key"),
        ("mistral-conversations", "", "authorization"),
    ],
)
def test_an_endpoint_is_spoken_to_in_the_dialect_that_is_written_down(
    user: User, fault_server: RunningFaultServer, api: str, path: str, header: str
) -> None:
    headers = asked(user, fault_server, api=api, baseUrl=f"{fault_server.origin}{path}")
    assert headers[header].removeprefix("Bearer ") == KEY
    assert sum(KEY in value for value in headers.values()) == 1


def test_a_key_goes_as_a_bearer_where_the_file_says_so(user: User, fault_server: RunningFaultServer) -> None:
    base_url = f"{fault_server.origin}/anthropic"
    headers = asked(user, fault_server, api="anthropic-messages", baseUrl=base_url, authHeader=True)
    assert headers["authorization"] == f"Bearer {KEY}"
    assert "x-api-key" not in headers


def test_headers_are_sent_with_what_they_stand_for(user: User, fault_server: RunningFaultServer) -> None:
    own = {"id": "m", "headers": {"x-other": "own"}}
    headers = asked(
        user,
        fault_server,
        baseUrl=fault_server.base_url,
        headers={"x-token": "Bearer ${TOKEN}", "x-run": "!printf run", "x-other": "!printf never", "x-sign": "$$1"},
        models=[own],
    )
    sent = {name: headers[name] for name in ("x-token", "x-run", "x-other", "x-sign")}
    assert sent == {"x-token": "Bearer token-0123456789", "x-run": "run", "x-other": "own", "x-sign": "$1"}


def test_a_header_whose_command_fails_is_no_request_at_all(user: User, fault_server: RunningFaultServer) -> None:
    provider = {"baseUrl": fault_server.base_url, "headers": {"x-run": "!exit 3"}, "models": [{"id": "m"}]}
    user.write("models.json", {"providers": {"p": provider}})
    user.settings(fallback={"enabled": False}, retry={"enabled": False})
    done = user.run("-p", "hello")
    assert done.code == 1
    assert "No header x-run for p (models.json): The command ended with status 3." in done.err
    assert not fault_server.requests


def test_a_model_may_be_at_an_address_of_its_own_and_gets_the_key_there(
    user: User, fault_server: RunningFaultServer
) -> None:
    elsewhere = {"id": "m", "api": "anthropic-messages", "baseUrl": f"{fault_server.origin}/anthropic"}
    headers = asked(user, fault_server, baseUrl="http://127.0.0.1:9/v1", models=[elsewhere, {"id": "n"}])
    assert headers["x-api-key"] == KEY
