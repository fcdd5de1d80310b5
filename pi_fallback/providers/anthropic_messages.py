"""The dialect `anthropic-messages`: one message, streamed."""

from pi_fallback.providers.anthropic_fold import PartialMessage
from pi_fallback.providers.anthropic_render import NAME, rendered
from pi_fallback.providers.history import known_ids
from pi_fallback.providers.streaming import Dialect
from pi_fallback_hookspecs import Call, Producer

# Every host knows this version. What the next one (2026-10-21) refuses, we do not send; a provider that
# wants it has it among its headers.
VERSION = "2023-06-01"


def _url(call: Call) -> str:
    """Return where messages are: the official SDK's base URL has no `/v1`, many a host's has."""
    base = call.base_url.rstrip("/").removesuffix("/v1")
    return f"{base}/v1/messages"


def _fold(call: Call) -> PartialMessage:
    producer = Producer(call.route.provider, call.model.ref.id, NAME)
    return PartialMessage(producer, taken=known_ids(call.request.messages))


ANTHROPIC_MESSAGES = Dialect(
    NAME, _url, rendered, _fold, auth=("x-api-key", ""), headers={"anthropic-version": VERSION}
)
