"""The pool: which routes there are, and in which order, without any configuration."""

from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.core.catalog import Catalog
from pi_fallback.core.patterns import Choice
from pi_fallback.core.pool import default_of, pool
from pi_fallback_hookspecs import Model, ModelRef, Provider, Route


def provider(name: str, *models: str, default: str = "") -> Provider:
    return Provider(name, models=tuple(Model(ModelRef(name, model)) for model in models), default_model=default)


def catalog(*providers: Provider, deaf: frozenset[str] = frozenset()) -> Catalog:
    models = {model.ref: model for found in providers for model in found.models}
    models |= {ref: Model(ref, tools=False) for ref in models if ref.id in deaf}
    return Catalog({found.id: found for found in providers}, models)


THREE = catalog(
    provider("a", "a1", "a2", default="a1"),
    provider("b", "b1", "b2", "b-chat", default="b2"),
    provider("c", "c1"),
    deaf=frozenset({"b-chat"}),
)
ALL = {"b": ("primary",), "a": ("primary",), "c": ("primary",)}


def order(routes: tuple[Route, ...]) -> list[str]:
    return [str(route) for route in routes]


def test_defaults_of_all_providers_come_before_their_other_models_in_the_order_of_the_accounts() -> None:
    assert order(pool(THREE, ALL)) == ["b/b2", "a/a1", "c/c1", "b/b1", "a/a2"]


def test_the_session_model_leads_and_its_provider_has_no_second_turn_before_the_others() -> None:
    assert order(pool(THREE, ALL, first=ModelRef("a", "a2"))) == ["a/a2", "b/b2", "c/c1", "b/b1", "a/a1"]


def test_a_model_that_takes_no_tools_is_no_fallback_but_may_be_the_session_model() -> None:
    assert "b/b-chat" not in order(pool(THREE, ALL))
    assert order(pool(THREE, ALL, first=ModelRef("b", "b-chat")))[0] == "b/b-chat"


def test_a_provider_without_usable_account_is_left_out() -> None:
    assert order(pool(THREE, {"a": ("primary",), "c": ()})) == ["a/a1", "a/a2"]


def test_all_accounts_of_a_model_stand_side_by_side() -> None:
    routes = pool(THREE, {"a": ("primary", "backup-1"), "c": ("primary",)})
    assert order(routes) == ["a/a1", "a/a1 (backup-1)", "c/c1", "a/a2", "a/a2 (backup-1)"]


def test_enabled_models_replace_the_order() -> None:
    enabled = [Choice(ModelRef("c", "c1")), Choice(ModelRef("a", "a2"), "high")]
    assert order(pool(THREE, ALL, enabled=enabled)) == ["c/c1", "a/a2"]
    assert order(pool(THREE, ALL, first=ModelRef("a", "a2"), enabled=enabled)) == ["c/c1", "a/a2"]
    assert order(pool(THREE, ALL, first=ModelRef("b", "b1"), enabled=enabled)) == ["b/b1", "c/c1", "a/a2"]


def test_a_default_that_does_not_exist_is_replaced_by_the_first_model() -> None:
    assert default_of(catalog(provider("a", "a1", default="gone")), "a") == ModelRef("a", "a1")
    assert default_of(catalog(provider("a")), "a") is None
    assert default_of(THREE, "nobody") is None


@given(st.permutations(["a", "b", "c"]), st.sampled_from([None, *THREE.models]))
def test_every_route_stands_in_the_pool_once(providers: list[str], first: ModelRef | None) -> None:
    routes = pool(THREE, dict.fromkeys(providers, ("primary",)), first=first)
    assert len(routes) == len(set(routes))
    assert {route.ref for route in routes} >= {ref for ref, model in THREE.models.items() if model.tools}
