"""APIs: what an `api` of models.json is here, for each name that pi has for one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

Auth: TypeAlias = Literal["", "bearer", "x-api-key", "api-key", "x-goog-api-key"]

DIALECTS = ("openai-completions", "openai-responses", "anthropic-messages", "google-generative-ai")


@dataclass(frozen=True, slots=True)
class Api:
    """A dialect, with what one host of it does otherwise.

    `paths` maps the path that pi's base URLs for it end with to the one that the dialect expects.
    """

    dialect: str
    auth: Auth = ""
    compat: Mapping[str, object] = field(default_factory=dict[str, object])
    paths: Mapping[str, str] = field(default_factory=dict[str, str])

    def address(self, base_url: str) -> str:
        """`base_url` as the dialect expects it."""
        path = urlsplit(base_url).path.rstrip("/")
        return base_url.rstrip("/").removesuffix(path) + self.paths.get(path, path)


APIS: Mapping[str, Api] = {
    **{name: Api(name) for name in DIALECTS},
    "azure-openai-responses": Api(
        "openai-responses", auth="api-key", paths={"": "/openai/v1", "/openai": "/openai/v1"}
    ),
    "openai-codex-responses": Api(
        "openai-responses", compat={"supportsMaxOutputTokens": False}, paths={"/backend-api": "/backend-api/codex"}
    ),
    "google-vertex": Api("google-generative-ai", paths={"": "/v1/publishers/google", "/v1": "/v1/publishers/google"}),
    "google-gemini-cli": Api("google-generative-ai", auth="bearer", compat={"codeAssist": True}),
    # Its SDK posts to /v1/chat/completions: that it has a name of its own is about the SDK, not the wire.
    "mistral-conversations": Api(
        "openai-completions",
        compat={"maxTokensField": "max_tokens", "requiresToolResultName": True, "requiresMistralToolIds": True},
        paths={"": "/v1"},
    ),
}


def why_unspoken(api: str) -> str:
    """Why nothing here can use `api`, which is not in APIS, in a sentence that ends with what to write."""
    near = get_close_matches(api, APIS, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"Those that are: {', '.join(DIALECTS)}."
    return f"the api {api!r} is not spoken here. {hint}"
