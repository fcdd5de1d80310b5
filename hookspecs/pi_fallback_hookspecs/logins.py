"""Logins: where an account of a provider is opened by OAuth instead of a key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class OAuthEndpoints:
    """Where one logs in to a provider as the public client `client_id`: https, or http on this machine.

    With `authorize_url` a browser asks the user and comes back to `redirect` (a code with PKCE; it names a port only if
    the server knows no other); with `device_url` the user types a code on any machine. `params` are added to the first
    request, `headers` to all, `encoding` is that of bodies. `exchange_url` gives the key of the provider for the
    token of the login, which is then what is kept to renew it. `claims` are kept with the account: where the token
    tells them; `account_headers` go with each request to the provider: by name, what is kept under
    which name. With `account_domain` an account may have a domain of its own: under which name it is kept, and which
    domain of `exchange_url` it stands for. A `client_secret` is for servers that want one of public clients too: it is
    no secret.
    """

    token_url: str = ""
    client_id: str = ""
    authorize_url: str = ""
    device_url: str = ""
    exchange_url: str = ""
    scopes: tuple[str, ...] = ()
    redirect: str = "http://127.0.0.1/callback"
    params: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    encoding: Literal["form", "json"] = "form"
    client_secret: str = field(default="", repr=False)
    claims: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    account_headers: Mapping[str, str] = field(default_factory=dict[str, str])
    account_domain: tuple[str, str] | None = None

    @property
    def can_log_in(self) -> bool:
        return bool(self.client_id and self.token_url and (self.authorize_url or self.device_url))

    @property
    def can_renew(self) -> bool:
        return bool(self.exchange_url or (self.client_id and self.token_url))
