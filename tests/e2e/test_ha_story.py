"""A story of high availability: four accounts at three providers, one trouble after another, and the way back."""

import json
from collections.abc import Mapping, Sequence
from subprocess import Popen
from typing import Any

from pi_fallback.testing import For, Ok, RunningFaultServer, Status, ToolCallScript, running_fault_server
from pi_fallback.testing.oauth_server import running_oauth_server
from tests.e2e.user import User

SOON_S, HOURS_S = 4, 7200
FULL = Status(529, {"retry-after": str(SOON_S)}, body={"error": {"message": "Overloaded", "type": "overloaded_error"}})
SPENT = Status(
    429,
    {"retry-after": str(HOURS_S)},
    body={"error": {"message": "You have used up your plan.", "code": "insufficient_quota"}},
)
A0, B0, B1 = "sk-a-primary-000", "sk-b-primary-000", "sk-b-backup-1111"
COUNT = ToolCallScript("bash", {"command": "echo once >> counter"})
CREDENTIALS = {"a": {"primary": A0}, "b": {"primary": B0, "backup-1": B1}}


def test_a_full_model_two_spent_accounts_an_expired_login_a_limit_of_hours_then_the_way_back(user: User) -> None:
    with (
        running_fault_server({For(key=A0): [Ok("I count.", tools=[COUNT]), FULL, Ok("A is back.")]}) as a,
        running_fault_server({For(key=B0): SPENT, For(key=B1): SPENT}) as b,
        running_fault_server({"C": [Ok("Counted."), SPENT]}) as c,
        running_oauth_server() as logins,
    ):
        worn = logins.issue()
        login = {"type": "oauth", "access": worn.access, "refresh": worn.refresh, "expires": 1000}
        auth, settings, ha = set_up(user, {"a": a, "b": b, "c": c}, logins.declared, login)
        files = {path: path.read_bytes() for path in (auth, settings)}
        with user.start("-y", "--mode", "rpc") as program:
            assert answers(program, "count") == ["I count.", "Counted."]
            assert answers(program, "and again?") == ["", "A is back."]

        (renewed,) = logins.grants.live
        assert in_order(a, b, c) == [A0, A0, B0, B1, renewed, renewed, A0]
        assert [asked["refresh_token"] for asked in logins.asked] == [worn.refresh]
        assert json.loads(ha.read_text())["credentials"]["c"]["primary"]["access"] == renewed
        times = {request.number: request.at for request in a.requests}
        assert times[3] - times[2] >= SOON_S
        assert (user.folder / "counter").read_text() == "once\n"
        for request in (*a.requests, *b.requests, *c.requests):
            said = [message["content"] for message in request.messages if message["role"] == "user"]
            assert said in (["count"], ["count", "and again?"])
        assert {path: path.read_bytes() for path in files} == files
        assert [server.violations for server in (a, b, c)] == [()] * 3

        # Another agent knows who rests, for how long and why, and no key is in what it says.
        shown = " ".join(user.run("-p", "/ha-status").err.split())
        for label in ("primary", "backup-1"):
            assert f"b {label} (api_key, ha.json): rests, again " in shown
        assert "(quota_exhausted)" in shown
        assert not any(secret in shown for secret in (A0, B0, B1, *worn, renewed))


def set_up(
    user: User, servers: Mapping[str, RunningFaultServer], endpoints: Mapping[str, Any], login: Mapping[str, Any]
) -> Sequence[Any]:
    """Write all files; return auth.json, settings.json and ha.json."""
    providers = {name: {"baseUrl": s.base_url, "models": [{"id": name.upper()}]} for name, s in servers.items()}
    providers["c"]["oauth"] = endpoints
    user.write("models.json", {"providers": providers})
    stored: dict[str, Any] = {
        name: {label: {"type": "api_key", "key": key} for label, key in labelled.items()}
        for name, labelled in CREDENTIALS.items()
    }
    ha = {
        "groups": {"g": {"entries": [{"id": "a/A"}, {"id": "b/B", "cooldownMs": 60_000}, {"id": "c"}]}},
        "whenExhausted": "wait",
        "errorHandling": {"capacityErrorAction": "next_provider"},
        "credentials": stored | {"c": {"primary": login}},
    }
    return (
        user.write("auth.json", {"a": {"type": "api_key", "key": A0}}),
        user.settings(defaultProvider="a", defaultModel="A"),
        user.write("ha.json", ha),
    )


def answers(program: "Popen[str]", prompt: str) -> list[str]:
    """Say `prompt` and hear every answer of the model until the agent has settled; a failed one is empty."""
    assert program.stdin is not None
    assert program.stdout is not None
    program.stdin.write(json.dumps({"type": "prompt", "message": prompt}) + "\n")
    program.stdin.flush()
    heard: list[str] = []
    for line in program.stdout:
        event = json.loads(line)
        if event["type"] == "message_end" and event["message"]["role"] == "assistant":
            heard.append("".join(block.get("text", "") for block in event["message"]["content"]))
        if event["type"] == "agent_settled":
            return heard
    raise AssertionError(heard)


def in_order(*servers: RunningFaultServer) -> list[str]:
    """The keys of all requests, in the order in which they came. The servers read one clock."""
    requests = [request for server in servers for request in server.requests]
    return [request.key for request in sorted(requests, key=lambda request: request.at)]
