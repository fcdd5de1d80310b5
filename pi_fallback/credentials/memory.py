"""What is remembered of accounts between two looks at the files: hashes, never a secret."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from pi_fallback.credentials.identity import Marks, alike

SEEN_MAX = 16  # two days of a login that is renewed every three hours
GONE_MAX = 64


class Known(BaseModel, frozen=True):
    """One account: its names and secrets, oldest first, when the last one expires (ms since 1970), and its label.

    One that is `gone` was deleted by the user: it comes back by a new login only.
    """

    names: Mapping[str, str] = {}
    seen: tuple[str, ...] = ()
    expires: float | None = None
    label: str = ""
    gone: bool = False

    def is_of(self, marks: Marks) -> bool | None:
        """Whether this is the account with `marks`; None if there is no telling."""
        return True if marks.secret in self.seen else alike(marks.names, self.names)

    def met(self, marks: Marks, expires: float | None) -> "Known":
        """The account after it was met with `marks`."""
        seen = (*(mark for mark in self.seen if mark != marks.secret), marks.secret)[-SEEN_MAX:]
        return self.model_copy(update={"names": {**self.names, **marks.names}, "seen": seen, "expires": expires})


class Memory(BaseModel, frozen=True):
    """All that is remembered. `live` is by provider the mark of what stood in auth.json."""

    salt: str
    live: Mapping[str, str] = {}
    known: Mapping[str, tuple[Known, ...]] = {}

    def of(self, provider: str) -> tuple[Known, ...]:
        return self.known.get(provider, ())

    def told(self, provider: str, here: Mapping[str, Known], gone: Sequence[Known], live: str | None) -> "Memory":
        """The memory after a look at `provider`, whose accounts are stored `here` by label."""
        known = [one.model_copy(update={"label": label, "gone": False}) for label, one in here.items()]
        known += [one.model_copy(update={"gone": True}) for one in gone[-GONE_MAX:]]
        lives = {name: mark for name, mark in self.live.items() if name != provider}
        others = {name: accounts for name, accounts in self.known.items() if name != provider}
        return Memory(
            salt=self.salt,
            live={**lives, provider: live} if live else lives,
            known={**others, provider: tuple(known)} if known else others,
        )


def remembered(value: Any, fresh_salt: str) -> Memory:
    """The memory in a file of ours; what cannot be read is forgotten."""
    try:
        return Memory.model_validate(value)
    except ValidationError:
        return Memory(salt=fresh_salt)
