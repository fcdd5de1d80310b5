"""Claims: what a token says of itself, if it is a JWT. Nobody's word is taken for it: it only tells accounts apart."""

import base64
import json
from collections.abc import Mapping
from typing import cast

from pi_fallback_hookspecs import Json

MAX_CHARS = 16 * 1024


def claims_of(token: object) -> Mapping[str, Json]:
    """The claims of `token`, unverified; none if it has none."""
    parts = token.split(".") if isinstance(token, str) and len(token) <= MAX_CHARS else []
    if len(parts) != 3:
        return {}
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return cast("Mapping[str, Json]", found) if isinstance(found, dict) else {}
