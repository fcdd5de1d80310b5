"""Syncing: laws that hold whatever happens to the two files, in whatever order."""

from dataclasses import replace
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from pi_fallback.credentials.account_edits import activated, removed, renamed, reordered
from pi_fallback.credentials.memory import Memory
from pi_fallback.credentials.syncing import Books, live_label, synced

PEOPLE = ("ann", "bob", "cy")
WALL = 1_800_000_000.0
EMPTY = Books({"other": {"type": "api_key", "key": "o"}, "mine": 3}, {}, Memory(salt="s"))
Step = tuple[str, str]
ACTS = st.sampled_from(("log in", "renew", "activate", "remove", "delete", "rename", "order", "sync"))
STEPS = st.lists(st.tuples(ACTS, st.sampled_from(PEOPLE)), max_size=25)


def login(person: str, number: int) -> Any:
    tokens = {"access": f"a{number}", "refresh": f"r{number}", "expires": WALL * 1000 + number}
    return {"type": "oauth", **tokens, "email": f"{person}@x.test"}


class Model:
    """What the files should hold: the last login of each person that is stored, and who is in auth.json."""

    def __init__(self) -> None:
        self.books = synced(EMPTY, wall=WALL)
        self.stored: dict[str, Any] = {}
        self.live: str | None = None
        self.number = 0

    def label(self, person: str) -> str | None:
        accounts = self.books.stored("p").items()
        return next((label for label, entry in accounts if entry.get("email") == f"{person}@x.test"), None)

    def play(self, what: str, person: str) -> None:
        label = self.label(person)
        self.number += 1
        new = login(person, self.number)
        match what:
            case "log in":  # by pi
                self.books, self.live = self.books.with_live("p", new), person
                self.stored[person] = new
            case "renew" if self.live == person and person in self.stored:
                self.books = self.books.with_live("p", new)
                self.stored[person] = new
            case "activate" if label is not None:
                self.books, self.live = activated(self.books, "p", label), person
            case "remove" if label is not None:
                was_live = live_label(self.books, "p") == label
                self.books = removed(self.books, "p", label)
                del self.stored[person]
                if was_live:
                    left = self.books.live("p")
                    self.live = None if left is None else str(left["email"]).partition("@")[0]
            case "delete" if label is not None and self.live != person:  # by hand
                accounts = {name: entry for name, entry in self.books.stored("p").items() if name != label}
                self.books = replace(self.books, credentials={**self.books.credentials, "p": accounts})
                del self.stored[person]
            case "rename" if label is not None:
                self.books = renamed(self.books, "p", label, f"{label[:9]}x{self.number}")
            case "order" if label is not None:
                self.books = reordered(self.books, "p", [label])
            case _:
                pass
        self.books = synced(self.books, wall=WALL)


@given(STEPS)
@example([("log in", "ann"), ("remove", "ann"), ("log in", "ann")])
def test_the_last_login_of_everybody_is_kept_and_nobody_else(steps: list[Step]) -> None:
    model = Model()
    for what, person in steps:
        model.play(what, person)
        found = {str(entry["email"]).partition("@")[0]: entry for entry in model.books.stored("p").values()}
        assert found == model.stored
        live = model.books.live("p")
        assert live == (None if model.live is None else model.stored[model.live])
        assert model.books.stored("other") == {"primary": {"type": "api_key", "key": "o"}}
        assert model.books.auth["mine"] == 3


@given(STEPS)
def test_a_second_sync_changes_nothing(steps: list[Step]) -> None:
    model = Model()
    for what, person in steps:
        model.play(what, person)
        again = synced(model.books, wall=WALL)
        assert again == model.books
        assert list(again.auth) == list(model.books.auth)
        assert {p: list(again.stored(p)) for p in again.credentials} == {
            p: list(model.books.stored(p)) for p in model.books.credentials
        }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ("type", "key", "env", "access", "refresh", "expires", "email", "accountId", "projectId", "__meta")
ENTRY = st.dictionaries(st.sampled_from(FIELDS), JSON | st.sampled_from(("api_key", "oauth", "a.e30.c")), max_size=6)


ACCOUNTS = st.dictionaries(st.sampled_from(("primary", "type", "__meta", "x")), ENTRY | JSON)


@given(
    st.dictionaries(st.sampled_from("pq"), ENTRY | JSON),
    st.dictionaries(st.sampled_from("pq"), ACCOUNTS | JSON),
)
def test_whatever_stands_in_the_files_nothing_is_lost(auth: Any, credentials: Any) -> None:
    after = synced(Books(auth, credentials, Memory(salt="s")), wall=WALL)
    assert list(after.auth) == list(auth)
    for provider, accounts in credentials.items():
        kept = after.credentials[provider]
        assert kept == accounts or list(accounts) == list(kept)[: len(accounts)]
    assert synced(replace(after, said=()), wall=WALL) == replace(after, said=())


class Nameless:
    """Logins that say nothing of their owner: by the number of the account, its last token."""

    def __init__(self) -> None:
        self.wall = WALL
        self.books = synced(EMPTY, wall=WALL)
        self.tokens: dict[int, str] = {}
        self.live: int | None = None
        self.count = 0

    def entry(self) -> Any:
        self.count += 1
        tokens = {"access": f"a{self.count}", "refresh": f"r{self.count}"}
        return {"type": "oauth", **tokens, "expires": (self.wall + 3600) * 1000}

    def label(self, account: int) -> str:
        stored = self.books.stored("p").items()
        return next(label for label, entry in stored if entry["refresh"] == self.tokens[account])

    def play(self, what: str, which: int) -> None:
        accounts = sorted(self.tokens)
        chosen = accounts[which % len(accounts)] if accounts else None
        live = self.books.live("p")
        good = live is None or float(str(live["expires"])) / 1000 - 600 > self.wall
        match what:
            case "log in" if good:
                entry = self.entry()
                self.books = self.books.with_live("p", entry)
                self.live = max(accounts, default=0) + 1
                self.tokens[self.live] = entry["refresh"]
            case "renew" if self.live is not None:
                self.wall += 3600
                entry = self.entry()
                self.books = self.books.with_live("p", entry)
                self.tokens[self.live] = entry["refresh"]
            case "renew stored" if chosen is not None and chosen != self.live:
                label, entry = self.label(chosen), self.entry()
                self.books = self.books.with_stored("p", label, entry)
                self.tokens[chosen] = entry["refresh"]
            case "activate" if chosen is not None:
                self.books, self.live = activated(self.books, "p", self.label(chosen)), chosen
            case _:
                pass
        self.books = synced(self.books, wall=self.wall)


@given(
    st.lists(
        st.tuples(st.sampled_from(("log in", "renew", "renew stored", "activate")), st.integers(0, 5)), max_size=25
    )
)
def test_nameless_logins_are_told_apart_by_their_time(steps: list[tuple[str, int]]) -> None:
    model = Nameless()
    for what, which in steps:
        model.play(what, which)
        assert sorted(str(entry["refresh"]) for entry in model.books.stored("p").values()) == sorted(
            model.tokens.values()
        )
        live = model.books.live("p")
        assert (None if live is None else live["refresh"]) == (None if model.live is None else model.tokens[model.live])
