"""Usage in the Anthropic shape. Odd values count as 0: no answer fails by them."""

from pi_fallback.providers.loose import as_count, as_object
from pi_fallback_hookspecs import Usage


def usage_in(value: object, before: Usage) -> Usage:
    """Return the tokens that `value`, the field `usage`, counts, after those that an earlier event counted.

    The counts are totals, so the greater one is the later one: some hosts say 0 in one of the two events.
    """
    usage = as_object(value)
    return Usage(
        input=max(before.input, as_count(usage.get("input_tokens"))),
        output=max(before.output, as_count(usage.get("output_tokens"))),
        cache_read=max(before.cache_read, as_count(usage.get("cache_read_input_tokens"))),
        cache_write=max(before.cache_write, as_count(usage.get("cache_creation_input_tokens"))),
        reasoning=max(before.reasoning, as_count(as_object(usage.get("output_tokens_details")).get("thinking_tokens"))),
    )
