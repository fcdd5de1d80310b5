"""Ways: each account of a provider is asked in its own way, at its own address, and no other account's."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pi_fallback.errors import CredentialError
from pi_fallback_hookspecs import Route
from tests.app.test_preparing import Desk, Pool

pytestmark = pytest.mark.anyio
COPILOT, CORP = "https://api.individual.githubcopilot.com", "https://copilot-api.corp.ghe.com"
EVER = 4e15


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def login(access: str, **more: str) -> dict[str, Any]:
    return {"type": "oauth", "access": access, "expires": EVER, **more}


def stored(desk: Desk, provider: str, live: Mapping[str, Any], backup: Mapping[str, Any]) -> Pool:
    desk.write(auth={provider: live}, ha={"credentials": {provider: {"backup-1": backup}}})
    return Pool(desk.prepare())


async def test_each_login_of_copilot_goes_to_the_address_of_its_own_plan(desk: Desk) -> None:
    vault = stored(desk, "github-copilot", login("tid=corp", enterpriseUrl="corp.ghe.com"), login("tid=mine")).vault
    one, two = (Route("github-copilot", "gpt-5", label) for label in ("primary", "backup-1"))
    opened = [vault.opened(route) for route in (one, two)]
    assert [provider and provider.base_url for provider in opened] == [CORP, COPILOT]
    assert await vault.key_for(one, CORP) is not None
    assert await vault.key_for(two, COPILOT) is not None
    for route, elsewhere in ((one, COPILOT), (two, CORP)):
        with pytest.raises(CredentialError, match="is sent nowhere else"):
            await vault.key_for(route, elsewhere)


async def test_each_login_of_chatgpt_names_its_own_account(desk: Desk) -> None:
    vault = stored(desk, "openai-codex", login("one", accountId="acc-1"), login("two", accountId="acc-2")).vault
    for label, account in (("primary", "acc-1"), ("backup-1", "acc-2")):
        route = Route("openai-codex", "gpt-5", label)
        assert await vault.headers_for(route) == {"chatgpt-account-id": account}
        opened = vault.opened(route)
        assert opened is None or "chatgpt-account-id" not in opened.headers


async def test_each_login_of_gemini_names_its_own_project(desk: Desk) -> None:
    vault = stored(desk, "google-gemini-cli", login("one", projectId="p-1"), login("two", projectId="p-2")).vault
    for label, project in (("primary", "p-1"), ("backup-1", "p-2")):
        opened = vault.opened(Route("google-gemini-cli", "gemini-3", label))
        assert opened is not None
        assert opened.compat["project"] == project


async def test_a_key_beside_a_login_is_asked_as_a_key(desk: Desk) -> None:
    key = {"type": "api_key", "key": "sk-ant-api-0000"}
    vault = stored(desk, "anthropic", key, login("sk-ant-oat-0000")).vault
    assert vault.opened(Route("anthropic", "claude-opus-5-5", "primary")) is None
    opened = vault.opened(Route("anthropic", "claude-opus-5-5", "backup-1"))
    assert opened is not None
    assert opened.auth == "bearer"
    assert opened.headers["anthropic-beta"] == "oauth-2025-04-20"


async def test_what_models_json_says_goes_over_the_way_of_a_login(desk: Desk) -> None:
    provider = {"baseUrl": "https://proxy.example/copilot", "headers": {"editor-version": "mine/1"}}
    desk.write(models={"providers": {"github-copilot": provider}}, auth={"github-copilot": login("tid=1")})
    opened = Pool(desk.prepare()).vault.opened(Route("github-copilot", "gpt-5", "primary"))
    assert opened is not None
    assert opened.base_url.startswith("https://proxy.example/copilot")
    assert opened.headers["editor-version"] == "mine/1"
