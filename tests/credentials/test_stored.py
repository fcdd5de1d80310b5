"""Stored accounts: those of ha.json join the one that was found elsewhere."""

from collections.abc import Mapping

import pytest

from pi_fallback.config.ha import HaFile
from pi_fallback.config.schema import AuthFile, ModelsFile
from pi_fallback.credentials.accounts import Found, accounts, labels
from pi_fallback.credentials.redaction import Redactor
from pi_fallback.credentials.stored import joined
from pi_fallback.credentials.vault import Vault
from pi_fallback.errors import CredentialError
from pi_fallback_hookspecs import Provider, Route

A = Provider("a", "https://a.test/v1", env=("A_KEY",))
B = Provider("b", "https://b.test/v1", needs_key=False)
KEYS = {"primary": "k-zero-000", "backup-1": "k-one-1111", "backup-2": "k-two-2222"}


def find(
    stored: Mapping[str, Mapping[str, object]],
    auth: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    now: float = 0.0,
) -> Found:
    providers, environ = {"a": A, "b": B}, environ or {}
    base = accounts(AuthFile.model_validate(auth or {}), ModelsFile(), providers, environ, wall=now, named=("b",))
    entries = HaFile.model_validate({"credentials": stored}).stored()
    return joined(base, entries, providers, environ, wall=now, closed={}, address_variables={})


def key(text: str) -> dict[str, object]:
    return {"type": "api_key", "key": text}


STORED = {"a": {label: key(text) for label, text in KEYS.items()}}


def test_each_stored_account_is_one_of_its_provider_in_the_order_of_the_file() -> None:
    assert labels(find(STORED).accounts)["a"] == ("primary", "backup-1", "backup-2")


def test_the_account_in_use_is_known_again_by_its_key_and_comes_first() -> None:
    found = find(STORED, {"a": key(KEYS["backup-1"])})
    assert labels(found.accounts)["a"] == ("backup-1", "primary", "backup-2")


def test_a_key_in_the_environment_is_the_stored_one_that_names_its_variable() -> None:
    found = find({"a": {"primary": key("$A_KEY"), "backup-1": key("k-one-1111")}}, environ={"A_KEY": "k-zero-000"})
    assert labels(found.accounts)["a"] == ("primary", "backup-1")


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (STORED, ("backup-3", "primary", "backup-1", "backup-2")),
        ({"a": {"backup-1": key("k-one-1111")}}, ("primary", "backup-1")),
        ({"a": {"primary": key("x"), "backup-2": key("y")}}, ("backup-1", "primary", "backup-2")),
    ],
)
def test_an_account_that_is_not_stored_takes_the_lowest_free_label(
    stored: Mapping[str, Mapping[str, object]], expected: tuple[str, ...]
) -> None:
    assert labels(find(stored, {"a": key("another-key")}).accounts)["a"] == expected


def test_a_provider_that_needs_no_key_is_asked_with_the_keys_that_there_are() -> None:
    assert labels(find({"b": {"spare": key("k")}}).accounts)["b"] == ("spare",)
    assert labels(find({}).accounts)["b"] == ("primary",)


def test_an_account_that_cannot_be_used_is_named_by_its_field() -> None:
    found = find({"a": {"primary": key("$NOT_SET"), "backup-1": key("k-one-1111")}})
    assert labels(found.accounts)["a"] == ("backup-1",)
    (problem,) = found.problems
    assert str(problem).startswith("ha.json, credentials.a.primary.key: the environment variable NOT_SET is not set")


def test_an_account_without_a_key_is_said_unless_it_brings_variables() -> None:
    entries = {"primary": {"type": "api_key"}, "x": {"type": "api_key", "env": {"MINE": "1"}}}
    found = find({"a": entries}, {"a": {"type": "api_key"}})
    assert "a" not in labels(found.accounts)
    assert [str(problem) for problem in found.problems] == [
        'auth.json, a: has no key. Write "key" into it, or take it out.',
        'ha.json, credentials.a.primary: has no key. Write "key" into it, or take it out.',
    ]


def test_a_login_holds_until_it_expires_and_without_a_time_for_good() -> None:
    login = {"type": "oauth", "access": "t", "refresh": "r"}
    found = find({"a": {"primary": {**login, "expires": 5000}, "backup-1": login}}, now=10.0)
    assert labels(found.accounts)["a"] == ("backup-1",)


def test_accounts_of_an_unknown_provider_are_said_and_passed_over() -> None:
    assert find({"z": {"primary": key("k")}}).notices == (
        "ha.json has accounts for z, which is no provider that is known here.",
    )


@pytest.mark.anyio
async def test_each_key_goes_to_the_origin_of_its_provider_only() -> None:
    found = find(STORED)
    vault = Vault(found.accounts, {}, Redactor(), wall=lambda: 0.0)
    for label, text in KEYS.items():
        got = await vault.key_for(Route("a", "m", label), "https://a.test/v1")
        assert got is not None
        assert got.reveal("https://a.test:443") == text
        with pytest.raises(CredentialError, match="sent nowhere else"):
            await vault.key_for(Route("a", "m", label), "https://b.test/v1")
