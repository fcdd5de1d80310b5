"""Keeping logins: nothing that stands in the files is lost for a new one."""

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pi_fallback.credentials.keeping import Keeper
from pi_fallback.credentials.login_keeping import keep
from pi_fallback.errors import ConfigError

pytestmark = pytest.mark.anyio
NEW = {"type": "oauth", "access": "a2", "refresh": "r2", "expires": 2e12}


async def of_another(labels: Sequence[str]) -> str | None:
    return None


@pytest.mark.parametrize("ha", [None, {"credentials": {}}])
@pytest.mark.parametrize("odd", [{"type": "wif", "audience": "mine"}, {"type": "oauth"}, "text", None])
async def test_what_is_no_account_in_auth_json_is_never_written_over(odd: Any, ha: Any, tmp_path: Path) -> None:
    (auth := tmp_path / "auth.json").write_text(json.dumps({"pa": odd}))
    if ha is not None:
        (tmp_path / "ha.json").write_text(json.dumps(ha))
    before = auth.read_bytes()
    keeper = Keeper.of(tmp_path, lambda: 1.8e9, Random(1))
    with pytest.raises(ConfigError, match=r"auth\.json has something for pa .* Remove it there first"):
        await keep(keeper, "pa", NEW, of_another)
    assert auth.read_bytes() == before
