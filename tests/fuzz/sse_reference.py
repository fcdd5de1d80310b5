"""Server-sent events as the standard words them (WHATWG HTML §9.2.6), slowly and on the whole stream at once."""

import re

from pi_fallback.providers.sse import SseEvent


def events_in(stream: bytes) -> list[SseEvent]:
    """Return the events of `stream`; a last one without its blank line counts, which is our one departure."""
    text = stream.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    events: list[SseEvent] = []
    name, data = "", ""
    for line in [*re.split("\r\n|\r|\n", text), ""]:
        if not line:
            if data.removesuffix("\n"):
                events.append(SseEvent(name, data.removesuffix("\n").encode()))
            name, data = "", ""
            continue
        field, _colon, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data += value + "\n"
        elif field == "event":
            name = value
    return events
