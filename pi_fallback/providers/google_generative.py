"""The dialect `google-generative-ai`: one `generateContent`, streamed, of Gemini, Vertex or Cloud Code Assist."""

from urllib.parse import quote, urlsplit

from pi_fallback.providers.google_fold import PartialAnswer
from pi_fallback.providers.google_render import rendered
from pi_fallback.providers.google_traits import NAME
from pi_fallback.providers.history import known_ids
from pi_fallback.providers.streaming import AUTHS, Dialect
from pi_fallback_hookspecs import Call, Producer

__all__ = ["GOOGLE_GENERATIVE_AI", "NAME"]


def _url(call: Call) -> str:
    compat, base = call.model.compat, call.base_url.rstrip("/")
    method = "streamGenerateContent?alt=sse" if compat.get("supportsStreaming", True) else "generateContent"
    if compat.get("codeAssist"):
        return f"{base}/v1internal:{method}"
    version = "" if urlsplit(base).path else "/v1beta"  # where Google's own clients add it
    # One path segment, whatever the model's id holds.
    return f"{base}{version}/models/{quote(call.model.ref.id, safe='', errors='replace')}:{method}"


def _fold(call: Call) -> PartialAnswer:
    producer = Producer(call.route.provider, call.model.ref.id, NAME)
    return PartialAnswer(producer, taken=known_ids(call.request.messages))


GOOGLE_GENERATIVE_AI = Dialect(NAME, _url, rendered, _fold, auth=AUTHS["x-goog-api-key"])
