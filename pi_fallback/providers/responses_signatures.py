"""Signatures of `openai-responses`: what of an output item goes back as it came, kept as JSON beside our block."""

import json
import re
from typing import NamedTuple

import jiter

from pi_fallback.providers.loose import Object, as_list, as_object, as_text

_LEGAL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PHASES = ("commentary", "final_answer")


class ItemFacts(NamedTuple):
    """What the API knows a message or a call by. `phase`: whether a message is a remark or the answer."""

    id: str = ""
    phase: str = ""


def reasoning_signature(item: Object, credential: str) -> str:
    """Return what to keep of a reasoning item, or "" if it cannot go back.

    Only its encrypted form can: nothing is stored that its id could be looked up in. It opens for the
    account that it was made for and for no other, hence `credential`.
    """
    item_id, secret = as_text(item.get("id")), as_text(item.get("encrypted_content"))
    if not item_id or not secret:
        return ""
    summary = [
        {"type": "summary_text", "text": as_text(as_object(part).get("text"))} for part in as_list(item.get("summary"))
    ]
    kept = {"type": "reasoning", "id": item_id, "summary": summary, "encrypted_content": secret}
    return json.dumps({"credential": credential, "item": kept})


def reasoning_item(signature: str | None, credential: str) -> Object | None:
    """Return the reasoning item to send back with `credential`, or None."""
    kept = _object_in(signature)
    return as_object(kept.get("item")) or None if kept.get("credential") == credential else None


def item_signature(item: Object) -> str:
    """Return what to keep of a message or a call, or "" if there is nothing."""
    facts = {"id": as_text(item.get("id")), "phase": as_text(item.get("phase"))}
    return json.dumps({name: value for name, value in facts.items() if value}) if any(facts.values()) else ""


def item_facts(signature: str | None, prefix: str) -> ItemFacts:
    """Return what was kept. An id without the `prefix` of its kind, as some hosts make them, is refused by others."""
    kept = _object_in(signature)
    item_id, phase = as_text(kept.get("id")), as_text(kept.get("phase"))
    is_legal = item_id.startswith(prefix) and _LEGAL_ID.fullmatch(item_id) is not None
    return ItemFacts(item_id if is_legal else "", phase if phase in _PHASES else "")


def _object_in(signature: str | None) -> Object:
    try:
        return as_object(jiter.from_json((signature or "").encode()))
    except ValueError:
        return {}
