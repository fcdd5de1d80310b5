"""RS8, RS9: whatever a provider sends, memory stays bounded, and the end is one clear fault, soon."""

import json
import sys

import anyio
import pytest

from tests.http.wire import Peer, serving
from tests.pairs import PAIRS, Pair
from tests.spec.hostile import hostile_to

pytestmark = pytest.mark.anyio

PEAK_MIB = 200
SOON_S = 30.0  # on a machine that is busy with other tests; alone none takes a third of that


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # of the server; the client has a process of its own


@pytest.mark.timeout(600)
@pytest.mark.parametrize("pair", PAIRS, ids=[pair.name for pair in PAIRS])
async def test_rs8_rs9_no_answer_fills_the_memory_or_never_ends(pair: Pair) -> None:
    cases = hostile_to(pair)
    answers = [hostile.answer for hostile in cases.values()]

    async def script(peer: Peer) -> None:
        asked = await peer.request()
        number = int(asked.line.split()[1].split("/")[1])
        for piece in answers[number](pair):
            await peer.send(piece)

    async with serving(script) as server:
        command = [sys.executable, "-m", "tests.spec.hostile_client", pair.name, server.origin, str(len(cases))]
        done = await anyio.run_process(command)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    broken: list[str] = []
    for (name, hostile), end in zip(cases.items(), told, strict=True):
        is_meant = len(end["kinds"]) == 1 and (not hostile.kinds or end["kinds"][0] in hostile.kinds)
        if not is_meant or end["peak_mib"] > PEAK_MIB or end["seconds"] > SOON_S or end["text"] > 65_536:
            broken.append(f"{name}: {end}")
    assert broken == []
