"""Dialects: each wire format by its name."""

from collections.abc import Mapping

from pi_fallback.http import Http
from pi_fallback.providers.anthropic_messages import ANTHROPIC_MESSAGES
from pi_fallback.providers.google_generative import GOOGLE_GENERATIVE_AI
from pi_fallback.providers.openai_completions import OPENAI_COMPLETIONS
from pi_fallback.providers.openai_responses import OPENAI_RESPONSES
from pi_fallback.providers.streaming import Dialect, stream_of
from pi_fallback_hookspecs import Stream

DIALECTS: tuple[Dialect, ...] = (OPENAI_COMPLETIONS, OPENAI_RESPONSES, ANTHROPIC_MESSAGES, GOOGLE_GENERATIVE_AI)


def dialects(http: Http) -> Mapping[str, Stream]:
    """Return the stream of each dialect over `http`."""
    return {dialect.name: stream_of(http, dialect) for dialect in DIALECTS}
