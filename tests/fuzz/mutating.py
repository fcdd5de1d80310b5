"""Mutating: a change to a stream of events that a parser still takes, which changed bytes seldom are."""

import json
from collections.abc import Callable
from random import Random
from typing import Any, cast

from tests.fuzz.laws import HEAD

_LEAVES: tuple[object, ...] = (
    *(None, True, False, 0, 1, -1, 7, 600, 1.5, 1e308, 10**19, "", " ", "x", "\n", "é", "😀", "{}", "{", '{"a":1}'),
    *([], {}, [[]], [{}], [None], {"type": "text"}, {"error": "x"}, {"text": "x"}, {"message": "x", "code": 429}),
    *("stop", "length", "tool_calls", "error", "refusal", "thinking", "429", "read", "call_1", "STOP", "end_turn"),
)
_ENDS = ("\n\n", "\r\n\r\n", "\r\r", "\n", "\n: ping\n\n", "\nevent: ping\n\n", "\nevent: error\n\n")


def mutated(data: bytes, seed: int, words: Callable[[bytes], bytes]) -> bytes:
    """Return `data` changed; `words` changes bytes of which nothing is known."""
    rng = Random(seed)
    head, stream = data[:HEAD].ljust(HEAD, b"\0"), data[HEAD:]
    if rng.random() < 0.1:
        head = rng.randbytes(3) + (b"\0" if rng.random() < 0.8 else rng.randbytes(1))
    events = stream.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n\n")
    at = rng.randrange(len(events))
    match rng.randrange(8):
        case 0:
            return head + words(stream)
        case 1:
            del events[at]
        case 2:
            events.insert(at, rng.choice(events))
        case 3:
            other = rng.randrange(len(events))
            events[at], events[other] = events[other], events[at]
        case _:
            events[at] = _event(events[at], rng)
    end = b"\n\n" if rng.random() < 0.9 else rng.choice(_ENDS).encode()
    return head + end.join(events)


def _event(event: bytes, rng: Random) -> bytes:
    """Return `event` with a change somewhere in the JSON that is its data, or that it is."""
    before, mark, data = event.rpartition(b"data: ")
    try:
        value: object = json.loads(data)
    except (ValueError, RecursionError):
        return event
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        value = _value(value, rng)
    return before + mark + json.dumps(value, ensure_ascii=rng.random() < 0.5).encode("utf-8", "replace")


def _value(value: object, rng: Random) -> object:
    inside = [*_places(value)]
    if not inside or rng.random() < 0.02:
        return _leaf(rng)
    holder, key = rng.choice(inside)
    match rng.randrange(6):
        case 0:
            del holder[key]
        case 1:
            other, name = rng.choice(inside)
            holder[key] = json.loads(json.dumps(other[name]))
        case 2 if isinstance(holder[key], str):
            text = cast("str", holder[key])
            cut = rng.randrange(len(text) + 1)
            holder[key] = rng.choice((text[:cut], text[cut:], text + text, text[:cut] + '"' + text[cut:]))
        case 3 if isinstance(holder, list):
            cast("list[object]", holder).insert(cast("int", key), _leaf(rng))
        case _:
            holder[key] = _leaf(rng)
    return value


def _leaf(rng: Random) -> object:
    return json.loads(json.dumps(rng.choice(_LEAVES)))  # a copy, which later changes may change


def _places(value: object) -> list[tuple[Any, Any]]:
    """Return each place of a value inside `value`: what holds it, and its key there."""
    if isinstance(value, dict):
        items = cast("dict[str, object]", value).items()
    elif isinstance(value, list):
        items = enumerate(cast("list[object]", value))
    else:
        return []
    return [place for key, item in items for place in ((value, key), *_places(item))]
