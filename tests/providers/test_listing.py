"""Lists of models: the shapes in which providers give them, over real sockets and out of a transport of their own."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pi_fallback.http import Http, WireError
from pi_fallback.http.backend import httpx
from pi_fallback.providers import listing
from pi_fallback.providers.listing import Listed, listed, page_in
from pi_fallback.testing import FaultServer, Ok
from pi_fallback_hookspecs import FaultKind, Key, Provider
from tests.canary import canary

pytestmark = pytest.mark.anyio

SECRET = canary("listing")
OPENAI = Provider("o", "https://o.example/v1")
CLAUDE = Provider("a", "https://a.example", "anthropic-messages")
GEMINI = Provider("g", "https://g.example", "google-generative-ai")


class Ask:
    """A provider that answers with `pages` in turn, and remembers what it was asked."""

    def __init__(self, *pages: object, status: int = 200) -> None:
        self.asked: list[httpx.Request] = []
        self._pages = pages
        self._status = status

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        page = self._pages[min(len(self.asked), len(self._pages)) - 1]
        body = page if isinstance(page, bytes) else json.dumps(page).encode()
        return httpx.Response(self._status, content=body)

    @property
    def urls(self) -> list[str]:
        return [str(request.url) for request in self.asked]

    async def list(self, provider: Provider = OPENAI) -> tuple[Listed, ...]:
        async with Http(wall=lambda: 0.0, transport=httpx.MockTransport(self)) as http:
            return await listed(http, provider, Key(SECRET, f"https://{provider.id}.example:443"), {"x-mine": "1"})


async def told(*items: Mapping[str, object]) -> tuple[Listed, ...]:
    return await Ask({"object": "list", "data": items}).list()


@pytest.mark.parametrize(
    ("dialect", "path"),
    [
        ("openai-completions", "/v1"),
        ("openai-responses", "/v1"),
        ("anthropic-messages", "/anthropic"),
        ("anthropic-messages", "/anthropic/v1"),
        ("google-generative-ai", ""),
        ("google-generative-ai", "/v1beta"),
    ],
)
async def test_every_dialect_lists_its_models_over_a_socket(dialect: str, path: str) -> None:
    async with FaultServer({"one": Ok("hi"), "two": Ok("hi")}) as server, Http(wall=lambda: 0.0) as http:
        provider = Provider("p", f"{server.origin}{path}", dialect)
        found = await listed(http, provider, Key(SECRET, server.origin), {})
    assert [model.id for model in found] == ["one", "two"]
    (request,) = server.requests
    assert SECRET in " ".join(request.headers.values())


async def test_the_list_is_asked_for_as_the_dialect_has_it() -> None:
    for provider, url, header in (
        (OPENAI, "https://o.example/v1/models", "authorization"),
        (CLAUDE, "https://a.example/v1/models?limit=1000", "x-api-key"),
        (GEMINI, "https://g.example/v1beta/models?pageSize=1000", "x-goog-api-key"),
    ):
        ask = Ask({"data": [], "models": []})
        assert await ask.list(provider) == ()
        assert ask.urls == [url]
        assert SECRET in ask.asked[0].headers[header]
        assert ask.asked[0].headers["x-mine"] == "1"
    assert ask.asked[0].headers.get("authorization") is None


async def test_pages_are_followed_to_the_last_one() -> None:
    first = {"data": [{"id": "a", "display_name": "A"}], "has_more": True, "last_id": "a/b"}
    ask = Ask(first, {"data": [{"id": "b"}, {"id": "a"}], "has_more": False, "last_id": "b"})
    assert await ask.list(CLAUDE) == (Listed("a", "A"), Listed("b"))
    assert ask.urls[1] == "https://a.example/v1/models?limit=1000&after_id=a%2Fb"
    ask = Ask({"models": [{"name": "models/a"}], "nextPageToken": "n&x"}, {"models": [{"name": "models/b"}]})
    assert [model.id for model in await ask.list(GEMINI)] == ["a", "b"]
    assert ask.urls[1].endswith("&pageToken=n%26x")


async def test_pages_that_never_end_do() -> None:
    same = Ask({"data": [{"id": "a"}], "has_more": True, "last_id": "a"})
    assert [model.id for model in await same.list(CLAUDE)] == ["a"]
    assert len(same.asked) == 2
    others = Ask(*({"data": [{"id": str(n)}], "has_more": True, "last_id": str(n)} for n in range(99)))
    assert len(await others.list(CLAUDE)) == listing.MAX_PAGES == len(others.asked)


async def test_gemini_tells_windows_and_what_a_model_is_for() -> None:
    chat = {
        "name": "models/gemini-4",
        "displayName": "Gemini 4",
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
        "thinking": True,
    }
    embedding = {"name": "models/embed", "supportedGenerationMethods": ["embedContent"]}
    (found,) = await Ask({"models": [chat, embedding]}).list(GEMINI)
    assert found == Listed("gemini-4", "Gemini 4", 1_048_576, 65_536, thinks=True)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"id": "m", "object": "model"}, Listed("m")),
        ({"id": "m", "context_window": 8, "max_completion_tokens": 4, "active": True}, Listed("m", window=8, output=4)),
        (
            {
                "id": "m",
                "context_length": 9,
                "architecture": {"input_modalities": ["text", "image"]},
                "supported_parameters": ["tools", "reasoning"],
                "top_provider": {"max_completion_tokens": 3},
            },
            Listed("m", window=9, output=3, images=True, tools=True, thinks=True),
        ),
        ({"id": "m", "supported_parameters": ["seed"]}, Listed("m", tools=False, thinks=False)),
        (
            {"id": "m", "max_context_length": 5, "capabilities": {"function_calling": False, "vision": True}},
            Listed("m", window=5, images=True, tools=False),
        ),
        (
            {
                "id": "m",
                "capabilities": {
                    "type": "chat",
                    "limits": {"max_context_window_tokens": 7, "max_output_tokens": 2},
                    "supports": {"tool_calls": True, "vision": False},
                },
            },
            Listed("m", window=7, output=2, images=False, tools=True),
        ),
        (
            {
                "id": "m",
                "max_input_tokens": 6,
                "max_tokens": 1,
                "capabilities": {"image_input": {"supported": True}, "thinking": {"supported": True}},
            },
            Listed("m", window=6, output=1, images=True, thinks=True),
        ),
        (
            {
                "id": "m",
                "capabilities": {
                    "thinking": {"supported": True, "types": {"adaptive": {"supported": False}, "enabled": {}}}
                },
            },
            Listed("m", thinks=False),
        ),
        ({"id": "m", "max_model_len": True, "context_length": -1}, Listed("m")),
    ],
)
async def test_what_a_host_tells_of_a_model_is_read(item: Mapping[str, object], expected: Listed) -> None:
    assert await told(item) == (expected,)


@pytest.mark.parametrize(
    "item",
    [
        {"id": "m", "type": "embedding"},
        {"id": "m", "active": False},
        {"id": "m", "lifecycle": "retired"},
        {"id": "m", "supports_chat": False},
        {"id": "m", "capabilities": {"completion_chat": False}},
        {"id": "m", "capabilities": {"type": "embeddings"}},
        {"id": ""},
        {"id": 7},
        {"id": "a\x1b[2Jb"},
        {"id": "x" * 201},
    ],
)
async def test_what_is_no_model_to_talk_to_is_left_out(item: Mapping[str, object]) -> None:
    assert [model.id for model in await told(item, {"id": "good"})] == ["good"]


async def test_a_bare_list_is_a_list() -> None:
    assert await Ask([{"id": "m", "type": "chat"}]).list() == (Listed("m"),)


@pytest.mark.parametrize(
    ("page", "kind"),
    [
        (b"<html>", FaultKind.MALFORMED),
        ({"object": "list"}, FaultKind.MALFORMED),
        ({"data": {"id": "m"}}, FaultKind.MALFORMED),
        ("text", FaultKind.MALFORMED),
        ([1, 2], FaultKind.MALFORMED),
        ({"data": [{"object": "model"}, None]}, FaultKind.MALFORMED),
        (b" " * (listing.MAX_BYTES + 1), FaultKind.TOO_LARGE),
    ],
)
async def test_what_is_no_list_is_a_fault(page: object, kind: FaultKind) -> None:
    with pytest.raises(WireError) as failed:
        await Ask(page).list()
    assert failed.value.fault.kind is kind


async def test_an_error_is_the_fault_that_it_is() -> None:
    with pytest.raises(WireError, match="no such account") as failed:
        await Ask({"error": {"message": "no such account", "code": "x"}}, status=401).list()
    assert (failed.value.fault.kind, failed.value.fault.status) == (FaultKind.STATUS, 401)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
_KEYS: Sequence[str] = [
    "id",
    "name",
    "type",
    "active",
    "capabilities",
    "supported_parameters",
    "architecture",
    "top_provider",
    "thinking",
    "supports",
    "limits",
    "supportedGenerationMethods",
    "data",
    "models",
    "has_more",
    "last_id",
    "nextPageToken",
]


@given(st.dictionaries(st.sampled_from(_KEYS), _JSON, max_size=6))
@settings(max_examples=200)
def test_strange_json_is_a_list_or_a_fault(item: Mapping[str, object]) -> None:
    for value in ({"data": [item]}, item):
        with suppress(WireError):
            page_in(json.dumps(value).encode())
