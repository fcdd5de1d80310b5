"""The raw call: what a program does that asks one model with the HTTP client and reads the answer.

It parses the same text with the same JSON parser as we do, so that the ratio is our own work alone.
"""

import json
from collections.abc import Callable, Mapping

import jiter

from pi_fallback.http.backend import httpx

Question = Mapping[str, object]


async def ask(client: httpx.AsyncClient, base_url: str, question: Question, on_piece: Callable[[str], object]) -> str:
    """Return the text of the answer, or of the error; each piece goes to `on_piece` as it comes."""
    headers = {"authorization": "Bearer sk-benchmark", "content-type": "application/json"}
    url, body = f"{base_url}/chat/completions", json.dumps(question).encode()
    async with client.stream("POST", url, content=body, headers=headers) as response:
        if response.status_code != 200:
            return jiter.from_json(await response.aread())["error"]["message"]
        pieces: list[str] = []
        async for line in response.aiter_lines():
            if line.startswith("data: ") and line != "data: [DONE]":
                for choice in jiter.from_json(line[6:].encode(), cache_mode="keys")["choices"]:
                    if piece := choice["delta"].get("content"):
                        on_piece(piece)
                        pieces.append(piece)
        return "".join(pieces)
