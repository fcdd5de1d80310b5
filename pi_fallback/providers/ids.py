"""Ids and names of tool calls on the wire: ours where a host takes them, else a stand-in, in every request the same."""

import hashlib
import re

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]")


def wire_id(ours: str, legal: re.Pattern[str], *, length: int, prefix: str = "call_") -> str:
    """Return `ours` if `legal` fits it, else `prefix` and a digest of it, `length` characters in all."""
    if legal.fullmatch(ours):
        return ours
    digest = hashlib.sha256(ours.encode("utf-8", "replace")).hexdigest()
    return f"{prefix}{digest}"[:length]


def wire_name(name: str) -> str:
    """Return `name`, or what comes nearest to it, as a name that every dialect takes in a call of the past.

    A model may call a tool that nobody has, by a name that no tool can have; its own provider takes that back, others
    refuse the whole conversation.
    """
    if _NAME.fullmatch(name):
        return name
    legal = _NOT_IN_A_NAME.sub("_", name)
    return (legal if _NAME.match(legal) else f"_{legal}")[:64]
