"""Who may be asked, with what, and why not."""

from collections.abc import AsyncGenerator, Mapping, Sequence

import pytest

from pi_fallback.config.schema import AuthFile, ModelsFile
from pi_fallback.credentials.accounts import Found, accounts, labels
from pi_fallback.credentials.sources import Command, Literal, Login, NoKey, Variable
from pi_fallback_hookspecs import Call, Model, ModelRef, Provider, StreamEvent


async def rehearsed(_call: Call) -> AsyncGenerator[StreamEvent, None]:
    raise NotImplementedError
    yield


NOW = 1_000_000.0
SECRET = "sk-0123456789abcdef"
PROVIDERS = {
    provider.id: provider
    for provider in (
        Provider("one", "https://one.example/v1", env=("ONE_KEY", "ONE_TOKEN")),
        Provider("two", "https://two.example:8443/v1", env=("TWO_KEY",)),
        Provider("acme", "https://acme.example", needs_key=False),
        Provider("local", "http://localhost:1/v1", needs_key=False),
        Provider("wire", needs_key=False, stream=rehearsed),
        Provider("lost", env=("LOST_KEY",)),
        Provider("club", "https://club.example", env=("CLUB_KEY",), login="oauth"),
        Provider(
            "split", "https://split.example", models=(Model(ModelRef("split", "m"), base_url="https://m.example/v1"),)
        ),
    )
}


def found(
    auth: Mapping[str, object] | None = None,
    file: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    named: Sequence[str] = (),
    closed: Mapping[str, str] | None = None,
) -> Found:
    return accounts(
        AuthFile.model_validate(auth or {}),
        ModelsFile.model_validate({"providers": file or {}}),
        PROVIDERS,
        environ or {},
        wall=NOW,
        named=named,
        closed=closed,
        address_variables={"lost": ("LOST_ADDRESS",)},
    )


def key(text: str) -> dict[str, str]:
    return {"type": "api_key", "key": text}


def test_without_anything_there_are_no_accounts() -> None:
    assert found() == ((), (), ())


def test_auth_json_goes_over_models_json_and_that_over_the_environment() -> None:
    environ = {"ONE_KEY": "e", "TWO_KEY": "e"}
    file = {"one": {"apiKey": "m"}, "acme": {"apiKey": "m"}}
    result = found({"one": key("a")}, file, environ)
    assert [(account.provider, account.source, account.found_in) for account in result.accounts] == [
        ("one", Literal("a"), "auth.json"),
        ("acme", Literal("m"), "models.json"),
        ("two", Variable("TWO_KEY"), "$TWO_KEY"),
    ]


def test_accounts_stand_in_the_order_of_auth_json_then_of_the_providers() -> None:
    environ = {"ONE_KEY": "e", "TWO_KEY": "e"}
    assert list(labels(found({"two": key("a")}, {}, environ).accounts)) == ["two", "one"]
    assert list(labels(found({}, {}, environ).accounts)) == ["one", "two"]


def test_the_first_variable_that_is_set_counts() -> None:
    (account,) = found(environ={"ONE_KEY": "", "ONE_TOKEN": "t"}).accounts
    assert account.source == Variable("ONE_TOKEN")


def test_a_key_is_bound_to_the_origin_of_its_provider() -> None:
    result = found({"one": key("a"), "two": key("b")})
    assert [account.origin for account in result.accounts] == ["https://one.example:443", "https://two.example:8443"]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (key("$UNSET"), "the environment variable UNSET is not set"),
        (key("env:BLANK"), "the environment variable BLANK is not set"),
        (key(""), "the key is empty"),
        (key("!"), "there is no command"),
        ({"type": "oauth", "access": SECRET, "expires": NOW * 1000}, "login needed"),
        ({"type": "oauth", "access": SECRET, "refresh": SECRET, "expires": 1}, "login needed"),
    ],
)
def test_an_account_that_cannot_be_used_says_why_and_nobody_takes_its_place(
    entry: dict[str, object], reason: str
) -> None:
    result = found({"one": entry}, environ={"ONE_KEY": "e", "BLANK": " "})
    (account,) = result.accounts
    assert account.unusable is not None
    assert reason in account.unusable
    assert str(result.problems[0]).startswith("auth.json, one.")
    assert reason in str(result.problems[0])
    assert labels(result.accounts) == {}
    assert SECRET not in repr(result)


def test_a_login_that_is_still_valid_is_used() -> None:
    (account,) = found({"one": {"type": "oauth", "access": SECRET, "expires": (NOW + 60) * 1000}}).accounts
    assert (account.kind, account.source, account.unusable) == ("oauth", Login(SECRET, NOW + 60), None)


def test_an_account_may_bring_values_along() -> None:
    entry = {"type": "api_key", "key": "$MINE", "env": {"MINE": "v"}}
    assert found({"one": entry}).accounts[0].source == Variable("MINE", "v")
    assert found({"one": {"type": "api_key", "env": {"ONE_TOKEN": "v"}}}).accounts[0].source == Variable(
        "ONE_TOKEN", "v"
    )
    assert found({"one": {"type": "api_key", "env": {"REGION": "v"}}}).accounts == ()


def test_a_word_in_capitals_is_named_where_it_stands() -> None:
    result = found({"one": key("ONE_KEY")}, {"acme": {"apiKey": "ONE_KEY"}}, {"ONE_KEY": "e"})
    assert [notice.partition(":")[0] for notice in result.notices] == ["auth.json, one", "models.json, acme"]


def test_an_account_of_a_provider_that_nobody_knows_is_named() -> None:
    result = found({"nobody": key("a")})
    assert result.accounts == ()
    assert "nobody" in result.notices[0]


def test_a_provider_that_needs_no_key_is_used_only_if_somebody_spoke_of_it() -> None:
    assert found().accounts == ()
    assert [account.provider for account in found(named=["local", "one"]).accounts] == ["local"]
    assert [account.provider for account in found(file={"local": {}}).accounts] == ["local"]
    (account,) = found(named=["local"]).accounts
    assert (account.kind, account.source) == ("none", NoKey())


def test_a_plugins_own_wire_needs_no_address() -> None:
    (account,) = found(named=["wire"]).accounts
    assert (account.origin, account.unusable) == ("", None)


def test_a_provider_without_address_says_which_variable_would_give_it_one() -> None:
    result = found(environ={"LOST_KEY": SECRET})
    assert [account.unusable for account in result.accounts] == ["it has no address"]
    (problem,) = map(str, result.problems)
    assert problem == '$LOST_KEY: it has no address. Set LOST_ADDRESS, or give it a "baseUrl" in models.json.'


def test_only_a_login_opens_a_provider_that_asks_for_one() -> None:
    result = found({"club": key("a")}, environ={"CLUB_KEY": SECRET})
    assert [account.unusable for account in result.accounts] == ["needs a login"]
    (account,) = found({"club": {"type": "oauth", "access": SECRET, "expires": (NOW + 60) * 1000}}).accounts
    assert account.unusable is None


def test_a_provider_that_is_closed_has_no_usable_account_and_is_not_named_twice() -> None:
    result = found({"one": key("a"), "two": key("$UNSET")}, closed={"one": "why", "two": "why"})
    assert [account.unusable for account in result.accounts] == ["why", "why"]
    assert result.problems == ()


def test_a_key_also_belongs_to_the_addresses_of_single_models() -> None:
    (account,) = found({"split": key("a")}).accounts
    assert (account.origin, account.also) == ("https://split.example:443", {"https://m.example:443"})


def test_a_command_does_not_print() -> None:
    result = found({"one": key(f"!echo {SECRET}")})
    assert result.accounts[0].source == Command(f"echo {SECRET}")
    assert SECRET not in repr(result)
