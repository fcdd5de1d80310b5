"""A process that shares a login with others: for each line with a time it says which access token it has then.

Arguments: the agent folder, the address of the login's server. The times are its wall clock.
"""

import os
import sys
from pathlib import Path
from random import Random

import anyio
from anyio.to_thread import run_sync

from pi_fallback.credentials.accounts import Account
from pi_fallback.credentials.auth_json import AuthJson
from pi_fallback.credentials.login_store import login_of
from pi_fallback.credentials.redaction import Redactor
from pi_fallback.credentials.refreshing import refresher
from pi_fallback.credentials.vault import Vault
from pi_fallback.http import Http
from pi_fallback.testing.oauth_server import CLIENT
from pi_fallback_hookspecs import OAuthEndpoints, Route

URL, ORIGIN = "https://acme.example/v1", "https://acme.example:443"


def tell(text: str) -> None:
    os.write(1, f"{text}\n".encode())


async def main(folder: Path, server: str) -> None:
    now, redactor = 0.0, Redactor()

    def wall() -> float:
        return now

    endpoints = OAuthEndpoints(client_id=CLIENT, token_url=f"{server}/token")
    auth = AuthJson(folder / "auth.json", wall, Random())
    async with (
        Http(wall=wall) as http,
        refresher(http, auth, folder / "ha.json", redactor, wall, sys.exit) as renews,
    ):
        async with auth.held() as held:
            entry = held.read()["acme"]
        assert isinstance(entry, dict)
        account = Account("acme", "primary", "oauth", login_of(entry, endpoints), ORIGIN, "auth.json")
        vault = Vault([account], {}, redactor, wall=wall, refresher=renews)
        tell("ready")
        while line := await run_sync(sys.stdin.readline):
            now = float(line)
            key = await vault.key_for(Route("acme", "m"), URL)
            assert key is not None
            tell(key.reveal(ORIGIN))


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]), sys.argv[2])
