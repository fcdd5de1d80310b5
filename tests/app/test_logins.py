"""`/login` and `/logout` in a whole agent: the account is there at once, wherever it belongs."""

import json
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest

from pi_fallback.app import agent_of
from pi_fallback.preparing import Options, World, prepare
from pi_fallback.runtime.agent import Agent
from pi_fallback.testing import FaultServer, For, OAuthServer, Ok, Trouble
from pi_fallback_hookspecs import Level
from tests.credentials.browsing import Browser
from tests.credentials.logins import entry

pytestmark = pytest.mark.anyio
FAR = 4e12


@dataclass
class Person:
    """Somebody with a browser on the same machine, who picks the option that begins with `picks`."""

    picks: str = ""
    closes: bool = False
    said: list[str] = field(default_factory=list[str])
    offered: list[Sequence[str]] = field(default_factory=list[Sequence[str]])

    def notify(self, text: str, level: Level = "info") -> None:
        self.said.append(text)

    async def confirm(self, title: str, detail: str = "") -> bool:
        return False

    async def select(self, title: str, options: Sequence[str]) -> str | None:
        self.offered.append(options)
        return next((option for option in options if self.picks and option.startswith(self.picks)), None)

    async def input(self, title: str, placeholder: str = "") -> str | None:
        if self.closes:
            return None
        await Browser()(self.said[-1].splitlines()[-1])
        await anyio.sleep_forever()
        return None


@dataclass
class House:
    """A user's files, a provider `a` to log in to, a provider `b` with a key, and an agent on them."""

    folder: Path
    login: OAuthServer
    server: FaultServer

    @property
    def agent_dir(self) -> Path:
        return self.folder / ".pi" / "agent"

    def write(self, name: str, value: Any) -> None:
        path = self.agent_dir / name
        path.write_text(json.dumps(value))
        path.chmod(0o600)

    def read(self, name: str) -> Any:
        return json.loads((self.agent_dir / name).read_text())

    @asynccontextmanager
    async def agent(self, person: Person) -> AsyncGenerator[Agent]:
        world = World(environ={"PATH": os.environ["PATH"]}, home=self.folder)
        setup = prepare(Options(cwd=self.folder, approval="never"), world)
        async with agent_of(setup, person, lambda item: person.said.append(str(item))) as agent:
            yield agent


@pytest.fixture
async def house(tmp_path: Path) -> AsyncGenerator[House]:
    async with OAuthServer() as login, FaultServer({"A": Ok("from a"), "B": Ok("from b")}) as server:
        house = House(tmp_path, login, server)
        house.agent_dir.mkdir(parents=True)
        a = {"baseUrl": server.base_url, "oauth": login.declared, "models": [{"id": "A"}]}
        b = {"baseUrl": server.base_url, "apiKey": "sk-of-the-spare-one", "models": [{"id": "B"}]}
        house.write("models.json", {"providers": {"a": a, "b": b}})
        house.write("settings.json", {"enabledModels": ["a/A", "b/B"], "fallback": {"quietSeconds": 0.2}})
        house.write("auth.json", {})
        yield house


async def asked(agent: Agent, text: str) -> None:
    await agent.prompt(text)
    await agent.settled()


async def test_a_provider_is_chosen_and_used_at_once(house: House) -> None:
    person = Person(picks="a")
    async with house.agent(person) as agent:
        await asked(agent, "who are you?")
        assert await agent.command("/login")
        assert "a" in person.offered[0]
        assert any("Logged in to a: a primary." in said for said in person.said)
        await agent.select("a/A")
        await asked(agent, "and now?")
    assert [request.model for request in house.server.requests] == ["B", "A"]
    assert {house.server.requests[1].key} == house.login.grants.live == {house.read("auth.json")["a"]["access"]}
    assert not (house.agent_dir / "ha.json").exists()


async def test_a_login_that_is_over_is_used_again_after_a_new_one(house: House) -> None:
    house.write("auth.json", {"a": entry(house.login.issue(), accountId="me")})
    house.login.trouble(Trouble(error="invalid_grant"))
    person = Person(picks="of the one in auth.json")
    async with house.agent(person) as agent:
        await asked(agent, "one")
        await asked(agent, "two")
        assert len(house.login.asked) == 1
        await agent.command("/login a")
        await agent.select("a/A")
        await asked(agent, "three")
    assert [request.model for request in house.server.requests] == ["B", "B", "A"]
    assert house.read("auth.json")["a"]["accountId"] == "me"
    assert not (house.agent_dir / "ha.json").exists()


async def test_a_login_that_an_abort_ends_is_said_to_be_cancelled(house: House) -> None:
    class Aborting(Person):
        async def input(self, title: str, placeholder: str = "") -> str | None:
            await agents[0].abort()  # as Ctrl-C does, which then closes the question
            return None

    person, agents = Aborting(), list[Agent]()
    async with house.agent(person) as agent:
        agents.append(agent)
        await agent.command("/login a")
    assert person.said[-1] == "The login was cancelled."


async def test_who_does_not_say_of_which_account_a_login_is_stores_nothing(house: House) -> None:
    house.write("auth.json", {"a": entry(house.login.issue(), expires=FAR)})
    before = house.read("auth.json")
    person = Person()
    async with house.agent(person) as agent:
        await agent.command("/login a")
    assert len(person.offered) == 1
    assert any("The login was cancelled: nothing of it was stored." in said for said in person.said), person.said
    assert house.read("auth.json") == before
    assert not (house.agent_dir / "ha.json").exists()


async def test_another_account_becomes_a_backup_and_both_can_be_given_up(house: House) -> None:
    live = house.login.issue()
    house.write("auth.json", {"a": entry(live, expires=FAR)})
    house.server.play(For("A", key=live.access), Ok("from the first"))
    person = Person(picks="of another")
    async with house.agent(person) as agent:
        await agent.command("/login a")
        assert any("Logged in to a: a backup-1." in said for said in person.said)
        await asked(agent, "hello")
        assert {route.credential for route in agent.view().order if route.provider == "a"} == {"primary", "backup-1"}
        await agent.command("/logout a backup-1")
        await asked(agent, "hello again")
        assert {route.credential for route in agent.view().order if route.provider == "a"} == {"primary"}
    assert house.read("auth.json")["a"]["access"] == live.access


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/login openai-codeks", "Did you mean openai-codex?"),
        ("/login anthropic", "Anthropic lets only programs of its own log in"),
        ("/login b", "One cannot log in to b: it takes a key."),
        ("/login", "Say which provider: /login PROVIDER, one of openai-codex, a."),
        ("/login a", "The login was cancelled."),
        ("/logout", "Say which login: /logout PROVIDER [LABEL]. There are: none."),
        ("/logout a", "It has no account."),
    ],
)
async def test_what_does_not_come_to_a_login_is_said_and_changes_nothing(house: House, line: str, said: str) -> None:
    person = Person(closes=True)
    async with house.agent(person) as agent:
        assert await agent.command(line)
    assert any(said in text for text in person.said), person.said
    assert house.read("auth.json") == {}


async def test_providers_and_logins_are_completed(house: House) -> None:
    house.write("auth.json", {"a": entry(house.login.issue(), expires=FAR)})
    async with house.agent(Person()) as agent:
        login, logout = agent.parts.commands["login"], agent.parts.commands["logout"]
        assert login.complete is not None
        assert logout.complete is not None
        assert list(login.complete(agent.view(), "open")) == ["openai-codex"]
        assert list(logout.complete(agent.view(), "a")) == ["a primary"]
