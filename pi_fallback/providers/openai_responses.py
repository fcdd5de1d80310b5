"""The dialect `openai-responses`: one response, streamed and not stored."""

from pi_fallback.providers.history import known_ids
from pi_fallback.providers.responses_fold import PartialResponse
from pi_fallback.providers.responses_render import NAME, rendered
from pi_fallback.providers.streaming import Dialect
from pi_fallback_hookspecs import Call, Producer


def _url(call: Call) -> str:
    return f"{call.base_url.rstrip('/')}/responses"


def _fold(call: Call) -> PartialResponse:
    producer = Producer(call.route.provider, call.model.ref.id, NAME)
    return PartialResponse(producer, credential=call.route.credential, taken=known_ids(call.request.messages))


OPENAI_RESPONSES = Dialect(NAME, _url, rendered, _fold)
