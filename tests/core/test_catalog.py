"""The catalogue: what models.json, plugins and the settings make of the known providers."""

from collections.abc import Mapping, Sequence

from pi_fallback.config.schema import ModelsFile, Settings
from pi_fallback.core.catalog import Catalog, asked_for, build, named_providers
from pi_fallback_hookspecs import Limits, Model, ModelRef, Provider

BIG = Model(ModelRef("known", "big"), context_window=1000, compat={"a": 1}, limits=Limits(quiet_s=60.0))
KNOWN = Provider(
    "known", "https://known.example/v1", models=(BIG,), default_model="big", compat={"field": "x"}, headers={"h": "1"}
)


def built(
    providers: Mapping[str, object] | None = None, *, names: Sequence[str] = (), quiet_s: float | None = None
) -> Catalog:
    file = ModelsFile.model_validate({"providers": providers or {}})
    return build([KNOWN], [], file, names=names, quiet_s=quiet_s)


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
