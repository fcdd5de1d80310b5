"""The overview of models: what can be used, what it costs, and why something cannot be used."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest

from pi_fallback import models_cache, refreshing
from pi_fallback.credentials.vault import Vault
from pi_fallback.errors import UnknownModel
from pi_fallback.http import Http
from pi_fallback.models_cache import CachedModel, Entry
from pi_fallback.models_command import shown_models
from pi_fallback.overview import Overview, Row, as_json, as_text
from pi_fallback.preparing import Options, Setup, World, prepare
from pi_fallback.prices import Fact
from pi_fallback.providers.listing import MAX_MODELS
from pi_fallback.testing import FaultServer, Ok
from pi_fallback_hookspecs import Ledger, ModelRef, Price, Provider, Route, Scope, ScopeKind
from tests.http.wire import answering, serving, whole

pytestmark = pytest.mark.anyio

SECRET = "sk-0123456789abcdef"
NOW = 1_795_000_000.0
ADDRESS = "http://127.0.0.1:9/v1"


class Desk:
    """A user's files in a folder of their own."""

    def __init__(self, room: Path) -> None:
        self.home, self.folder = room / "home", room / "project"
        self.agent_dir = self.home / ".pi" / "agent"
        self.agent_dir.mkdir(parents=True)
        self.folder.mkdir()

    def write(self, **files: object) -> None:
        for name, value in files.items():
            (self.agent_dir / f"{name}.json").write_text(json.dumps(value))

    def setup(self, *, environ: Mapping[str, str] | None = None, wall: float = NOW, **options: Any) -> Setup:
        world = World(environ=environ or {}, home=self.home, wall=lambda: wall)
        return prepare(Options(cwd=self.folder, strict=False, **options), world, needs_model=False)

    def cached(self, provider: Provider, *models: CachedModel) -> None:
        entry = Entry(at=NOW, models=models)
        models_cache.save(models_cache.path_in(self.agent_dir), {models_cache.key_of(provider): entry}, wall=NOW)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def no_facts(_ref: ModelRef, _provider: Provider) -> Fact:
    return Fact()


def overview(setup: Setup, ledger: Ledger | None = None) -> Overview:
    return Overview(setup, no_facts, ledger or Ledger(), 10.0, lambda at: f"12:00:{at:02g}")


def why(rows: list[Row]) -> dict[str, str]:
    return {str(row.model.ref): row.why for row in rows}


def endpoint(*models: str, url: str = ADDRESS, **more: object) -> dict[str, object]:
    return {"baseUrl": url, "models": [{"id": model} for model in models], **more}


async def test_each_reason_not_to_be_used_has_its_words(desk: Desk) -> None:
    desk.write(
        models={"providers": {"b": endpoint("B", api="pi-messages"), "c": endpoint("C", "D")}},
        settings={"enabledModels": ["c/C"]},
        auth={"xai": {"type": "api_key", "key": "$NOT_SET"}},
    )
    setup = desk.setup(environ={"AZURE_OPENAI_API_KEY": SECRET})
    reasons = why(overview(setup).rows(everything=True))
    assert reasons["c/C"] == ""
    assert reasons["c/D"] == "by name only: not in enabledModels"
    assert reasons["xai/grok-4.7"] == "the environment variable NOT_SET is not set (auth.json)"
    assert reasons["azure-openai/gpt-6.2-sol"] == "it has no address ($AZURE_OPENAI_API_KEY)"
    assert reasons["groq/qwen/qwen3.8-27b"] == "no key: Set GROQ_API_KEY, or add groq to auth.json"
    assert reasons["github-copilot/gpt-6.1-sol"] == "needs a login"
    assert reasons["ollama/gpt-oss:20b"].startswith("nobody asked for it")
    assert not any(name.startswith(("moonshotai/", "azure-openai-responses/")) for name in reasons)
    assert "b" not in {row.model.ref.provider for row in overview(setup).rows()}


async def test_first_come_the_models_in_use_then_those_of_accounts_that_do_not_open(desk: Desk) -> None:
    desk.write(
        models={"providers": {"c": endpoint("C", "D")}},
        settings={"enabledModels": ["c/D"]},
        auth={"xai": {"type": "api_key", "key": "$NOT_SET"}},
    )
    rows = overview(desk.setup()).rows()
    assert [(str(row.model.ref), row.usable) for row in rows] == [("c/D", True), ("xai/grok-4.7", False)]
    assert rows[0].is_start


async def test_a_model_rests_when_all_its_accounts_do(desk: Desk) -> None:
    desk.write(models={"providers": {"c": endpoint("C", "D")}})
    setup = desk.setup()
    rest = Ledger().rest(Scope.of(ScopeKind.MODEL, Route("c", "C")), until=30.0, reason="quota\x1b[2J spent")
    rows = {str(row.model.ref): row for row in overview(setup, rest).rows()}
    assert (rows["c/C"].usable, rows["c/C"].why) == (False, "rests until 12:00:30: quota spent")
    assert rows["c/D"].usable


async def test_words_find_what_the_pool_leaves_out_and_what_there_is_no_account_for(desk: Desk) -> None:
    desk.write(models={"providers": {"c": endpoint("C", "D")}}, settings={"enabledModels": ["c/D"]})
    view = overview(desk.setup())
    assert list(why(view.rows(["c/"]))) == ["c/D", "c/C"]
    assert list(why(view.rows(["GROQ", "oss"]))) == ["groq/openai/gpt-oss-120b"]
    assert list(why(view.rows(["groq/*120b"]))) == ["groq/openai/gpt-oss-120b"]
    assert view.rows(["nothing-like-it"]) == []


async def test_a_price_of_models_json_goes_over_the_list(desk: Desk) -> None:
    cost = {"input": 1, "output": 2, "cacheRead": 0, "cacheWrite": 0}
    priced = {"baseUrl": ADDRESS, "models": [{"id": "m", "cost": cost}, {"id": "n"}]}
    desk.write(models={"providers": {"c": priced}})
    view = Overview(desk.setup(), lambda _ref, _provider: Fact(Price(3.0, 4.0)), Ledger(), 0.0, str)
    rows = view.rows()
    assert [row.price for row in rows] == [Price(1.0, 2.0), Price(3.0, 4.0)]
    assert [*as_text(rows)] == [
        "MODEL  WINDOW  IN $  OUT $  TAKES  THINKS  USABLE",
        "c/m    128k    1     2      text   no      yes, the start",
        "c/n    128k    3     4      text   no      yes",
    ]
    assert json.loads(as_json(rows))[1] == {
        "provider": "c",
        "id": "n",
        "name": "",
        "contextWindow": 128_000,
        "maxTokens": 16_384,
        "cost": {"input": 3.0, "output": 4.0, "cacheRead": 0.0, "cacheWrite": 0.0},
        "input": ["text"],
        "reasoning": False,
        "tools": True,
        "usable": True,
        "why": "",
        "start": False,
        "listed": False,
    }


async def test_lists_are_asked_for_once_a_day_and_new_models_are_taken_by_name_from_then_on(desk: Desk) -> None:
    async with FaultServer({"old": Ok("hi"), "new": Ok("hi")}) as server:
        desk.write(models={"providers": {"c": endpoint("old", url=server.base_url, apiKey=SECRET)}})
        with pytest.raises(UnknownModel):
            prepare(Options(cwd=desk.folder, model="c/new"), World(environ={}, home=desk.home))
        shown = await shown_models(desk.setup(), [])
        assert [str(row.model.ref) for row in shown.rows] == ["c/old"]
        assert shown.notices == ("Providers list 1 more models: `pi-fallback models --all`, or with a part of a name.",)
        again = await shown_models(desk.setup(), ["c/"])
        assert [(str(row.model.ref), row.is_listed, row.why) for row in again.rows] == [
            ("c/old", False, ""),
            ("c/new", True, "by name only"),
        ]
        assert len(server.requests) == 1
        await shown_models(desk.setup(), [], refresh=True)
        await shown_models(desk.setup(wall=NOW + 90_000.0), [])
        assert len(server.requests) == 3
    assert SECRET not in models_cache.path_in(desk.agent_dir).read_text()
    for name in ("c/new", "new", "c/new:high"):
        setup = prepare(Options(cwd=desk.folder, model=name), World(environ={}, home=desk.home))
        assert setup.selection.start == Route("c", "new")
    with pytest.raises(UnknownModel, match=r"There is no model 'c/nwe'\. Did you mean c/new"):
        prepare(Options(cwd=desk.folder, model="c/nwe"), World(environ={}, home=desk.home))


async def test_a_window_that_was_told_counts_from_the_next_start(desk: Desk) -> None:
    setup = desk.setup(environ={"GROQ_API_KEY": SECRET})
    desk.cached(setup.catalog.providers["groq"], CachedModel(id="vendor/new", context_window=77))
    named = desk.setup(environ={"GROQ_API_KEY": SECRET}, model="groq/vendor/new")
    assert named.catalog.models[ModelRef("groq", "vendor/new")].context_window == 77
    pool = desk.setup(environ={"GROQ_API_KEY": SECRET}).selection.order
    assert Route("groq", "vendor/new") not in pool


async def test_without_network_the_rest_is_shown_and_what_is_missing_is_said(desk: Desk) -> None:
    desk.write(models={"providers": {"c": endpoint("C"), "d": endpoint("D", headers={"x-a": "!exit 3"})}})
    shown = await shown_models(desk.setup(), [])
    assert [str(row.model.ref) for row in shown.rows] == ["c/C", "d/D"]
    assert sorted(notice.partition(": ")[0] for notice in shown.notices) == [
        "The list of c could not be refreshed",
        "The list of d could not be refreshed",
    ]


async def test_one_provider_that_hangs_does_not_keep_the_others(desk: Desk) -> None:
    async def never(_connection: object) -> None:
        await anyio.sleep_forever()

    async with FaultServer({"m": Ok("hi")}) as server, serving(never) as hanging:
        urls = {"c": server.base_url, "d": hanging.url}
        desk.write(models={"providers": {name: endpoint("m", url=url) for name, url in urls.items()}})
        setup = desk.setup()
        vault = Vault(setup.accounts, {}, setup.redactor, wall=lambda: NOW)
        async with Http(wall=lambda: NOW) as http:
            result = await refreshing.refreshed(setup, http, vault, no_facts, time_s=0.3)
    assert result.said == ("The list of d could not be refreshed: no answer within 0.3 s.",)
    assert len(result.file.entries) == 1


async def test_what_a_provider_says_in_an_error_is_told_without_the_key(desk: Desk) -> None:
    refusal = whole(f'{{"error": {{"message": "bad key {SECRET}"}}}}'.encode(), status="401 Unauthorized")
    async with serving(answering(refusal)) as server:
        desk.write(models={"providers": {"c": endpoint("C", url=server.url, apiKey=SECRET)}})
        shown = await shown_models(desk.setup(), [])
    (notice,) = shown.notices
    assert notice.startswith("The list of c could not be refreshed: bad key ")
    assert SECRET not in notice


async def test_a_list_is_kept_without_what_is_the_key_and_not_without_end(desk: Desk) -> None:
    ids = [SECRET, f"mine-{SECRET}", *(f"m{number}" for number in range(MAX_MODELS + 5))]
    page = json.dumps({"data": [{"id": name, "display_name": SECRET if name == "m3" else ""} for name in ids]})
    async with serving(answering(whole(page.encode()))) as server:
        desk.write(models={"providers": {"c": endpoint("C", url=server.url, apiKey=SECRET)}})
        shown = await shown_models(desk.setup(), [], everything=True)
    assert shown.notices == ("c lists more than 5,000 models. The first 5,000 are kept.",)
    assert len(shown.rows) > MAX_MODELS
    assert SECRET not in models_cache.path_in(desk.agent_dir).read_text()


async def test_an_id_of_models_json_commands_no_terminal(desk: Desk) -> None:
    desk.write(models={"providers": {"c": endpoint("m\x1b[31m\n\u202eevil")}})
    shown = await shown_models(desk.setup(), [])
    (row,) = [line for line in as_text(shown.rows) if "evil" in line]
    assert row.startswith("c/m evil  ")


async def test_without_any_account_it_says_how_to_see_what_there_is(desk: Desk) -> None:
    shown = await shown_models(desk.setup(), [])
    assert shown.rows == []
    assert shown.notices == ("No account was found: --all lists what there is.",)
