"""Usage in Google's shape. Odd values count as 0: no answer fails by them."""

from pi_fallback.providers.loose import as_object
from pi_fallback_hookspecs import Usage


def usage_in(value: object) -> Usage:
    """Return the tokens that `value`, the field `usageMetadata`, counts."""
    usage = as_object(value)
    # The prompt's count includes what was cached, the candidates' count leaves out what was thought.
    prompt = _count(usage.get("promptTokenCount"))
    cached = min(_count(usage.get("cachedContentTokenCount")), prompt)
    thoughts = _count(usage.get("thoughtsTokenCount"))
    return Usage(
        input=prompt - cached + _count(usage.get("toolUsePromptTokenCount")),
        output=_count(usage.get("candidatesTokenCount")) + thoughts,
        cache_read=cached,
        reasoning=thoughts,
    )


def _count(value: object) -> int:
    return max(value, 0) if isinstance(value, int) else 0
