"""The dialect `openai-completions`: one chat completion, streamed."""

from pi_fallback.providers.history import known_ids
from pi_fallback.providers.openai_fold import PartialAnswer
from pi_fallback.providers.openai_render import rendered
from pi_fallback.providers.streaming import Dialect
from pi_fallback_hookspecs import Call, Producer

NAME = "openai-completions"


def _url(call: Call) -> str:
    return f"{call.base_url.rstrip('/')}/chat/completions"


def _fold(call: Call) -> PartialAnswer:
    producer = Producer(call.route.provider, call.model.ref.id, NAME)
    return PartialAnswer(producer, taken=known_ids(call.request.messages))


OPENAI_COMPLETIONS = Dialect(NAME, _url, rendered, _fold)
