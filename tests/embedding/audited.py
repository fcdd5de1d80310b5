"""A host in a process of its own, which reports what was opened, and what was read of the environment.

Arguments: the state folder, or "-" for none. Prints JSON.
"""

import json
import os
import sys
from collections.abc import Iterator, MutableMapping

opened: list[tuple[str, bool]] = []  # a path, and whether it was opened for writing
read: set[str] = set()


class Watched(MutableMapping[str, str]):
    """The environment, with a list of what was read of it."""

    def __init__(self, inner: MutableMapping[str, str]) -> None:
        self._inner = inner

    def __getitem__(self, name: str) -> str:
        read.add(name)
        return self._inner[name]

    def __setitem__(self, name: str, value: str) -> None:
        self._inner[name] = value

    def __delitem__(self, name: str) -> None:
        del self._inner[name]

    def __iter__(self) -> Iterator[str]:
        read.add("*")
        return iter(self._inner)

    def __len__(self) -> int:
        return len(self._inner)


def heard(event: str, arguments: tuple[object, ...]) -> None:
    match event, arguments:
        case "open", (str() | bytes() as path, mode, int() as flags):
            changes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) or any(c in str(mode or "") for c in "wax+")
            opened.append((os.path.abspath(os.fsdecode(path)), bool(changes)))
        case (("os.mkdir" | "os.rename" | "os.remove" | "sqlite3.connect"), (str() | bytes() as path, *_)):
            opened.append((os.path.abspath(os.fsdecode(path)), True))
        case (("os.listdir" | "os.scandir"), (str() | bytes() as path,)):
            opened.append((os.path.abspath(os.fsdecode(path)), False))
        case _:
            pass


sys.addaudithook(heard)
os.environ = Watched(os.environ)  # type: ignore[assignment]  # noqa: B003

import anyio  # noqa: E402

from pi_fallback.embedding import Fallback, ProviderConfig  # noqa: E402
from pi_fallback.testing import FaultServer, Ok, Status, ToolCallScript  # noqa: E402

read.discard("HOME")  # the standard library's own settings, while it is imported


async def weigh(what: str) -> str:
    """Weigh something."""
    return f"{what}: 1 g"


async def main(state_dir: str | None) -> str:
    scripts = {"big": Status(401), "mid": [Ok(tools=[ToolCallScript("weigh", {"what": "feather"})]), Ok("1 g")]}
    async with FaultServer(scripts) as server:
        providers = [
            ProviderConfig(
                "openai", base_url=server.base_url, dialect="openai-completions", keys={"primary": "sk-given"}
            ),
            ProviderConfig("own", base_url=server.base_url),
        ]
        order = ["openai/big", "own/mid"]
        async with (
            Fallback(providers=providers, order=order, tools=[weigh], state_dir=state_dir) as host,
            host.session() as session,
        ):
            answer = await session.ask("How heavy is a feather?")
        assert {request.key for request in server.requests} == {"sk-given", ""}
    return answer.text


if __name__ == "__main__":
    text = anyio.run(main, None if sys.argv[1] == "-" else sys.argv[1])
    heavy = sorted({"textual", "click", "genai_prices", "keyring"} & sys.modules.keys())
    sys.stdout.write(json.dumps({"text": text, "opened": opened, "read": sorted(read), "heavy": heavy}))
