"""What is given in code: each field changes something, and what cannot be is refused with what to do."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import anyio
import pytest
from pydantic import ValidationError

from pi_fallback.embedding import (
    Actions,
    AgentFailed,
    ConfigError,
    Fallback,
    Limits,
    ModelConfig,
    Noticed,
    PluginError,
    ProgressSettings,
    ProviderConfig,
    RetryPolicy,
    RetryScheduled,
    Route,
    Settings,
)
from pi_fallback.embedding.providers import accounts_of, models_of, providers_of
from pi_fallback.testing import Cut, FaultServer, HangBeforeHeaders, Ok, Received, Stall, Status, Step
from pi_fallback_hookspecs import ModelRef, hookimpl
from tests.embedding.hosts import AT_ONCE, TWO_KEYS, fallback

URL = "https://one.example/v1"
ONE = ProviderConfig("one", base_url=URL, keys=TWO_KEYS)


def given(**more: Any) -> Fallback:
    return Fallback(**({"providers": [ONE], "order": ["one/big"]} | more))


async def nothing() -> None:
    """Do nothing."""


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"order": []}, "Name at least one model"),
        ({"order": ["big"]}, "not of the form provider/model. Write it as in 'openai/gpt-x'"),
        ({"order": ["two/big"]}, "there is no such provider. There are: one"),
        ({"order": [Route("one", "big", "mine")]}, "names the key 'mine' of one/big. Its keys are: primary, backup-1"),
        ({"providers": [ONE, ONE]}, "Put all its keys into one ProviderConfig"),
        ({"providers": [ProviderConfig("own")], "order": ["own/x"]}, "has no address. Give it a base_url"),
        ({"providers": [replace(ONE, dialect="morse")]}, "which is no dialect. There are: .*openai-completions"),
        ({"order": [Route("one", "")]}, "names 'one/', which is no model"),
        ({"order": ["one/a\nb"]}, "which is no model. Write it as"),
        ({"tools": [nothing, nothing]}, "two tools named 'nothing'. Rename one"),
    ],
)
def test_what_does_not_fit_together_is_refused_before_anything_is_opened(given: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        Fallback(**({"providers": [ONE], "order": ["one/big"]} | given))


NO_ORDER = "`order` holds 'provider/model' or Route"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"order": "one/big"}, "`order` is a list of"),
        ({"order": None}, "`order` is a list of"),
        ({"order": [None]}, NO_ORDER),
        ({"order": [("one", "big", "primary")]}, NO_ORDER),
        ({"order": [Route("one", None)]}, NO_ORDER),  # type: ignore[arg-type]
        ({"providers": ONE}, "`providers` is a list of ProviderConfig"),
        ({"providers": ["one"]}, "`providers` is a list of ProviderConfig"),
        ({"providers": [{"id": "one"}]}, "`providers` is a list of ProviderConfig"),
        ({"settings": {}}, "`settings` is Settings"),
        ({"plugins": [object()]}, "`plugins` maps a name to a plugin"),
        ({"tools": nothing}, "`tools` is a list of async functions"),
    ],
)
def test_what_is_of_the_wrong_type_is_named(given: dict[str, Any], why: str) -> None:
    with pytest.raises(TypeError, match=why):
        Fallback(**({"providers": [ONE], "order": ["one/big"]} | given))


@pytest.mark.parametrize(
    "made",
    [
        lambda: Settings(retry=RetryPolicy(max_retries="x")),  # type: ignore[arg-type]
        lambda: Settings(limits=Limits(quiet_s="x")),  # type: ignore[arg-type]
        lambda: Settings(progress=ProgressSettings(prompt=3)),  # type: ignore[arg-type]
        lambda: ModelConfig(limits=Limits(quiet_s="x")),  # type: ignore[arg-type]
        lambda: ModelConfig(headers={"x-a": "secret-word\r\nx-b: c"}),
        lambda: ProviderConfig("one", base_url="https://one.example/v1\n"),
        lambda: ProviderConfig("one", base_url=" https://one.example/v1"),
        lambda: ProviderConfig("one", base_url="https://one.example/ v1"),
        lambda: ProviderConfig("one", base_url=URL, headers={"x-a": "secret-word\nx"}),
        lambda: ProviderConfig("one", base_url=URL, headers={"a b": "c"}),
        lambda: ProviderConfig("one", base_url=URL, headers={"Content-Length": "5"}),
        lambda: ProviderConfig("one", base_url=URL, headers={"Host": "secret-word"}),
        lambda: ProviderConfig("one", base_url="http://one.example"),
        lambda: ProviderConfig("one", base_url="https://user:secret-word@one.example"),
        lambda: ProviderConfig("one", base_url=URL, keys={"primary": "secret-word\n"}),
        lambda: ProviderConfig("one", base_url=URL, keys={"primary": None}),  # type: ignore[dict-item]
        lambda: ProviderConfig("one", base_url=URL, keys={"": "secret-word"}),
        lambda: ProviderConfig("one/two", base_url=URL),
        lambda: Actions(quota="next"),  # type: ignore[arg-type]
        lambda: Settings(quiet_s=3),  # type: ignore[call-arg]
        lambda: Settings(limits=Limits(quiet_s=-1)),
        lambda: Settings(limits=Limits(total_s=math.inf)),
        lambda: Settings(retry=RetryPolicy(max_retries=-1)),
        lambda: Settings(progress=ProgressSettings(quiet_s=math.nan)),
        lambda: ModelConfig(context_window=0),
    ],
)
def test_a_value_that_cannot_be_is_refused_where_it_is_given_and_never_shown(made: Callable[[], object]) -> None:
    with pytest.raises(ValidationError) as caught:
        made()
    assert "secret-word" not in str(caught.value)


def test_nothing_that_is_given_prints_a_key() -> None:
    assert TWO_KEYS["primary"] not in repr(ONE) + repr(vars(given()))


def test_a_known_provider_needs_only_keys() -> None:
    config, ref = ProviderConfig("openrouter", keys=TWO_KEYS), ModelRef("openrouter", "z-ai/glm-5.3")
    given(providers=[config], order=[str(ref), "openrouter/some/model"])
    providers = providers_of([config], ["openai-completions"])
    known = providers["openrouter"]
    assert (known.base_url, known.dialect) == ("https://openrouter.ai/api/v1", "openai-completions")
    accounts = [(account.label, account.origin) for account in accounts_of([config], providers)]
    assert accounts == [("primary", "https://openrouter.ai:443"), ("backup-1", "https://openrouter.ai:443")]
    assert models_of([config], providers, [Route(*ref)], None)[ref].context_window == 1_048_576


def test_a_plugin_that_cannot_be_used_stops_at_once() -> None:
    class Misspelt:
        @hookimpl
        def request_fails(self) -> None:
            pass

    with pytest.raises(PluginError, match="leave it out of `plugins`"):
        given(plugins={"mine": Misspelt()})


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("step", "limits", "told"),
    [
        (HangBeforeHeaders(), Limits(head_s=0.1), "timeout"),
        (Stall(after=0), Limits(first_content_s=0.1), "no content within 0.1 s"),
        (Stall(after=1), Limits(quiet_s=0.1), "no more content for 0.1 s"),
        (Ok("slow " * 40, pace_s=0.05), Limits(total_s=0.2), "longer than 0.2 s"),
    ],
)
@pytest.mark.parametrize("of_the_model", [False, True])
async def test_each_limit_ends_what_takes_too_long(step: Step, limits: Limits, told: str, of_the_model: bool) -> None:
    settings = AT_ONCE if of_the_model else replace(AT_ONCE, limits=limits)
    models = {"big": ModelConfig(limits=limits)} if of_the_model else {}
    async with FaultServer({"big": step}) as server:
        provider = ProviderConfig("one", base_url=server.base_url, models=models)
        host = Fallback(providers=[provider], order=["one/big"], settings=settings)
        async with host, host.session() as session:
            with anyio.fail_after(20), pytest.raises(AgentFailed, match=told):
                await session.ask("hi")


@pytest.mark.anyio
async def test_retry_waits_as_it_is_told() -> None:
    settings = replace(AT_ONCE, retry=RetryPolicy(max_retries=1, base_delay_s=0.01, max_delay_s=1.0))
    async with (
        FaultServer({"big": [Status(429), Ok("yes")]}) as server,
        fallback(server, "one/big", keys={}, settings=settings) as host,
        host.session() as session,
    ):
        events = [event async for event in session.prompt("hi")]
    assert [event.attempt for event in events if isinstance(event, RetryScheduled)] == [1]


async def test_the_limits_hold_for_a_model_that_only_a_session_names() -> None:
    async with FaultServer({"small": Stall(after=1), "big": Ok("from big")}) as server:
        one = replace(ONE, base_url=server.base_url)
        settings = replace(AT_ONCE, limits=Limits(quiet_s=0.1))
        async with (
            Fallback(providers=[one], order=["one/big"], settings=settings) as given,
            given.session(order=["one/small", "one/big"]) as session,
        ):
            with anyio.fail_after(20):
                assert (await session.ask("go")).text == "from big"


@pytest.mark.anyio
async def test_progress_goes_on_after_a_silence_where_nobody_can_name_the_failure() -> None:
    settings = replace(AT_ONCE, progress=ProgressSettings(quiet_s=0.05, prompt="go on"))
    odd = Cut(after=0, how="clean", of=Ok(finish="pondering"))
    async with (
        FaultServer({"big": odd, "mid": Ok("yes")}) as server,
        fallback(server, keys={}, settings=settings) as host,
        host.session() as session,
    ):
        assert (await session.ask("hi")).text == "yes"


@pytest.mark.anyio
@pytest.mark.parametrize(("actions", "notices"), [(Actions(), 0), (Actions(quota="stop"), 1)])
async def test_actions_that_do_not_act_yet_say_so_once(actions: Actions, notices: int) -> None:
    settings = replace(AT_ONCE, actions=actions)
    async with FaultServer(Ok("yes")) as server, fallback(server, settings=settings) as host:
        told: list[Noticed] = []
        for _ in range(2):
            async with host.session() as session:
                told += [event async for event in session.prompt("hi") if isinstance(event, Noticed)]
    assert len(told) == notices
    assert all("takes effect with a later version" in notice.text for notice in told)


@pytest.mark.anyio
async def test_mid_stream_continue_hands_the_half_answer_to_a_model_that_takes_it() -> None:
    def second(asked: Received) -> Step:
        return Ok(" and the rest.") if asked.messages[-1].get("role") == "assistant" else Ok("Anew.")

    scripts: Mapping[str, Any] = {"big": Cut(after=2, of=Ok("A half is all.", chunk=3)), "mid": second}
    answers: dict[str, str] = {}
    async with FaultServer(scripts) as server:
        for mid_stream in ("restart", "continue"):
            host = Fallback(
                providers=[
                    ProviderConfig("one", base_url=server.base_url),
                    ProviderConfig(
                        "two",
                        base_url=server.origin,
                        dialect="anthropic-messages",
                        keys={"primary": "sk-two"},
                        models={"mid": ModelConfig(prefill=True)},
                    ),
                ],
                order=["one/big", "two/mid"],
                settings=replace(AT_ONCE, mid_stream=mid_stream),
            )
            async with host, host.session() as session:
                answers[mid_stream] = (await session.ask("hi")).text
    assert answers == {"restart": "Anew.", "continue": "A half and the rest."}


@pytest.mark.anyio
async def test_what_is_said_of_a_model_reaches_the_wire_and_the_choice() -> None:
    models = {
        "big": ModelConfig(max_tokens=77, headers={"x-team": "blue"}, tools=False),
        "mid": ModelConfig(reasoning=True, images=True, context_window=50),
    }
    async with FaultServer(Ok("yes")) as server:
        provider = ProviderConfig(
            "one",
            base_url=server.origin,
            dialect="anthropic-messages",
            keys={"primary": "sk-one"},
            auth="bearer",
            models=models,
            headers={"x-all": "yes"},
        )
        host = Fallback(providers=[provider], order=["one/big", "one/mid"], settings=replace(AT_ONCE, thinking="low"))
        async with host:
            async with host.session() as session:
                await session.ask("hi")
            async with host.session(tools=[nothing]) as session:
                await session.ask("hi")  # the first one calls no tools
            async with host.session(order=["one/mid", "one/big"]) as session:
                await session.ask("a prompt that is longer than the context of one of the two " * 10)
    first, second, third = server.requests
    assert (first.headers["x-team"], first.headers["x-all"]) == ("blue", "yes")
    assert first.headers["authorization"] == "Bearer sk-one"
    assert [request.model for request in (first, second, third)] == ["big", "mid", "big"]
    assert first.body is not None
    assert first.body["max_tokens"] == 77
    assert second.body is not None
    assert "thinking" in second.body
