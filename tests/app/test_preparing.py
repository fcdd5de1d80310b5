"""Preparing: what the program makes of the user's files, environment and options before a session opens."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pi_fallback.app import level_of, route_to
from pi_fallback.credentials.vault import Vault
from pi_fallback.errors import ConfigError, NoUsableModel, UnknownModel
from pi_fallback.live_pool import LivePool
from pi_fallback.preparing import Options, Setup, World, prepare
from pi_fallback.runtime import feed
from pi_fallback.runtime.signals import Signals
from pi_fallback_hookspecs import ModelRef, Route

ADDRESS = "http://127.0.0.1:9/v1"
ABC = {name: {"baseUrl": ADDRESS, "models": [{"id": name.upper()}]} for name in ("a", "b", "c")}


class Desk:
    """A user's files in a folder of their own."""

    def __init__(self, room: Path) -> None:
        self.home, self.folder = room / "home", room / "project"
        self.agent_dir = self.home / ".pi" / "agent"
        self.agent_dir.mkdir(parents=True)
        (self.folder / ".pi").mkdir(parents=True)
        self.write(models={"providers": ABC})

    def write(self, **files: object) -> None:
        for name, value in files.items():
            text = value if isinstance(value, str) else json.dumps(value)
            (self.agent_dir / f"{name}.json").write_text(text)
            (self.agent_dir / f"{name}.json").chmod(0o600)

    def prepare(self, *, environ: Mapping[str, str] | None = None, **options: Any) -> Setup:
        return prepare(Options(cwd=self.folder, **options), World(environ=environ or {}, home=self.home))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def order(setup: Setup) -> list[str]:
    return [str(route) for route in setup.selection.order]


@pytest.mark.parametrize(
    ("settings", "options", "expected", "start"),
    [
        ({}, {}, "a/A b/B c/C", "a/A"),
        ({"enabledModels": ["c/C", "a/*"]}, {}, "c/C a/A", "c/C"),
        ({"enabledModels": []}, {}, "a/A b/B c/C", "a/A"),
        ({"enabledModels": ["c/C", "a/A"], "defaultProvider": "a", "defaultModel": "A"}, {}, "c/C a/A", "a/A"),
        ({"enabledModels": ["c/C"], "defaultModel": "B"}, {}, "b/B c/C", "b/B"),
        ({"defaultProvider": "b"}, {}, "b/B a/A c/C", "b/B"),
        ({"enabledModels": ["c/C", "a/A"]}, {"model": "b/B"}, "b/B c/C a/A", "b/B"),
        ({"enabledModels": ["c/C"]}, {"models": ("b/B", "a/A")}, "b/B a/A", "b/B"),
        ({"enabledModels": ["c/C"]}, {"models": ("b/B", "a/A"), "model": "a/A"}, "b/B a/A", "a/A"),
    ],
)
def test_the_pool_and_the_start_follow_the_options_then_the_settings(
    desk: Desk, settings: object, options: Mapping[str, Any], expected: str, start: str
) -> None:
    desk.write(settings=settings)
    setup = desk.prepare(**options)
    assert " ".join(order(setup)) == expected
    assert str(setup.selection.start) == start
    assert setup.notices == []


@pytest.mark.parametrize(
    ("settings", "options", "notice"),
    [
        ({"enabledModels": ["a/A", "b/*", "c/C", "nobody/*"]}, {}, "No model fits 'nobody/*' of enabledModels. It is"),
        (
            {"enabledModels": ["a/A", "b/B", "c/C", "b/BB"]},
            {},
            "No model fits 'b/BB' of enabledModels (did you mean b/B?)",
        ),
        (
            {"enabledModels": ["a/A", "b/B", "c/C", "b/*:ultra"]},
            {},
            "'ultra' in 'b/*:ultra' of enabledModels is no thinking level; these are: off, minimal, low, medium,",
        ),
        ({}, {"models": ("a/A", "b/B", "c/C", "nobody")}, "No model fits 'nobody' of --models"),
        ({"defaultModel": "nobody"}, {}, "The defaultModel 'nobody' of settings.json is unknown; the first usable one"),
        ({"defaultModel": "a/B"}, {}, "The defaultModel 'a/B' of settings.json is unknown (did you mean "),
        (
            {"defaultProvider": "gorq"},
            {},
            "The defaultProvider 'gorq' of settings.json is unknown (did you mean groq?)",
        ),
        (
            {"defaultProvider": "groq"},
            {},
            "The default model cannot be used: groq/openai/gpt-oss-120b has no usable key.",
        ),
        ({"defaultProvider": "groq", "defaultModel": "one"}, {}, "groq/one has no usable key. Set GROQ_API_KEY"),
    ],
)
def test_a_wish_that_cannot_be_met_is_told_and_the_rest_works(
    desk: Desk, settings: object, options: Mapping[str, Any], notice: str
) -> None:
    desk.write(settings=settings)
    setup = desk.prepare(**options)
    assert order(setup) == ["a/A", "b/B", "c/C"]
    assert [text for text in setup.notices if notice in text]


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("nobody/*", "No model fits 'nobody/*' of enabledModels."),
        ("b/B:ultra", "'ultra' in 'b/B:ultra' of enabledModels is no thinking level"),
        ("groq/*", "groq/openai/gpt-oss-120b has no usable key. Set GROQ_API_KEY, or add groq to auth.json."),
        ("github-copilot/*", "github-copilot needs a login that pi has made"),
    ],
)
def test_enabled_models_that_leave_none_stop_a_strict_start_and_are_told_in_the_app(
    desk: Desk, pattern: str, reason: str
) -> None:
    desk.write(settings={"enabledModels": [pattern]})
    with pytest.raises(NoUsableModel) as refused:
        desk.prepare()
    assert str(refused.value).startswith("None of enabledModels can be used. ")
    assert reason in str(refused.value)
    assert str(refused.value).endswith("Correct it in settings.json.")
    setup = desk.prepare(strict=False)
    assert order(setup) == ["a/A", "b/B", "c/C"]
    assert "None of enabledModels can be used; all models with keys are used instead." in setup.notices


def test_a_foreign_api_costs_only_its_provider_in_every_mode(desk: Desk) -> None:
    foreign = {"baseUrl": ADDRESS, "api": "bedrock-converse-stream", "models": [{"id": "x"}]}
    desk.write(models={"providers": {**ABC, "b": foreign}})
    setup = desk.prepare()
    assert order(setup) == ["a/A", "c/C"]
    (notice,) = setup.notices
    assert "The provider b of models.json is not used: the api 'bedrock-converse-stream' is not spoken here." in notice


@pytest.mark.parametrize("options", [{}, {"model": "p/m"}, {"models": ("p/m",)}])
def test_a_foreign_api_is_the_reason_where_nothing_else_is_left(desk: Desk, options: Mapping[str, Any]) -> None:
    foreign = {"baseUrl": ADDRESS, "api": "Anthropic-Messages", "apiKey": "k-12345678", "models": [{"id": "m"}]}
    desk.write(models={"providers": {"p": foreign}})
    with pytest.raises(NoUsableModel, match="Did you mean anthropic-messages") as raised:
        desk.prepare(**options)
    assert "no key was found" not in str(raised.value)


def test_a_model_of_a_provider_that_is_not_used_cannot_be_switched_to(desk: Desk) -> None:
    foreign = {"baseUrl": ADDRESS, "api": "Anthropic-Messages", "models": [{"id": "m"}]}
    desk.write(models={"providers": {**ABC, "p": foreign}})
    with pytest.raises(NoUsableModel, match="p/m cannot be used: the api 'Anthropic-Messages' is not spoken here"):
        route_to(desk.prepare(), "p/m")


def test_a_header_that_cannot_be_had_costs_its_provider_and_is_never_sent_as_it_is_written(desk: Desk) -> None:
    lacking, full = ({"x-key": f"$HEADER_{name}"} for name in ("LACKING", "FULL"))
    providers = {"a": {**ABC["a"], "headers": lacking}, "b": {**ABC["b"], "headers": full}}
    desk.write(models={"providers": providers})
    setup = desk.prepare(environ={"HEADER_FULL": "0123456789"})
    assert order(setup) == ["b/B"]
    assert setup.catalog.models[ModelRef("b", "B")].headers == {"x-key": "0123456789"}
    assert setup.redactor.clean("0123456789") != "0123456789"
    (notice,) = setup.notices
    assert "models.json, providers.a.headers.x-key: the environment variable HEADER_LACKING is not set." in notice


def test_the_order_without_configuration_is_defaults_then_others_with_all_accounts(desk: Desk) -> None:
    desk.write(models={}, auth={"mistral": {"type": "api_key", "key": "k"}, "xai": {"type": "api_key", "key": "k"}})
    setup = desk.prepare(environ={"ANTHROPIC_API_KEY": "k"})
    assert order(setup) == [
        "mistral/devstral-medium-latest",
        "xai/grok-4.7",
        "anthropic/claude-opus-5-5",
        "mistral/mistral-medium-latest",
        "anthropic/claude-fable-5-2",
        "anthropic/claude-sonnet-5-5",
        "anthropic/claude-haiku-5-5",
    ]
    led = desk.prepare(environ={"ANTHROPIC_API_KEY": "k"}, model="anthropic/claude-sonnet-5-5")
    assert order(led)[:3] == ["anthropic/claude-sonnet-5-5", "mistral/devstral-medium-latest", "xai/grok-4.7"]


def test_a_login_of_pi_is_used_while_it_is_valid_or_can_be_renewed(desk: Desk) -> None:
    login = {"type": "oauth", "access": "token", "expires": 10_000, "accountId": "acc"}
    desk.write(models={}, auth={"openai-codex": login})
    live = World(environ={}, home=desk.home, wall=lambda: 9.0)
    setup = prepare(Options(cwd=desk.folder), live)
    assert order(setup)[0] == "openai-codex/gpt-6.1-sol"
    late = World(environ={}, home=desk.home, wall=lambda: 11.0)
    with pytest.raises(ConfigError, match="login needed"):
        prepare(Options(cwd=desk.folder), late)
    desk.write(models={}, auth={"openai-codex": login | {"refresh": "r"}})
    assert order(prepare(Options(cwd=desk.folder), late))[0] == "openai-codex/gpt-6.1-sol"


def test_settings_of_a_strange_folder_that_narrow_nothing_are_named(desk: Desk) -> None:
    settings = desk.folder / ".pi" / "settings.json"
    settings.write_text('{"enabledModels": "a/A"}')
    (notice,) = desk.prepare().notices
    assert "enabledModels: must be a list" in notice
    assert notice.endswith("Until then this folder narrows no models.")
    settings.write_text("{")
    (notice,) = desk.prepare().notices
    assert "line 1: is not valid JSON" in notice
    assert notice.endswith("Until then this folder narrows no models.")
    settings.write_text('{"enabledModels": ["nobody/*"]}')
    assert desk.prepare().notices == [
        "The project's enabledModels (nobody/*) names none of your models; it is passed over."
    ]


@pytest.mark.parametrize(
    ("name", "value", "told", "usable"),
    [
        ("models", {"providers": {**ABC, "b": {"baseUrl": 7}}}, "providers.b.baseUrl: must be a URL", "a/A c/C"),
        (
            "auth",
            {"groq": {"type": "api_key", "key": 7}, "a": {"type": "api_key", "key": "k"}},
            "groq.key",
            "a/A b/B c/C",
        ),
        ("settings", {"fallback": {"quietSeconds": "x"}, "enabledModels": ["c/C"]}, "fallback.quietSeconds", "c/C"),
        ("settings", "{", "line 1: is not valid JSON", "a/A b/B c/C"),
        ("auth", "[]", "must be an object", "a/A b/B c/C"),
    ],
)
def test_a_broken_part_stops_a_strict_start_and_costs_an_interactive_one_only_itself(
    desk: Desk, name: str, value: object, told: str, usable: str
) -> None:
    desk.write(**{name: value})
    with pytest.raises(ConfigError, match=f"{name}.json"):
        desk.prepare()
    setup = desk.prepare(strict=False)
    assert " ".join(order(setup)) == usable
    (notice,) = setup.notices
    assert told in notice


@pytest.mark.parametrize(
    ("models", "message"),
    [
        (("nobody",), "There is no model 'nobody'"),
        (("groq/*",), "groq/.* has no usable key. Set GROQ_API_KEY"),
    ],
)
def test_models_that_were_asked_for_on_the_command_line_are_not_replaced_by_others(
    desk: Desk, models: Sequence[str], message: str
) -> None:
    with pytest.raises((UnknownModel, NoUsableModel), match=message):
        desk.prepare(models=models)


def test_an_account_that_cannot_be_used_is_told_and_the_others_are_used(desk: Desk) -> None:
    desk.write(auth={"groq": {"type": "oauth", "access": "t", "refresh": "r", "expires": 0}})
    setup = desk.prepare()
    assert order(setup) == ["a/A", "b/B", "c/C"]
    assert ["login needed" in notice for notice in setup.notices] == [True]


def test_a_model_is_found_by_its_name_only_if_it_can_be_used(desk: Desk) -> None:
    setup = desk.prepare()
    assert route_to(setup, "b") == Route("b", "B")
    with pytest.raises(NoUsableModel, match="has no usable key"):
        route_to(setup, "groq/openai/gpt-oss-120b")
    with pytest.raises(UnknownModel):
        route_to(setup, "nobody")


class Pool:
    """A live pool whose clock stands still until it is told to go on."""

    def __init__(self, setup: Setup) -> None:
        self.now = 0.0
        self.told: list[str] = []
        signals = Signals()
        self.end = signals.listen(self.hear)
        self.vault = Vault(setup.accounts, setup.world.environ, setup.redactor, wall=lambda: 0.0)
        self.pool = LivePool(setup, signals, lambda: self.now, self.vault)

    def hear(self, item: feed.FeedItem) -> None:
        assert isinstance(item, feed.Noticed)
        self.told.append(item.text)

    def later(self) -> Sequence[str]:
        self.now += 60.0
        return [str(route) for route in self.pool().order]


def test_the_pool_follows_an_edit_of_the_settings_while_the_agent_works(desk: Desk) -> None:
    desk.write(settings={"enabledModels": ["a/A", "b/B:low"]})
    setup = desk.prepare()
    live = Pool(setup)
    version = live.pool().version
    assert live.later() == ["a/A", "b/B"]
    assert live.pool().version == version
    desk.write(settings={"enabledModels": ["c/C", "a/A", "nobody"]})
    assert live.later() == ["c/C", "a/A"]
    assert live.pool().version > version
    assert setup.selection.start == Route("a", "A")
    assert live.told == ["No model fits 'nobody' of enabledModels. It is passed over."]


def test_the_first_group_counts_while_the_agent_works_and_so_does_the_end_of_the_last_one(desk: Desk) -> None:
    desk.write(settings={"enabledModels": ["a/A"]})
    setup = desk.prepare()
    live = Pool(setup)
    assert setup.ha.group is None
    desk.write(ha={"groups": {"g": {"entries": [{"id": "b/B"}, {"id": "c/C"}]}}})
    assert set(live.later()) == {"a/A", "b/B", "c/C"}
    assert setup.ha.group is not None
    version = live.pool().version
    desk.write(ha={"groups": {}, "defaultGroup": "g"})
    assert live.later() == ["a/A"]
    assert setup.ha.group is None
    assert live.pool().version > version


def test_without_the_plugin_no_group_ever_counts(desk: Desk) -> None:
    desk.write(settings={"enabledModels": ["a/A"]})
    setup = desk.prepare(without_plugins=("ha",))
    live = Pool(setup)
    desk.write(ha={"groups": {"g": {"entries": [{"id": "b/B"}]}}})
    assert live.later() == ["a/A"]
    assert setup.ha.group is None


def test_an_edit_of_a_level_alone_counts(desk: Desk) -> None:
    desk.write(settings={"enabledModels": ["a/A:low"], "defaultThinkingLevel": "medium"})
    setup = desk.prepare()
    live = Pool(setup)
    assert level_of(setup, ModelRef("a", "A")) == "low"
    desk.write(settings={"enabledModels": ["a/A:xhigh"], "defaultThinkingLevel": "medium"})
    assert live.later() == ["a/A"]
    assert level_of(setup, ModelRef("a", "A")) == "xhigh"
    assert level_of(setup, ModelRef("b", "B")) == "medium"


def test_an_edit_that_leaves_no_model_changes_nothing_and_is_told(desk: Desk) -> None:
    desk.write(settings={"enabledModels": ["a/A"]})
    live = Pool(desk.prepare())
    desk.write(settings={"enabledModels": ["a/A:hihg"]})
    assert live.later() == ["a/A"]
    (told,) = live.told
    assert told.startswith("None of enabledModels can be used. 'hihg' in 'a/A:hihg' of enabledModels is no thinking")


def test_a_half_edited_file_changes_nothing_until_it_is_whole_again(desk: Desk) -> None:
    desk.write(settings={"enabledModels": ["a/A"]})
    live = Pool(desk.prepare())
    desk.write(settings='{"enabledModels": ["b/B"')
    assert live.later() == ["a/A"]
    assert len(live.told) == 1
    assert live.told[0].endswith("Until then the settings stay as they were.")
    desk.write(settings={"enabledModels": ["b/B"]})
    assert live.later() == ["b/B"]


@pytest.mark.parametrize(
    ("entry", "environ", "header", "told"),
    [
        ({"apiKey": "k-12345678"}, {}, "Authorization", "the key of models.json goes in its place"),
        ({"apiKey": "$MINE"}, {"MINE": "k-12345678"}, "authorization", "the key of models.json goes in its place"),
        ({"apiKey": "k-12345678", "api": "anthropic-messages"}, {}, "x-api-key", "the key of models.json goes in its"),
        ({"apiKey": "k-12345678", "api": "anthropic-messages"}, {}, "Authorization", ""),
        ({"apiKey": "k-12345678"}, {}, "x-api-key", ""),
        ({}, {}, "Authorization", ""),
    ],
)
def test_a_header_that_the_key_replaces_is_named(
    desk: Desk, entry: Mapping[str, str], environ: Mapping[str, str], header: str, told: str
) -> None:
    desk.write(models={"providers": {"a": {**ABC["a"], **entry, "headers": {header: "Bearer secret-1"}}}})
    said = [notice for notice in desk.prepare(environ=environ).notices if "is not sent" in notice]
    expected = f"models.json, providers.a.headers.{header} is not sent: {told}"
    assert [notice.startswith(expected) for notice in said] == ([True] if told else [])


def test_a_header_of_one_model_that_the_key_replaces_is_named(desk: Desk) -> None:
    model = {"id": "A", "headers": {"Authorization": "Bearer secret-1"}}
    desk.write(models={"providers": {"a": {**ABC["a"], "apiKey": "k-12345678", "models": [model]}}})
    (notice,) = desk.prepare().notices
    assert "providers.a.models[0].headers.Authorization is not sent" in notice
