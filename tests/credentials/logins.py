"""A room with auth.json and ha.json, and a refresher that works on them."""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from pi_fallback.credentials.auth_json import AuthJson
from pi_fallback.credentials.login_store import Place
from pi_fallback.credentials.redaction import Redactor
from pi_fallback.credentials.refreshing import Refresher, refresher
from pi_fallback.http import Http
from pi_fallback.testing.oauth_grants import Tokens

PLACE = Place("acme", "primary", "auth.json")
BACKUP = Place("acme", "backup-1", "ha.json")


def entry(tokens: Tokens, *, expires: float = 0.0, **more: Any) -> dict[str, Any]:
    return {"type": "oauth", "access": tokens.access, "refresh": tokens.refresh, "expires": expires, **more}


@dataclass
class Room:
    """Where logins are kept; `now` is the wall clock."""

    folder: Path
    now: float = 1_000_000.0
    redactor: Redactor = field(default_factory=Redactor)
    problems: list[str] = field(default_factory=list[str])

    @property
    def auth(self) -> Path:
        return self.folder / "auth.json"

    @property
    def ha(self) -> Path:
        return self.folder / "ha.json"

    def write(self, auth: Mapping[str, Any], stored: Mapping[str, Any] | None = None) -> None:
        self.auth.write_text(json.dumps(auth))
        if stored is not None:
            self.ha.write_text(json.dumps({"defaultGroup": "g", "credentials": {"acme": stored}}))

    def kept(self) -> Any:
        return json.loads(self.auth.read_text())

    def stored(self) -> Any:
        return json.loads(self.ha.read_text())["credentials"]["acme"]

    def file(self) -> AuthJson:
        return AuthJson(self.auth, lambda: self.now, Random(1))

    @asynccontextmanager
    async def refresher(self) -> AsyncGenerator[Refresher]:
        wall = lambda: self.now  # noqa: E731
        async with (
            Http(wall=wall) as http,
            refresher(http, self.file(), self.ha, self.redactor, wall, self.problems.append) as made,
        ):
            yield made
