"""The catalogue: what models.json, plugins and the settings make of the known providers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from pydantic import ValidationError

from pi_fallback.config.schema import ModelsFile, Settings
from pi_fallback.core.apis import DIALECTS
from pi_fallback.core.catalog import Catalog, asked_for, build, named_providers
from pi_fallback_hookspecs import Limits, Model, ModelRef, OAuthEndpoints, Price, Provider

BIG = Model(ModelRef("known", "big"), context_window=1000, compat={"a": 1}, limits=Limits(quiet_s=60.0))
KNOWN = Provider(
    "known", "https://known.example/v1", models=(BIG,), default_model="big", compat={"field": "x"}, headers={"h": "1"}
)


def built(
    providers: Mapping[str, object] | None = None,
    *,
    names: Sequence[str] = (),
    quiet_s: float | None = None,
    listed: Sequence[Model] = (),
) -> Catalog:
    file = ModelsFile.model_validate({"providers": providers or {}})

    def told_by(provider: Provider) -> list[Model]:
        return [model for model in listed if model.ref.provider == provider.id]

    return build([KNOWN], [], file, names=names, quiet_s=quiet_s, told_by=told_by)


def test_an_address_and_a_list_of_ids_are_enough() -> None:
    catalog = built(
        {"acme": {"baseUrl": "https://acme.example/v1", "apiKey": "k", "models": [{"id": "m1"}, {"id": "m2"}]}}
    )
    acme = catalog.providers["acme"]
    assert (acme.base_url, acme.dialect, acme.default_model) == ("https://acme.example/v1", "openai-completions", "m1")
    assert catalog.models[ModelRef("acme", "m1")].context_window == 128_000


def test_without_a_list_the_ids_are_those_that_are_asked_for() -> None:
    acme = {"acme": {"baseUrl": "https://acme.example/v1", "apiKey": "k"}}
    settings = {"defaultProvider": "acme", "defaultModel": "m1", "enabledModels": ["acme/m2:high", "acme/*", "m9"]}
    names = asked_for(Settings.model_validate(settings), "acme/org/m3")
    catalog = built(acme, names=names)
    assert [str(ref) for ref in catalog.models if ref.provider == "acme"] == ["acme/org/m3", "acme/m1", "acme/m2"]


def test_an_unknown_id_is_accepted_at_a_known_provider_but_not_at_one_that_lists_its_models() -> None:
    acme = {"acme": {"baseUrl": "https://acme.example/v1", "models": [{"id": "m1"}]}}
    catalog = built(acme, names=["known/newest", "acme/m2", "nobody/m"])
    assert [str(ref) for ref in catalog.models] == ["known/big", "acme/m1", "known/newest"]


def test_a_configured_provider_goes_over_the_known_one_and_its_models_come_first() -> None:
    catalog = built(
        {"known": {"baseUrl": "http://127.0.0.1:1/v1", "compat": {"field": "y"}, "models": [{"id": "mine"}]}}
    )
    known = catalog.providers["known"]
    assert (known.base_url, known.default_model) == ("http://127.0.0.1:1/v1", "mine")
    assert [str(ref) for ref in catalog.models] == ["known/mine", "known/big"]


def test_what_a_provider_says_holds_for_its_models_unless_they_say_otherwise() -> None:
    catalog = built({"known": {"modelOverrides": {"big": {"compat": {"a": 2}, "headers": {"i": "2"}}}}})
    model = catalog.models[BIG.ref]
    assert model.compat == {"field": "x", "a": 2}
    assert model.headers == {"h": "1", "i": "2"}


def test_an_override_changes_only_what_it_names() -> None:
    override = {
        "name": "Big",
        "contextWindow": 5,
        "input": ["text", "image"],
        "tools": False,
        "limits": {"headSeconds": 9},
    }
    model = built({"known": {"modelOverrides": {"big": override}}}).models[BIG.ref]
    assert (model.name, model.context_window, model.max_tokens, model.tools) == ("Big", 5, 16_384, False)
    assert model.inputs == {"text", "image"}
    assert model.limits == Limits(head_s=9.0)


def test_the_quiet_limit_of_the_settings_holds_where_the_model_has_none() -> None:
    limits = {"modelOverrides": {"big": {"limits": {"quietSeconds": 7}}}}
    assert built(quiet_s=300.0).models[BIG.ref].limits.quiet_s == 300.0
    assert built({"known": limits}, quiet_s=300.0).models[BIG.ref].limits.quiet_s == 7.0


def test_a_model_that_is_said_to_think_gets_more_time_for_its_first_word() -> None:
    thinks: dict[str, object] = {"id": "m", "reasoning": True}
    hurried = {**thinks, "limits": {"firstContentSeconds": 30}}
    for model, expected in ((thinks, 300.0), (hurried, 30.0)):
        catalog = built({"acme": {"baseUrl": "https://a.example", "models": [model]}})
        assert catalog.models[ModelRef("acme", "m")].limits.first_content_s == expected


def test_a_provider_without_address_is_not_used_and_named() -> None:
    catalog = built({"acme": {"apiKey": "k"}})
    assert "acme" not in catalog.providers
    assert "acme" in catalog.notices[0]
    assert "baseUrl" in catalog.notices[0]


def test_a_plugin_may_bring_a_provider_and_models_json_may_change_it() -> None:
    plugin = Provider("mine", "https://mine.example", models=(Model(ModelRef("mine", "m")),))
    file = ModelsFile.model_validate({"providers": {"mine": {"name": "Mine"}}})
    catalog = build([KNOWN], [plugin], file, names=["mine/other"])
    assert catalog.providers["mine"].name == "Mine"
    assert [str(ref) for ref in catalog.models] == ["known/big", "mine/m"]


def test_names_speak_of_the_provider_before_their_first_slash() -> None:
    names = ["ollama/qwen:7b", "lmstudio/*", "gpt", "nobody/x", "ollama/other"]
    assert named_providers(names, {"ollama", "lmstudio", "openai"}) == ("ollama", "lmstudio")
    assert named_providers(asked_for(Settings.model_validate({"defaultProvider": "ollama"})), {"ollama"}) == ("ollama",)


def acme(**config: object) -> Mapping[str, object]:
    return {"acme": {"baseUrl": "https://acme.example/v1", "models": [{"id": "m"}], **config}}


@pytest.mark.parametrize(
    ("api", "base_url", "dialect", "address", "auth"),
    [
        *((name, "https://a.example/v1", name, "https://a.example/v1", "") for name in DIALECTS),
        ("azure-openai-responses", "https://r.openai.azure.com", "openai-responses", "/openai/v1", "api-key"),
        ("azure-openai-responses", "https://r.openai.azure.com/openai/v1", "openai-responses", "/openai/v1", "api-key"),
        ("openai-codex-responses", "https://c.example/backend-api", "openai-responses", "/backend-api/codex", ""),
        ("google-vertex", "https://v.example", "google-generative-ai", "/v1/publishers/google", ""),
        ("google-gemini-cli", "https://g.example", "google-generative-ai", "https://g.example", "bearer"),
        ("mistral-conversations", "https://m.example", "openai-completions", "https://m.example/v1", ""),
    ],
)
def test_an_api_of_pi_is_the_dialect_that_speaks_it(
    api: str, base_url: str, dialect: str, address: str, auth: str
) -> None:
    for place in (acme(api=api, baseUrl=base_url), acme(baseUrl=base_url, models=[{"id": "m", "api": api}])):
        found = built(place)
        assert found.notices == ()
        assert found.closed == {}
        provider = found.providers["acme"]
        assert (provider.dialect, provider.auth) == (dialect, auth)
        assert provider.base_url.endswith(address)


@pytest.mark.parametrize(
    ("api", "hint"),
    [("bedrock-converse-stream", "Those that are: openai-completions,"), ("openai-response", "openai-responses?")],
)
def test_an_api_that_nothing_here_speaks_closes_its_provider_and_nothing_else(api: str, hint: str) -> None:
    catalog = built({**acme(api=api), "other": {"baseUrl": "https://o.example", "models": [{"id": "o"}]}})
    assert hint in catalog.closed["acme"]
    (notice,) = catalog.notices
    assert notice.startswith(f"The provider acme of models.json is not used: the api {api!r} is not spoken here.")
    assert [str(ref) for ref in catalog.models] == ["known/big", "other/o"]


def test_a_model_may_have_an_api_and_an_address_of_its_own() -> None:
    own = {"id": "c", "api": "anthropic-messages", "baseUrl": "https://b.example"}
    catalog = built(acme(models=[{"id": "m"}, own, {"id": "x", "api": "pi-messages"}]))
    plain, claude = catalog.models[ModelRef("acme", "m")], catalog.models[ModelRef("acme", "c")]
    assert (plain.dialect, plain.base_url) == ("", "")
    assert (claude.dialect, claude.base_url) == ("anthropic-messages", "https://b.example")
    assert ModelRef("acme", "x") not in catalog.models
    (notice,) = catalog.notices
    assert notice.startswith("The model acme/x of models.json is not used: the api 'pi-messages'")


def test_prices_are_dollars_for_a_million_tokens_and_an_override_changes_what_it_names() -> None:
    cost = {"input": 1, "output": 2, "cacheRead": 0.5, "cacheWrite": 3}
    catalog = built(acme(models=[{"id": "m", "cost": cost}], modelOverrides={"m": {"cost": {"output": 4}}}))
    assert catalog.models[ModelRef("acme", "m")].price == Price(1.0, 4.0, 0.5, 3.0)
    assert catalog.models[BIG.ref].price is None


def test_prefill_is_asked_for_in_compat() -> None:
    models = [{"id": "m"}, {"id": "n", "compat": {"supportsAssistantPrefill": True}}]
    catalog = built(acme(models=models))
    assert [model.prefill for ref, model in catalog.models.items() if ref.provider == "acme"] == [False, True]


def test_a_header_with_the_key_is_asked_for_by_its_name_in_pi() -> None:
    assert built(acme(authHeader=True, api="anthropic-messages")).providers["acme"].auth == "bearer"
    assert built(acme(authHeader=False)).providers["acme"].auth == ""


def test_quirks_that_nobody_reads_are_named_with_the_nearest_one() -> None:
    compat = {"maxTokenField": "max_tokens", "supportsStore": False, "supportsUsageInStreaming": False}
    model = {"id": "c", "api": "anthropic-messages", "compat": {"maxTokensField": "max_tokens", "thinking": "budget"}}
    assert built(acme(compat=compat, models=[{"id": "m"}, model])).notices == (
        "models.json, providers.acme.compat: nothing here reads maxTokenField (did you mean maxTokensField?).",
        "models.json, providers.acme.models[1].compat: nothing here reads maxTokensField.",
    )


def test_a_model_that_its_provider_lists_is_accepted_by_name_and_by_nothing_else() -> None:
    new = Model(ModelRef("acme", "new"), context_window=7)
    other = Model(ModelRef("acme", "other"))
    catalog = built(acme(), names=["acme/new:high", "acme/o*", "nobody/x"], listed=[new, other])
    assert [str(ref) for ref in catalog.models if ref.provider == "acme"] == ["acme/m", "acme/new"]
    assert catalog.models[new.ref].context_window == 7
    assert list(catalog.listed) == [new.ref, other.ref]
    assert new.ref in built(acme(), names=["new"], listed=[new]).models


def test_a_provider_holds_its_models_as_they_are_in_the_end() -> None:
    catalog = built({"known": {"modelOverrides": {"big": {"contextWindow": 5}}}}, names=["known/newest"])
    assert [model.ref.id for model in catalog.providers["known"].models] == ["big", "newest"]
    assert catalog.providers["known"].models[0].context_window == 5


def test_a_login_is_declared_over_what_is_known_and_then_a_key_is_needed() -> None:
    oauth = {
        "clientId": "c",
        "tokenUrl": "https://login.example/token",
        "deviceUrl": "https://login.example/device",
        "exchangeUrl": "https://login.example/key",
        "authorizeUrl": "https://login.example/authorize",
        "scopes": ["one", "two"],
        "redirect": "http://localhost:1234/back",
        "params": {"audience": "x"},
        "headers": {"x-a": "b"},
        "encoding": "json",
        "clientSecret": "not-a-secret",
        "claims": {"email": ["profile", "email"]},
        "accountHeaders": {"x-account": "email"},
    }
    acme = {"baseUrl": "https://acme.example/v1", "models": [{"id": "m1"}]}
    catalog = built({"acme": {**acme, "oauth": oauth}, "other": {**acme, "oauth": "radius"}, "third": acme})
    assert catalog.providers["acme"].oauth == OAuthEndpoints(
        token_url="https://login.example/token",
        client_id="c",
        authorize_url="https://login.example/authorize",
        device_url="https://login.example/device",
        exchange_url="https://login.example/key",
        scopes=("one", "two"),
        redirect="http://localhost:1234/back",
        params={"audience": "x"},
        headers={"x-a": "b"},
        encoding="json",
        client_secret="not-a-secret",
        claims={"email": ("profile", "email")},
        account_headers={"x-account": "email"},
    )
    assert catalog.providers["acme"].needs_key
    assert [catalog.providers[name].oauth for name in ("other", "third")] == [None, None]
    known = OAuthEndpoints("https://known.example/token", "theirs")
    file = ModelsFile.model_validate({"providers": {"known": {"oauth": {"clientId": "mine"}}}})
    changed = build([replace(KNOWN, oauth=known)], [], file).providers["known"]
    assert changed.oauth == replace(known, client_id="mine")


@pytest.mark.parametrize(
    "oauth",
    [
        {"tokenUrl": "http://login.example/token"},
        {"authorizeUrl": "ftp://login.example"},
        {"redirect": "https://acme.example/back"},
        {"redirect": "http://acme.example/back"},
        {"encoding": "xml"},
        {"clientId": ""},
    ],
    ids=str,
)
def test_a_login_is_declared_at_https_and_comes_back_to_this_machine(oauth: Mapping[str, object]) -> None:
    with pytest.raises(ValidationError):
        built({"acme": {"baseUrl": "https://acme.example/v1", "oauth": oauth}})
