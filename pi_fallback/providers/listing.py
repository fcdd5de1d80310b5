"""Listing: which models a provider says that it serves."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, TypeAlias
from urllib.parse import quote, urlsplit

import jiter

from pi_fallback.http import Http, WireError
from pi_fallback.providers.dialects import DIALECTS
from pi_fallback.providers.errors import check_status
from pi_fallback.providers.loose import Object, as_list, as_object, as_text
from pi_fallback.providers.streaming import AUTHS
from pi_fallback_hookspecs import Fault, FaultKind, Key, Provider

MAX_BYTES = 8 * 2**20  # all pages together; the longest list there is has less than two
MAX_PAGES = 10
MAX_MODELS = 5_000  # then no further page is asked for; the longest list there is has less than a thousand
MAX_NAME = 200

_BY_NAME = {dialect.name: dialect for dialect in DIALECTS}
_WINDOWS = ("context_length", "context_window", "max_context_length", "max_model_len", "max_input_tokens")
_OUTPUTS = ("max_completion_tokens", "max_output_length", "max_tokens")
_NO_CHAT = frozenset({"embedding", "embeddings", "image", "audio", "moderation", "rerank", "transcribe", "video"})


class Listed(NamedTuple):
    """A model as its provider tells of it; None is what it does not tell."""

    id: str
    name: str = ""
    window: int | None = None
    output: int | None = None
    images: bool | None = None
    tools: bool | None = None
    thinks: bool | None = None


Page: TypeAlias = tuple[list[Listed], str]
"""The models of one page, and what to ask for the next one with; "" after the last."""


async def listed(http: Http, provider: Provider, key: Key | None, headers: Mapping[str, str]) -> tuple[Listed, ...]:
    """Ask `provider` for its models that can chat, in its own order and each once. The caller sets the time.

    There may be more than MAX_MODELS: the caller says how many it keeps.

    Raises:
        WireError: it does not answer with a list, or with one that is too large.
    """
    dialect = _BY_NAME.get(provider.dialect)
    if dialect is None:
        raise WireError(Fault(FaultKind.OTHER, f"Nothing here speaks {provider.dialect}."))
    auth = AUTHS.get(provider.auth, dialect.auth)
    found: dict[str, Listed] = {}
    left, after = MAX_BYTES, ""
    for _ in range(MAX_PAGES):
        url = _url(provider, after)
        async with http.get(url, headers={**dialect.headers, **headers}, key=key, auth=auth, head_s=0) as response:
            await check_status(response)
            data = b""
            async for chunk in response.chunks():
                data += chunk
                if len(data) > left:
                    raise WireError(Fault(FaultKind.TOO_LARGE, "The list of models is too large."))
        left -= len(data)
        models, following = page_in(data)
        found |= {model.id: found.get(model.id, model) for model in models}
        if not following or following == after or len(found) > MAX_MODELS:
            break
        after = following
    return tuple(found.values())


def _url(provider: Provider, after: str) -> str:
    base = provider.base_url.rstrip("/")
    match provider.dialect:
        case "anthropic-messages":
            cursor = f"&after_id={quote(after, safe='')}" if after else ""
            return f"{base.removesuffix('/v1')}/v1/models?limit=1000{cursor}"
        case "google-generative-ai":
            cursor = f"&pageToken={quote(after, safe='')}" if after else ""
            return f"{base}{'' if urlsplit(base).path else '/v1beta'}/models?pageSize=1000{cursor}"
        case _:
            return f"{base}/models"


def page_in(data: bytes) -> Page:
    """Return the page that `data` is.

    Raises:
        WireError: it is none.
    """
    try:
        parsed: object = jiter.from_json(data, allow_inf_nan=False)
    except ValueError:
        raise WireError(Fault(FaultKind.MALFORMED, "The list of models is not JSON.")) from None
    whole = as_object(parsed)
    given = whole.get("data", whole.get("models", parsed))  # Together's list is bare
    if not isinstance(given, list):
        raise WireError(Fault(FaultKind.MALFORMED, "The answer holds no list of models."))
    items = [as_object(item) for item in as_list(given)]  # pyright: ignore[reportUnknownArgumentType]  # strangers'
    if items and not any(map(_name, items)):
        raise WireError(Fault(FaultKind.MALFORMED, "The answer is a list, but not one of models."))
    following = as_text(whole.get("nextPageToken"))
    if whole.get("has_more") is True:
        following = as_text(whole.get("last_id"))
    return [model for item in items for model in _models(item)], following


def _name(item: Object) -> str:
    return as_text(item.get("id")) or as_text(item.get("name")).removeprefix("models/")


def _models(item: Object) -> Iterator[Listed]:
    """Yield what `item` tells, unless it is no chat model: Google's shape, or any host's kin of OpenAI's."""
    name = _name(item)
    if not name or len(name) > MAX_NAME or not name.isprintable() or not _chats(item):
        return
    capabilities = as_object(item.get("capabilities"))
    limits, supports = as_object(capabilities.get("limits")), as_object(capabilities.get("supports"))
    parameters = as_list(item.get("supported_parameters"))
    shown = as_text(item.get("display_name")) or as_text(item.get("displayName"))
    yield Listed(
        id=name,
        name=shown if shown.isprintable() and len(shown) <= MAX_NAME else "",
        window=_count(item, "inputTokenLimit", *_WINDOWS) or _count(limits, "max_context_window_tokens"),
        output=_count(item, "outputTokenLimit", *_OUTPUTS)
        or _count(as_object(item.get("top_provider")), *_OUTPUTS)
        or _count(limits, "max_output_tokens"),
        images=_images(item, capabilities, supports),
        tools=_flag(capabilities.get("function_calling"), supports.get("tool_calls"), item.get("supports_tools"))
        if not parameters
        else "tools" in parameters,
        thinks=_thinks(item, capabilities) if not parameters else "reasoning" in parameters,
    )


def _chats(item: Object) -> bool:
    methods = as_list(item.get("supportedGenerationMethods"))
    capabilities = as_object(item.get("capabilities"))
    if methods:
        return "generateContent" in methods
    told = (capabilities.get("completion_chat"), item.get("supports_chat"), item.get("active"))
    if any(value is False for value in told) or item.get("lifecycle") == "retired":
        return False
    return as_text(item.get("type") or capabilities.get("type")) not in _NO_CHAT


def _images(item: Object, capabilities: Object, supports: Object) -> bool | None:
    inputs = as_list(as_object(item.get("architecture")).get("input_modalities")) or as_list(
        item.get("input_modalities")
    )
    if inputs:
        return "image" in inputs
    return _flag(
        capabilities.get("vision"),
        capabilities.get("image_input"),
        supports.get("vision"),
        item.get("supports_image_in"),
        item.get("supports_image_input"),
    )


def _thinks(item: Object, capabilities: Object) -> bool | None:
    # Anthropic tells of each way to think: only `adaptive` is ours without a word in `compat`.
    adaptive = as_object(as_object(capabilities.get("thinking")).get("types")).get("adaptive")
    return _flag(item.get("thinking"), item.get("supports_reasoning"), adaptive, capabilities.get("thinking"))


def _count(item: Object, *names: str) -> int | None:
    values = (item.get(name) for name in names)
    return next((value for value in values if type(value) is int and 0 < value < 10**9), None)


def _flag(*values: object) -> bool | None:
    """The first that is a truth value, or an object that says whether it is `supported`."""
    for value in values:
        told = value if isinstance(value, bool) else as_object(value).get("supported")
        if isinstance(told, bool):
            return told
    return None
