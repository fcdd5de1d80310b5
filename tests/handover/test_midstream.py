"""An answer that broke off is gone on with by the next model, over real sockets, between the dialects."""

import json
from pathlib import Path

import pytest

from pi_fallback.testing import Cut, Ok, Received, Stall, running_fault_server
from tests.e2e.user import User

TAKES = ("openai-completions", "anthropic-messages", "google-generative-ai")
BEGUN = Ok("One, two, three", chunk=5)


@pytest.fixture
def user(tmp_path: Path) -> User:
    return User(tmp_path)


def answers(asked: Received) -> Ok:
    """Goes on if it is given the beginning, else begins anew."""
    return Ok(" four." if json.dumps("One, two,") in json.dumps(asked.body) else "Anew.")


def configured(user: User, first: str, second: str, base_url: str) -> None:
    compat = {"supportsAssistantPrefill": True}
    limits = {"quietSeconds": 0.3}
    models = {"a": (first, "A"), "b": (second, "B")}
    providers = {
        name: {
            "baseUrl": base_url,
            "apiKey": f"key-of-{name}-0123456789",
            "api": api,
            "models": [{"id": model, "compat": compat, "limits": limits, "reasoning": False}],
        }
        for name, (api, model) in models.items()
    }
    user.write("models.json", {"providers": providers})
    user.settings("a/A", "b/B", fallback={"midStream": "continue"})


@pytest.mark.parametrize("second", [*TAKES, "openai-responses"])
@pytest.mark.parametrize("first", [*TAKES, "openai-responses"])
def test_the_next_model_goes_on_where_it_can(user: User, first: str, second: str) -> None:
    with running_fault_server({"A": Stall(after=2, of=BEGUN), "B": answers}) as server:
        configured(user, first, second, server.base_url)
        done = user.run("-p", "count")
        assert done.code == 0, done.err
        assert done.out == ("One, two, four.\n" if second in TAKES else "Anew.\n")
        assert server.violations == ()
        assert [request.model for request in server.requests] == ["A", "B"]


def test_a_blip_is_gone_on_with_by_the_same_model(user: User) -> None:
    with running_fault_server({"A": [Cut(after=2, of=BEGUN), answers]}) as server:
        configured(user, "anthropic-messages", "openai-completions", server.base_url)
        assert user.run("-p", "count").out == "One, two, four.\n"
