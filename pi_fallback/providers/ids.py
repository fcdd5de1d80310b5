"""Ids of tool calls on the wire: ours where a host takes them, else a stand-in that is the same in every request."""

import hashlib
import re


def wire_id(ours: str, legal: re.Pattern[str], *, length: int, prefix: str = "call_") -> str:
    """Return `ours` if `legal` fits it, else `prefix` and a digest of it, `length` characters in all."""
    if legal.fullmatch(ours):
        return ours
    digest = hashlib.sha256(ours.encode("utf-8", "replace")).hexdigest()
    return f"{prefix}{digest}"[:length]
