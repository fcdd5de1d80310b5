"""Usage in Google's shape. Odd values count as 0: no answer fails by them."""

from pi_fallback.providers.loose import as_count, as_object
from pi_fallback_hookspecs import Usage


def usage_in(value: object) -> Usage:
    """Return the tokens that `value`, the field `usageMetadata`, counts."""
    usage = as_object(value)
    # The prompt's count includes what was cached, the candidates' count leaves out what was thought.
    prompt = as_count(usage.get("promptTokenCount"))
    cached = min(as_count(usage.get("cachedContentTokenCount")), prompt)
    thoughts = as_count(usage.get("thoughtsTokenCount"))
    return Usage(
        input=prompt - cached + as_count(usage.get("toolUsePromptTokenCount")),
        output=as_count(usage.get("candidatesTokenCount")) + thoughts,
        cache_read=cached,
        reasoning=thoughts,
    )
