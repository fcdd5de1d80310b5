"""Placing: the known providers at the addresses that the environment gives, and as a login wants to be asked."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import urlsplit

from pi_fallback.config.schema import OAuthEntry, endpoint
from pi_fallback.providers.known import KNOWN
from pi_fallback_hookspecs import Provider

_BASES = {provider.id: provider.base_url for provider in KNOWN}
_AZURE = ("AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_BASE_URL", "AZURE_OPENAI_RESOURCE_NAME")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]{1,2}")
_RESOURCE = re.compile(r"[A-Za-z0-9-]{1,64}")

ADDRESS_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "amazon-bedrock": ("AWS_REGION", "AWS_DEFAULT_REGION"),
    "azure-openai": _AZURE,
    "azure-openai-responses": _AZURE,
    "lmstudio": ("LM_STUDIO_API_BASE",),
    "ollama": ("OLLAMA_HOST",),
}


class Known(NamedTuple):
    """The known providers at the addresses that the environment gives; `named` are those it gives one for."""

    providers: tuple[Provider, ...]
    named: tuple[str, ...]
    notices: tuple[str, ...]


def known_providers(environ: Mapping[str, str]) -> Known:
    """KNOWN, each where its variables say that it is."""
    placed = list[Provider]()
    named, notices = list[str](), list[str]()
    for provider in KNOWN:
        variables = ADDRESS_VARIABLES.get(provider.id, ())
        variable = next((name for name in variables if environ.get(name, "").strip()), "")
        if variable:
            try:
                address = endpoint(_PLACES[provider.id](provider, variable, environ[variable].strip()))
                provider = replace(provider, base_url=address)
                named.append(provider.id)
            except ValueError as error:
                notices.append(f"{variable} is not used: its address {error}.")
        placed.append(provider)
    return Known(tuple(placed), tuple(named), tuple(dict.fromkeys(notices)))


def opened(provider: Provider, login: OAuthEntry) -> Provider:
    """`provider` as one asks it with `login`, which is not the way of a key. What the user's files say goes over it."""
    match provider.id:
        case "anthropic":
            return replace(provider, auth="bearer", headers={"anthropic-beta": "oauth-2025-04-20", **provider.headers})
        case "google-gemini-cli" if project := _said(login, "projectId"):
            return replace(provider, compat={"project": project, **provider.compat})
        case "github-copilot" if provider.base_url == _BASES[provider.id]:
            return replace(provider, base_url=_copilot(login) or provider.base_url)
        case _:
            return provider


def _said(login: OAuthEntry, field: str) -> str:
    value = (login.model_extra or {}).get(field)
    return value if isinstance(value, str) and value.isprintable() else ""


def _copilot(login: OAuthEntry) -> str:
    """The address of the plan: the access token names it, and an enterprise has one of its own."""
    if host := re.search(r"proxy-ep=proxy\.([a-z0-9.-]+\.githubcopilot\.com)(;|$)", login.access.get_secret_value()):
        return f"https://api.{host[1]}"
    enterprise = _said(login, "enterpriseUrl").removeprefix("https://").strip("/")
    return f"https://copilot-api.{enterprise}" if re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", enterprise) else ""


def _local(provider: Provider, _variable: str, value: str) -> str:
    """The base URL that `value` means, which is a URL, or host and port, or one of the two, as these programs take it.

    A server that listens on every address is reached on this machine.
    """
    usual = urlsplit(provider.base_url)
    try:
        given = urlsplit(value if "://" in value else f"http://{value}")
        port = given.port or (usual.port if "://" not in value else None)
    except ValueError:
        raise ValueError("is neither a URL nor host and port") from None
    if given.username is not None:
        raise ValueError("must be without user name")
    host = given.hostname or "localhost"
    host = "localhost" if host in ("0.0.0.0", "::") else host  # noqa: S104  # compared with, not bound to
    address = f"[{host}]" if ":" in host else host
    return f"{given.scheme}://{address}{f':{port}' if port else ''}{given.path.rstrip('/') or usual.path}"


def _azure(_provider: Provider, variable: str, value: str) -> str:
    if variable == "AZURE_OPENAI_RESOURCE_NAME":
        if not _RESOURCE.fullmatch(value):
            raise ValueError("must be the name of a resource")
        return f"https://{value}.openai.azure.com/openai/v1"
    address = endpoint(value)
    path = urlsplit(address).path
    return address.removesuffix(path) + "/openai/v1" if path in ("", "/openai", "/openai/v1/responses") else address


def _bedrock(_provider: Provider, _variable: str, value: str) -> str:
    if not _REGION.fullmatch(value):
        raise ValueError("must be that of a region, such as us-east-1")
    return f"https://bedrock-runtime.{value}.amazonaws.com/openai/v1"


_PLACES: Mapping[str, Callable[[Provider, str, str], str]] = {
    "amazon-bedrock": _bedrock,
    "azure-openai": _azure,
    "azure-openai-responses": _azure,
    "lmstudio": _local,
    "ollama": _local,
}
