"""The environment of a tool's process: the user's own, without secrets."""

import re
from collections.abc import Collection, Mapping

# Whole words between underscores, so that TOKENIZERS_PARALLELISM stays and OPENAI_KEY goes.
_WORDS = frozenset({"KEY", "KEYS", "TOKEN", "TOKENS", "PAT"})
_PARTS = re.compile(r"SECRET|PASSWORD|PASSWD|CREDENTIAL|API_?KEY|AUTHTOKEN")
SHORTEST_SECRET = 8  # a shorter value is found in innocent ones by accident


def filtered(
    environ: Mapping[str, str], *, secrets: Collection[str] = (), allowed: Collection[str] = ()
) -> dict[str, str]:
    """Return `environ` without variables that hold one of `secrets` or are named like one; `allowed` names stay."""
    known = [secret for secret in secrets if len(secret) >= SHORTEST_SECRET]
    return {
        name: value
        for name, value in environ.items()
        if name in allowed or not (named_like_a_secret(name) or any(secret in value for secret in known))
    }


def named_like_a_secret(name: str) -> bool:
    upper = name.upper()
    return not _WORDS.isdisjoint(upper.split("_")) or _PARTS.search(upper) is not None
