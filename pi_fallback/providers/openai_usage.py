"""Usage in the OpenAI shape, and in the ways in which hosts bend it. Odd values count as 0: no answer fails by them."""

from pi_fallback.providers.loose import as_count, as_object
from pi_fallback_hookspecs import Usage


def usage_in(value: object) -> Usage:
    """Return the tokens that `value`, the field `usage`, counts."""
    usage = as_object(value)
    prompt = as_object(usage.get("prompt_tokens_details"))
    output = as_object(usage.get("completion_tokens_details"))
    total_in = as_count(usage.get("prompt_tokens"))
    # OpenAI and most; DeepSeek; Moonshot.
    cached = prompt.get("cached_tokens") or usage.get("prompt_cache_hit_tokens") or usage.get("cached_tokens")
    read = min(as_count(cached), total_in)
    written = min(as_count(prompt.get("cache_write_tokens")), total_in - read)
    return Usage(
        input=total_in - read - written,
        output=as_count(usage.get("completion_tokens")),
        cache_read=read,
        cache_write=written,
        reasoning=as_count(output.get("reasoning_tokens")),
    )
