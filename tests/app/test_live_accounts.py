"""Live accounts: what another process does to auth.json and ha.json counts while the agent works."""

import json
import os
from pathlib import Path

import pytest

from pi_fallback.credentials.sources import Literal
from pi_fallback.errors import CredentialError
from pi_fallback.plugins.ha import HighAvailability
from pi_fallback.runtime.hiding import Secrets
from pi_fallback_hookspecs import Route
from tests.app.test_preparing import ADDRESS, Desk, Pool

pytestmark = pytest.mark.anyio
KEY0, KEY1 = "sk-live-primary-00", "sk-live-backup-11"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    a = {"baseUrl": ADDRESS, "models": [{"id": "A"}]}
    desk.write(models={"providers": {"a": a}}, auth={"a": key(KEY0)})
    for path in desk.agent_dir.iterdir():
        path.chmod(0o600)
    return desk


def key(text: str) -> dict[str, str]:
    return {"type": "api_key", "key": text}


def rows(ha: HighAvailability) -> list[str]:
    return [f"{row.provider} {row.label}" for row in ha.accounts]


async def test_an_account_that_another_process_adds_is_used_shown_and_hidden_at_the_next_look(desk: Desk) -> None:
    setup = desk.prepare()
    live = Pool(setup)
    assert live.later() == ["a/A"]
    desk.write(ha={"credentials": {"a": {"backup-1": key(KEY1)}}})
    assert live.later() == ["a/A", "a/A (backup-1)"]
    assert rows(setup.ha) == ["a primary", "a backup-1"]
    assert list(setup.usable["a"]) == ["primary", "backup-1"]
    found = await live.vault.key_for(Route("a", "A", "backup-1"), ADDRESS)
    assert found is not None
    assert found.reveal("http://127.0.0.1:9") == KEY1
    secrets: Secrets = setup.redactor
    assert KEY1 not in secrets.clean(f"it is {KEY1}")
    desk.write(ha={"credentials": {}})
    assert live.later() == ["a/A"]
    assert rows(setup.ha) == ["a primary"]
    assert live.told == []


async def test_a_provider_whose_first_account_comes_later_is_used(desk: Desk) -> None:
    setup = desk.prepare()
    live = Pool(setup)
    desk.write(auth={"a": key(KEY0), "anthropic": {"type": "oauth", "access": "t" * 20, "expires": 4e15}})
    order = live.later()
    assert any(route.startswith("anthropic/") for route in order)
    opened = live.vault.opened(Route("anthropic", "claude-opus-5-5", "primary"))
    assert opened is not None
    assert opened.auth == "bearer"  # a login is asked in another way than a key


async def test_a_model_that_only_a_new_group_names_is_known_at_the_next_look(desk: Desk) -> None:
    setup = desk.prepare(environ={"MISTRAL_API_KEY": "k" * 20})
    live = Pool(setup)
    changes: list[bool] = []
    live.pool.on_catalog = lambda: changes.append(True)
    desk.write(ha={"groups": {"g": {"entries": [{"id": "mistral/brand-new"}, {"id": "a/A"}]}}})
    assert live.later()[0] == "mistral/brand-new"
    assert changes == [True]
    assert live.pool().catalog is setup.catalog.models


async def test_t23_a_refused_key_is_tried_again_once_it_is_another_one(desk: Desk) -> None:
    setup = desk.prepare()
    live = Pool(setup)
    setup.ha.refused["a", "primary"] = "its key was refused"
    setup.ha.mended["a", "primary"] = False
    desk.write(auth={"a": {**key(KEY0), "note": "the same"}})
    live.later()
    assert setup.ha.refused
    version = live.pool().version
    desk.write(auth={"a": key("sk-live-another-22")})
    live.later()
    assert not setup.ha.refused
    assert live.pool().version > version
    assert setup.accounts[0].source == Literal("sk-live-another-22")


async def test_t23_a_command_whose_key_was_refused_is_run_again_when_it_is_asked_again(desk: Desk) -> None:
    counter = desk.home / "runs"
    desk.write(auth={"a": key(f"!echo x >> {counter}; printf sk-run-%s-000000 $(wc -l < {counter})")})
    vault, route = Pool(desk.prepare(environ=os.environ)).vault, Route("a", "A")
    first = await vault.key_for(route, ADDRESS)
    for key_again in (first, await vault.key_for(route, ADDRESS)):
        assert key_again is not None
        assert key_again.reveal("http://127.0.0.1:9") == "sk-run-1-000000"
    assert first is not None
    assert not vault.refused(route, first)
    second = await vault.key_for(route, ADDRESS)
    assert second is not None
    assert second.reveal("http://127.0.0.1:9") == "sk-run-2-000000"


async def test_rp9_an_auth_json_that_is_deleted_takes_its_accounts_along_until_it_is_back(desk: Desk) -> None:
    desk.write(ha={"credentials": {"a": {"backup-1": key(KEY1)}}})
    setup = desk.prepare()
    live = Pool(setup)
    assert live.later() == ["a/A", "a/A (backup-1)"]
    (desk.agent_dir / "auth.json").unlink()
    assert live.later() == ["a/A (backup-1)"]
    with pytest.raises(CredentialError, match="no account primary for a"):
        await live.vault.key_for(Route("a", "A"), ADDRESS)
    desk.write(auth={"a": key(KEY0)})
    assert live.later() == ["a/A", "a/A (backup-1)"]
    assert await live.vault.key_for(Route("a", "A"), ADDRESS) is not None


async def test_rp9_an_agent_whose_only_account_was_deleted_goes_on_once_it_is_back(desk: Desk) -> None:
    desk.write(models={}, auth={"groq": key(KEY0)})
    setup = desk.prepare()
    live, route, url = Pool(setup), setup.selection.order[0], setup.catalog.providers["groq"].base_url
    order = live.later()
    (desk.agent_dir / "auth.json").unlink()
    assert live.later() == order  # a request says which account is missing
    with pytest.raises(CredentialError, match="There is no account primary for groq"):
        await live.vault.key_for(route, url)
    desk.write(auth={"groq": key(KEY1)})
    assert live.later() == order
    found = await live.vault.key_for(route, url)
    assert found is not None
    assert found.reveal(found.origin) == KEY1


async def test_rp9_a_broken_file_keeps_the_last_good_accounts_and_is_told_once(desk: Desk) -> None:
    live = Pool(desk.prepare())
    desk.write(auth='{"a": {"type": "api')
    assert live.later() == ["a/A"]
    assert live.told == []  # pi may be in the middle of writing it
    for _ in range(3):
        assert live.later() == ["a/A"]
    assert len(live.told) == 1
    assert "auth.json, line 1: is not valid JSON" in live.told[0]
    desk.write(auth={"a": key(KEY1)})
    assert live.later() == ["a/A"]
    assert live.pool.setup.accounts[0].source == Literal(KEY1)


async def test_half_a_file_that_is_whole_at_the_next_look_is_not_told(desk: Desk) -> None:
    live = Pool(desk.prepare())
    desk.write(auth='{"a": {"type": "api')
    live.later()
    desk.write(auth={"a": key(KEY1)})
    live.later()
    assert live.told == []
    assert live.pool.setup.accounts[0].source == Literal(KEY1)


async def test_an_edit_that_keeps_time_and_size_is_seen_by_its_inode(desk: Desk) -> None:
    live = Pool(desk.prepare())
    path = desk.agent_dir / "auth.json"
    before = path.stat()
    other = path.with_name("other.json")
    other.write_text(json.dumps({"a": key("sk-live-primary-99")}))
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.chmod(0o600)
    other.replace(path)
    live.later()
    assert live.pool.setup.accounts[0].source == Literal("sk-live-primary-99")
