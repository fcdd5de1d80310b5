"""Dialects: each wire format by its name."""

from collections.abc import Mapping

from pi_fallback.http import Http
from pi_fallback.providers import openai_completions
from pi_fallback_hookspecs import Stream


def dialects(http: Http) -> Mapping[str, Stream]:
    """Return the stream of each dialect over `http`."""
    return {openai_completions.DIALECT: openai_completions.openai_completions(http)}
