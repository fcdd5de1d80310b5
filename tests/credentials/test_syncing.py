"""Syncing: laws that hold whatever happens to the two files, in whatever order."""

from dataclasses import replace
from typing import Any

from hypothesis import given
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
