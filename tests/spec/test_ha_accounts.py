"""Accounts of high availability, case by case: ha.json and auth.json know the same, and nobody's login is lost.

On real files, under the real locks. The ids are those of the cases and of faults that others had.
"""

import base64
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pi_fallback.credentials import account_edits
from pi_fallback.credentials.keeping import Keeper
from pi_fallback.errors import ConfigError
from tests.rigs import Rig
from tests.spec.test_ha import K0, K1, LIMIT, answered, by_account, ha, known, notices

pytestmark = pytest.mark.anyio
NOW = 1_800_000_000.0
HOUR_MS = 3_600_000
Json = Any


class Home:
    """An agent directory and the keeper of its accounts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = NOW
        self.keeper = Keeper.of(folder, lambda: self.now, Random(1))

    def write(self, auth: Mapping[str, Json], credentials: Mapping[str, Json] | None = None) -> None:
        (self.folder / "auth.json").write_text(json.dumps(auth))
        if credentials is not None:
            (self.folder / "ha.json").write_text(json.dumps({"credentials": credentials, "mine": 1}))

    def live(self, provider: str = "pa") -> Json:
        return self._read("auth.json").get(provider)

    def stored(self, provider: str = "pa") -> Json:
        return self._read("ha.json")["credentials"].get(provider)

    def log_in(self, entry: Json, provider: str = "pa") -> None:
        """As pi does it: the entry of the provider is replaced."""
        (self.folder / "auth.json").write_text(json.dumps({**self._read("auth.json"), provider: entry}))

    async def log_in_here(self, entry: Json) -> None:
        await self.keeper.change(lambda books: account_edits.logged_in(books, "pa", entry, self.now))

    def bytes(self) -> dict[str, tuple[bytes, int]]:
        files = ("auth.json", "ha.json")
        return {name: ((path := self.folder / name).read_bytes(), path.stat().st_ino) for name in files}

    def _read(self, name: str) -> Json:
        return json.loads((self.folder / name).read_text())


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def key(text: str) -> Json:
    return {"type": "api_key", "key": text}


def login(refresh: str, expires_in_ms: int = HOUR_MS, **more: str) -> Json:
    expires = NOW * 1000 + expires_in_ms
    return {"type": "oauth", "access": f"access of {refresh}", "refresh": refresh, "expires": expires, **more}


KEYS = {"primary": key("k0"), "backup-1": key("k1"), "backup-2": key("k2")}


async def test_t44_an_account_of_both_files_is_known_again_and_nothing_is_written(home: Home) -> None:
    home.write({"pa": key("k1")}, {"pa": KEYS})
    before = home.bytes()
    assert await home.keeper.sync() == ()
    assert home.keeper.sync_at_start() == ""
    assert home.bytes() == before
    assert await home.keeper.activate("pa", "backup-1") == ()  # it is the active one
    assert home.bytes() == before


async def test_t47_fk2_another_login_never_takes_the_place_of_the_first(home: Home) -> None:
    first, second = login("r1", email="one@x.test"), login("r2", email="two@x.test")
    home.write({"pa": second}, {"pa": {"primary": first}})
    assert await home.keeper.sync() == ("pa: the account in auth.json is now backup-1.",)
    assert home.stored() == {"primary": first, "backup-1": second}
    assert home.live() == second


async def test_t48_b19_rotated_tokens_are_written_back_before_another_account_is_activated(home: Home) -> None:
    old, rotated = login("r1", email="a@x.test"), login("r9", 2 * HOUR_MS, email="a@x.test")
    home.write({"pa": rotated, "zz": key("z")}, {"pa": {"primary": old, "backup-1": login("r2", email="b@x.test")}})
    await home.keeper.activate("pa", "backup-1")
    assert home.stored()["primary"] == rotated
    assert home.live() == login("r2", email="b@x.test")
    assert home.live("zz") == key("z")
    await home.keeper.activate("pa", "primary")
    assert home.live() == rotated


@pytest.mark.parametrize("auth", ['{"pa": {', "", "[]"])
async def test_t49_b16_with_an_unparsable_auth_json_nothing_is_switched_or_written(auth: str, home: Home) -> None:
    home.write({}, {"pa": KEYS})
    (home.folder / "auth.json").write_text(auth)
    before = home.bytes()
    with pytest.raises(ConfigError, match=r"auth\.json"):
        await home.keeper.activate("pa", "backup-1")
    with pytest.raises(ConfigError, match=r"auth\.json"):
        await home.keeper.sync()
    assert home.keeper.sync_at_start() == ""
    assert home.bytes() == before


@pytest.mark.parametrize("ha", ['{"credentials": {', "", '{"credentials": 3}'])
async def test_b17_an_unparsable_ha_json_is_never_written_over(ha: str, home: Home) -> None:
    home.write({"pa": key("k1")}, {})
    (home.folder / "ha.json").write_text(ha)
    before = home.bytes()
    with pytest.raises(ConfigError, match=r"ha\.json"):
        await home.keeper.sync()
    assert home.keeper.sync_at_start() == ""
    assert home.bytes() == before


@pytest.mark.parametrize(
    ("stored", "label"),
    [
        ({}, "primary"),
        ({"primary": key("k0")}, "backup-1"),
        ({"primary": key("k0"), "backup-2": key("k2")}, "backup-1"),
        ({"backup-1": key("k0"), "backup-2": key("k2")}, "primary"),
        ({"primary": key("k0"), "backup-1": {"type": "broken"}, "backup-2": 3}, "backup-3"),
    ],
)
async def test_b18_a_new_account_gets_the_lowest_free_name(stored: Json, label: str, home: Home) -> None:
    home.write({"pa": key("new")}, {"pa": stored})
    await home.keeper.sync()
    assert home.stored() == {**stored, label: key("new")}


JWT = ".".join(["h", base64.urlsafe_b64encode(b'{"sub": "u1", "iss": "i"}').decode().rstrip("="), "s"])
SAME = {
    "by account id": (login("r1", accountId="acc", email="x@x.test"), login("r2", accountId="acc", email="y@x.test")),
    "by e-mail, in whatever case": (login("r1", email="A@x.test"), login("r2", email="a@x.test")),
    "by e-mail within a project": (login("r1", email="a@x", projectId="p"), login("r2", email="a@x", projectId="p")),
    "by what its token says": (login("r1", access=JWT), login("r2", access=JWT)),
    "by the refresh token": (login("r1"), login("r1", email="a@x.test")),
}
OTHER = {
    "by account id, with one e-mail": (
        login("r1", accountId="a", email="x@x"),
        login("r2", accountId="b", email="x@x"),
    ),
    "by project": (login("r1", email="a@x", projectId="p"), login("r2", email="a@x", projectId="q")),
    "by e-mail": (login("r1", email="a@x"), login("r2", email="b@x")),
    "for no reason to the contrary": (login("r1"), login("r2")),
    "by kind": (login("r1"), key("r1")),
}


@pytest.mark.parametrize("case", SAME)
async def test_b19_a_login_is_the_same_account(case: str, home: Home) -> None:
    old, new = SAME[case]
    new = {**new, "expires": new["expires"] + 1}
    home.write({"pa": new}, {"pa": {"primary": old}})
    await home.keeper.sync()
    assert home.stored() == {"primary": {**old, **new}}


@pytest.mark.parametrize("case", OTHER)
async def test_b19_a_login_is_another_account(case: str, home: Home) -> None:
    old, new = OTHER[case]
    home.write({"pa": new}, {"pa": {"primary": old}})
    await home.keeper.sync()
    assert home.stored() == {"primary": old, "backup-1": new}


async def test_b19_a_nameless_login_that_ran_out_in_its_place_was_renewed(home: Home) -> None:
    home.write({"pa": login("r1")}, {"pa": {"primary": {**login("r1"), "note": "mine"}}})
    await home.keeper.sync()
    home.now += 3600
    home.log_in(login("r2", 2 * HOUR_MS))
    assert home.keeper.sync_at_start() == ""
    assert home.stored() == {"primary": {**login("r2", 2 * HOUR_MS), "note": "mine"}}
    home.now += 3600
    home.log_in(login("r3", 3 * HOUR_MS))
    await home.keeper.sync()
    assert list(home.stored()) == ["primary"]
    assert home.stored()["primary"]["refresh"] == "r3"


async def test_b19_a_nameless_login_beside_one_that_is_still_good_is_another_account(home: Home) -> None:
    home.write({"pa": login("r1")}, {"pa": {"primary": login("r1")}})
    await home.keeper.sync()
    home.now += 60
    home.log_in(login("r2"))
    await home.keeper.sync()
    assert home.stored() == {"primary": login("r1"), "backup-1": login("r2")}


async def test_b19_a_nameless_login_that_was_renewed_in_ha_json_is_not_taken_for_a_deleted_one(home: Home) -> None:
    stored = {"primary": key("k0"), "backup-1": login("r1")}
    home.write({"pa": key("k0")}, {"pa": stored})
    await home.keeper.sync()
    for number in range(2, 5):
        renewed = login(f"r{number}", number * HOUR_MS)
        home.write({"pa": key("k0")}, {"pa": {**stored, "backup-1": renewed}})
        await home.keeper.sync()
    memory = json.loads((home.folder / "pi-fallback" / "accounts.json").read_text())
    assert [known["gone"] for known in memory["known"]["pa"]] == [False, False]
    assert len(memory["known"]["pa"][1]["seen"]) == 4
    home.log_in(login("r2", 2 * HOUR_MS))  # an old copy
    await home.keeper.sync()
    assert (home.live(), list(home.stored())) == (login("r4", 4 * HOUR_MS), ["primary", "backup-1"])


async def test_b19_an_old_token_never_takes_the_place_of_the_one_it_was_renewed_to(home: Home) -> None:
    home.write({"pa": login("r1")}, {"pa": {"primary": login("r1")}})
    await home.keeper.sync()
    home.now += 3600
    home.log_in(login("r2", 2 * HOUR_MS))
    await home.keeper.sync()
    home.log_in(login("r1"))  # a copy of auth.json came back
    assert await home.keeper.sync() == ("pa primary was newer in ha.json.",)
    assert home.live() == login("r2", 2 * HOUR_MS)


@pytest.mark.parametrize("kept_in", ["auth.json", "ha.json"])
async def test_b19_a_token_never_seen_is_newer_than_a_known_one_that_ends_later(kept_in: str, home: Home) -> None:
    long, short = login("r1", 9000 * HOUR_MS, email="a@x.test"), login("r2", email="a@x.test")
    home.write({"pa": long}, {"pa": {"primary": long}})
    await home.keeper.sync()
    if kept_in == "auth.json":
        home.log_in(short)
    else:
        home.write({"pa": long}, {"pa": {"primary": short}})
    await home.keeper.sync()
    assert (home.live(), home.stored()) == (short, {"primary": short})


async def test_b19_a_copy_so_old_that_it_is_forgotten_never_takes_the_place_of_a_good_login(home: Home) -> None:
    old, good = login("r0", -HOUR_MS, email="a@x.test"), login("r1", email="a@x.test")
    home.write({"pa": good}, {"pa": {"primary": good}})
    await home.keeper.sync()
    home.log_in(old)
    await home.keeper.sync()
    assert (home.live(), home.stored()) == (good, {"primary": good})


async def test_tokens_that_were_renewed_in_ha_json_come_to_auth_json(home: Home) -> None:
    old, new = login("r1", email="a@x.test"), login("r2", 2 * HOUR_MS, email="a@x.test")
    home.write({"pa": {**old, "theirs": 1}}, {"pa": {"primary": new}})
    await home.keeper.sync()
    assert home.live() == {**new, "theirs": 1}


async def test_a_new_access_for_the_same_refresh_token_is_the_same_account(home: Home) -> None:
    new = {**login("r1", 2 * HOUR_MS), "access": "newer"}
    home.write({"pa": new}, {"pa": {"primary": login("r1")}})
    await home.keeper.sync()
    assert home.stored() == {"primary": new}


async def test_b21_fk1_an_account_that_was_deleted_does_not_come_back(home: Home) -> None:
    home.write({"pa": key("k1")}, {"pa": KEYS})
    await home.keeper.sync()
    books = await home.keeper.change(lambda books: account_edits.removed(books, "pa", "backup-1"))
    assert list(books.stored("pa")) == ["primary", "backup-2"]
    assert home.live() == key("k0")
    home.log_in(key("k1"))  # an old copy of auth.json is put back
    await home.keeper.sync()
    assert list(home.stored()) == ["primary", "backup-2"]
    await home.log_in_here(key("k1"))  # but a login is meant
    assert home.stored() == {"primary": key("k0"), "backup-2": key("k2"), "backup-1": key("k1")}


async def test_b21_an_account_that_was_deleted_by_hand_does_not_come_back_until_a_new_login(home: Home) -> None:
    home.write({"pa": login("r1", email="a@x.test")}, {"pa": {"primary": login("r1", email="a@x.test")}})
    await home.keeper.sync()
    home.write({"pa": login("r1", email="a@x.test")}, {})
    for _ in range(2):
        await home.keeper.sync()
        assert home.stored() is None
    home.now += 3600
    home.log_in(login("r2", 2 * HOUR_MS))  # pi renewed it
    await home.keeper.sync()
    assert home.stored() is None
    home.log_in(login("r3", 3 * HOUR_MS, email="a@x.test"))
    await home.keeper.sync()
    assert home.stored() == {"primary": login("r3", 3 * HOUR_MS, email="a@x.test")}


async def test_b21_an_account_that_only_auth_json_has_is_stored_before_another_takes_its_place(home: Home) -> None:
    home.write({"pa": login("r1")}, {"pa": {"primary": login("r1"), "backup-1": key("k1")}})
    await home.keeper.sync()
    home.write({"pa": login("r1")}, {"pa": {"backup-1": key("k1")}})  # taken out by hand
    await home.keeper.sync()
    assert home.stored() == {"backup-1": key("k1")}
    said = await home.keeper.activate("pa", "backup-1")
    assert said == ("pa: the account that was in auth.json is primary now.",)
    assert (home.live(), home.stored()) == (key("k1"), {"backup-1": key("k1"), "primary": login("r1")})
    home.write({"pa": key("k1")}, {"pa": {"primary": login("r1")}})
    await home.keeper.sync()
    await home.log_in_here(login("r2"))
    assert home.stored() == {"primary": login("r1"), "backup-1": key("k1"), "backup-2": login("r2")}


@pytest.mark.parametrize("left", [None, {"defaultGroup": "g"}])
async def test_b21_without_stored_accounts_one_starts_over_and_nothing_was_deleted(left: Json, home: Home) -> None:
    home.write({"pa": login("r1")}, {"pa": {"primary": login("r1"), "backup-1": key("k1")}})
    await home.keeper.sync()
    (home.folder / "ha.json").unlink()
    if left is not None:
        (home.folder / "ha.json").write_text(json.dumps(left))
    assert await home.keeper.sync() == ("pa: the account in auth.json is now primary.",)
    assert home.stored() == {"primary": login("r1")}


@pytest.mark.parametrize("odd", [{"type": "wif", "audience": "mine"}, {"type": "oauth"}, "text", None])
async def test_b16_what_is_no_account_in_auth_json_is_never_written_over(odd: Json, home: Home) -> None:
    home.write({"pa": odd}, {"pa": KEYS})
    before = home.bytes()
    with pytest.raises(ConfigError, match=r"auth\.json has something for pa that is no known account\. Remove it"):
        await home.keeper.activate("pa", "primary")
    with pytest.raises(ConfigError, match="no known account"):
        await home.log_in_here(login("r1"))
    assert home.bytes() == before


async def test_b20_removing_the_live_account_puts_the_next_one_in_its_place(home: Home) -> None:
    home.write({"zz": key("z"), "pa": login("r1")}, {"pa": {"primary": login("r1"), "backup-1": key("k1")}})
    await home.keeper.change(lambda books: account_edits.removed(books, "pa", "primary"))
    assert (home.live(), home.stored()) == (key("k1"), {"backup-1": key("k1")})
    await home.keeper.change(lambda books: account_edits.removed(books, "pa", "backup-1"))
    assert (home.live(), home.stored(), home.live("zz")) == (None, None, key("z"))
    await home.keeper.sync()
    assert home.stored() is None


async def test_fk1_a_new_label_stays_and_the_old_one_does_not_come_back(home: Home) -> None:
    home.write({"pa": key("k0")}, {"pa": {**KEYS, "__meta": {"defaultName": "primary", "x": 1}}})
    await home.keeper.sync()
    await home.keeper.change(lambda books: account_edits.renamed(books, "pa", "primary", "work"))
    assert await home.keeper.sync() == ()
    assert list(home.stored()) == ["work", "backup-1", "backup-2", "__meta"]
    assert home.stored()["__meta"] == {"defaultName": "work", "x": 1}


async def test_b28_reserved_names_are_tolerated_and_are_no_accounts(home: Home) -> None:
    meta = {"type": "oauth", "__meta": {"type": "api_key", "key": "k9", "defaultName": "primary"}}
    home.write({"pa": key("k9")}, {"pa": {**meta, "primary": key("k0")}})
    await home.keeper.sync()
    assert home.stored() == {**meta, "primary": key("k0"), "backup-1": key("k9")}
    for label in ("type", "__meta"):
        with pytest.raises(ConfigError, match="no account"):
            await home.keeper.activate("pa", label)
        with pytest.raises(ConfigError, match="means something else"):
            await home.keeper.change(lambda books: account_edits.renamed(books, "pa", "primary", label))  # noqa: B023


async def test_variables_and_commands_are_compared_as_they_are_written_and_never_run(home: Home) -> None:
    touch = f"!touch {home.folder / 'ran'}"
    stored = {"primary": key("$A_KEY"), "backup-1": key(touch)}
    home.write({"pa": key(touch), "pb": key("$B_KEY")}, {"pa": stored})
    await home.keeper.sync()
    assert home.stored() == stored
    assert home.stored("pb") == {"primary": key("$B_KEY")}
    assert not (home.folder / "ran").exists()


async def test_what_is_remembered_holds_no_secret_and_no_name(home: Home) -> None:
    home.write({"pa": login("r-secret", email="me@x.test", accountId="acc-1")}, {"pa": {"primary": key("k-secret")}})
    await home.keeper.sync()
    memory = home.folder / "pi-fallback" / "accounts.json"
    assert memory.stat().st_mode & 0o777 == 0o600
    for word in ("secret", "me@x", "acc-1"):
        assert word not in memory.read_text()


@pytest.mark.parametrize("text", ["{", '{"salt": 3}', '{"known": {}}'])
async def test_a_memory_that_cannot_be_read_is_begun_anew(text: str, home: Home) -> None:
    home.write({"pa": key("k1")}, {"pa": KEYS})
    memory = home.folder / "pi-fallback" / "accounts.json"
    memory.parent.mkdir()
    memory.write_text(text)
    await home.keeper.sync()
    assert len(json.loads(memory.read_text())["known"]["pa"]) == 3


def test_without_an_ha_json_a_start_makes_none(home: Home) -> None:
    home.write({"pa": key("k1")})
    assert home.keeper.sync_at_start() == ""
    assert [path.name for path in home.folder.iterdir()] == ["auth.json"]


async def test_b16_two_keepers_lose_no_entry_of_each_other(home: Home) -> None:
    home.write({"pa": key("k0"), "other": {"type": "api_key", "key": "$X", "note": [1, None]}}, {"pa": KEYS})
    for label in ("backup-1", "backup-2", "primary"):
        await home.keeper.activate("pa", label)
        assert home.live("other") == {"type": "api_key", "key": "$X", "note": [1, None]}
    assert json.loads((home.folder / "ha.json").read_text())["mine"] == 1


async def test_a_login_keeps_the_account_that_it_replaces(home: Home) -> None:
    home.write({"pa": key("k0")})
    await home.log_in_here(login("r2"))
    assert home.live() == login("r2")
    assert home.stored() == {"primary": key("k0"), "backup-1": login("r2")}
    await home.log_in_here(login("r3"))  # nameless, and r2 is good for an hour
    assert list(home.stored()) == ["primary", "backup-1", "backup-2"]


async def test_a_login_of_an_account_that_is_stored_renews_it(home: Home) -> None:
    home.write(
        {"pa": key("k1")}, {"pa": {"primary": login("r1", 9 * HOUR_MS, email="a@x.test"), "backup-1": key("k1")}}
    )
    await home.log_in_here(login("r2", email="a@x.test"))
    assert home.stored() == {"primary": login("r2", email="a@x.test"), "backup-1": key("k1")}


# The commands of a session. Provider a has the accounts k0 (the one in auth.json), k1 and k2.


def wired(r: Rig, home: Home) -> None:
    plugin = known(r)
    plugin.accounts = [row._replace(places="auth.json") if row.label == "primary" else row for row in plugin.accounts]
    plugin.keeper = home.keeper


async def test_t48_ha_activate_puts_the_account_into_auth_json_and_the_session_goes_on_with_it(home: Home) -> None:
    home.write({"a": key("k0")}, {"a": KEYS})
    async with ha({}) as r:
        wired(r, home)
        await r.agent.command("/ha-activate a backup-1")
        assert r.agent.route == K1
        assert home.live("a") == key("k1")
        assert home.stored("a") == KEYS
        assert "auth.json has a backup-1 now." in notices(r)


async def test_an_account_that_stands_in_the_environment_too_goes_into_auth_json(home: Home) -> None:
    home.write({"a": key("k0")}, {"a": KEYS})
    async with ha({}) as r:
        wired(r, home)
        plugin = known(r)
        plugin.accounts = [
            row._replace(places="$KEY, ha.json") if row.label == "backup-1" else row for row in plugin.accounts
        ]
        await r.agent.command("/ha-activate a backup-1")
        assert home.live("a") == key("k1")


async def test_b21_ha_activate_says_where_the_account_went_that_only_auth_json_had(home: Home) -> None:
    home.write({"a": key("k0")}, {"a": KEYS})
    await home.keeper.sync()
    home.write({"a": key("k0")}, {"a": {"backup-1": key("k1")}})
    async with ha({}) as r:
        wired(r, home)
        await r.agent.command("/ha-activate a backup-1")
        assert notices(r)[-1] == "a: the account that was in auth.json is primary now.\nauth.json has a backup-1 now."


async def test_t49_ha_activate_switches_nothing_if_auth_json_cannot_be_parsed(home: Home) -> None:
    home.write({}, {"a": KEYS})
    (home.folder / "auth.json").write_text('{"a": ')
    before = home.bytes()
    async with ha({}) as r:
        wired(r, home)
        await r.agent.command("/ha-activate a backup-1")
        assert r.agent.route == K0
        (notice,) = notices(r)
        assert notice.startswith("a backup-1 was not activated: ")
        assert "auth.json, line 1: is not valid JSON" in notice
    assert home.bytes() == before


async def test_a_failover_by_itself_writes_neither_file(home: Home) -> None:
    home.write({"a": key("k0")}, {"a": KEYS})
    before = home.bytes()
    async with ha({"A": by_account(k0=LIMIT)}) as r:
        wired(r, home)
        assert await answered(r) == "from k1"
        assert r.agent.route == K1
    assert home.bytes() == before


async def test_ha_sync_stores_what_was_logged_in_elsewhere_and_says_so(home: Home) -> None:
    home.write({"a": login("r1")})
    async with ha({}) as r:
        wired(r, home)
        await r.agent.command("/ha")
        assert not (home.folder / "ha.json").exists()
        await r.agent.command("/ha-sync")
        assert home.stored("a") == {"primary": login("r1")}
        await r.agent.command("/ha-sync")
        assert notices(r)[-2:] == [
            "a: the account in auth.json is now primary.",
            "auth.json and ha.json know the same accounts.",
        ]
        home.log_in(login("r2"), "a")
        await r.agent.command("/ha")
        assert home.stored("a") == {"primary": login("r1"), "backup-1": login("r2")}
        assert notices(r)[-1].startswith("a: the account in auth.json is now backup-1.\nGroup g: active")


@pytest.mark.parametrize("command", ["/ha-sync", "/ha"])
async def test_a_file_that_cannot_be_parsed_is_named_by_the_command(command: str, home: Home) -> None:
    home.write({}, {"a": KEYS})
    (home.folder / "auth.json").write_text('{"a": ')
    async with ha({}) as r:
        wired(r, home)
        await r.agent.command(command)
        assert "auth.json, line 1: is not valid JSON" in notices(r)[-1]


ACTIVATING = """
import sys, time
from pathlib import Path
from random import Random
import anyio
from pi_fallback.credentials.keeping import Keeper

keeper = Keeper.of(Path(sys.argv[1]), time.time, Random())

async def work():
    for n in range(24):
        await keeper.activate(sys.argv[2], ("backup-1", "primary")[n % 2])

anyio.run(work)
"""


def test_b16_processes_that_write_at_once_lose_no_entry_of_each_other(home: Home) -> None:
    stored = {"primary": login("r1", email="a@x"), "backup-1": login("r2", email="b@x")}
    home.write(dict.fromkeys(("pa", "pb", "pc"), stored["primary"]), {"pa": stored, "pb": stored})
    command = [sys.executable, "-c", ACTIVATING, str(home.folder)]
    started = [subprocess.Popen([*command, provider]) for provider in ("pa", "pb")]
    assert [process.wait() for process in started] == [0, 0]
    assert [home.live(provider) for provider in ("pa", "pb", "pc")] == [stored["primary"]] * 3
    assert [home.stored(provider) for provider in ("pa", "pb")] == [stored, stored]
    assert home.stored("pc") == {"primary": stored["primary"]}
