"""Cases: what a provider can do wrong, in each phase of an answer, and what is to come of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from pi_fallback.providers.dialects import DIALECTS
from pi_fallback.testing import (
    CommentsOnly,
    Cut,
    CutBeforeHeaders,
    Drip,
    Empty200,
    ErrorEvent,
    HangBeforeHeaders,
    Html,
    Malformed,
    Ok,
    Raw,
    Redirect,
    Stall,
    Status,
    ToolCallScript,
)
from pi_fallback.testing.steps import Play, Script
from pi_fallback_hookspecs import Limits, Phase
from tests.faults import bending

Dialects = Mapping[str, int]
Ends = Literal["recovered", "kept", "failed"]

COMPLETIONS, RESPONSES, ANTHROPIC, GOOGLE = (dialect.name for dialect in DIALECTS)

GENEROUS = Limits(head_s=8.0, first_content_s=8.0, quiet_s=8.0, total_s=9.0)
SHORT_S = 0.4
SHORT = Limits(head_s=SHORT_S, first_content_s=SHORT_S, quiet_s=SHORT_S, total_s=5.0)
SLOW = Limits(head_s=1.0, first_content_s=1.0, quiet_s=1.0, total_s=9.0)

TEXT = Ok("An answer of several pieces, so that something can happen in the middle of it.")
CALL = Ok("I weigh again.", tools=[ToolCallScript("weigh", {"what": "what must never be weighed"})], chunk=8)
PIECES: Mapping[Phase, tuple[int, Ok]] = {Phase.PRE: (0, TEXT), Phase.TEXT: (2, TEXT), Phase.TOOL_ARGS: (4, CALL)}
"""How many pieces of which answer come before the fault: none, some text, a part of a call (Google's come whole)."""

TWICE = 2  # a blip: once more over a fresh connection
AGAIN = 3  # the same behind a pooled connection, which may have been dead

LENGTHS = {COMPLETIONS: "length", RESPONSES: "max_output_tokens", ANTHROPIC: "max_tokens", GOOGLE: "MAX_TOKENS"}


@dataclass(frozen=True, slots=True)
class Case:
    """A fault in a phase. `asked`: how many requests it costs on its own route.

    `recovered` means by the next route, `kept` that there was nothing to recover from, `failed` that no route can help.
    `says` is the whole answer that is kept, or a part of the error. With `first` it hits the first request of a
    connection, else one that follows a tool that has run. `odd` has the numbers of the dialects that differ.
    """

    name: str
    phase: Phase
    play: Play | Script
    asked: int = 1
    ends: Ends = "recovered"
    says: str = ""
    first: bool = False
    alone: bool = False
    limits: Limits = GENEROUS
    odd: Dialects = field(default_factory=dict[str, int])
    only: tuple[str, ...] = ()

    def asked_of(self, dialect: str) -> int:
        return self.odd.get(dialect, self.asked)


def cases() -> tuple[Case, ...]:
    return (*_delays(), *_statuses(), *_before_the_answer(), *_streams(), *_ends(), *_healthy())


def _delays() -> Iterator[Case]:
    """429 with every kind of delay. None is waited for, because another route is there."""
    retry_info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}
    body = {"error": {"code": 429, "message": "Slow down.", "status": "RESOURCE_EXHAUSTED", "details": [retry_info]}}
    headers = {
        "seconds": "7",
        "a date": "Wed, 21 Oct 2095 07:28:00 GMT",
        "huge": "9" * 30,
        "negative": "-5",
        "junk": "soon",
        "escape bytes": "\x1b[2J\x1b]0;gone\x07",
    }
    for name, value in headers.items():
        yield Case(f"429, {name}", Phase.PRE, Status(429, {"retry-after": value}))
    yield Case("429, RetryInfo in the body", Phase.PRE, Status(429, body=body))
    yield Case("429, no delay", Phase.PRE, Status(429))
    yield Case("429, escape bytes in the text", Phase.PRE, Status(429, body="\x1b]52;c;aGk=\x07 slow down"))
    yield Case("429 on the first request", Phase.PRE, Status(429), first=True)


def _statuses() -> Iterator[Case]:
    """Statuses, each with the error body of the dialect."""
    blips: Mapping[int, Dialects] = {
        500: {},
        502: {},
        503: {GOOGLE: 1},  # UNAVAILABLE: no capacity
        504: {ANTHROPIC: 1, GOOGLE: 1},  # said to be a timeout
    }
    for code in (400, 401, 402, 403, 404, 408, 422, 529):
        yield Case(f"{code}", Phase.PRE, Status(code))
    for code, odd in blips.items():
        yield Case(f"{code}", Phase.PRE, Status(code), TWICE, odd=odd)
    yield Case("413, and a larger model is there", Phase.PRE, Status(413))
    yield Case("418, which nobody knows", Phase.PRE, Status(418, body="I am a teapot"))
    yield Case("502 with a web page", Phase.PRE, Status(502, body="<html><title>Bad gateway</title></html>"), TWICE)
    yield Case("401 and no other route", Phase.PRE, Status(401), ends="failed", says="one/big: auth: ", alone=True)
    yield Case("413 and no other route", Phase.PRE, Status(413), ends="failed", says="its newest messages", alone=True)


def _before_the_answer() -> Iterator[Case]:
    """What is no answer at all."""
    for how in ("fin", "rst"):
        cut = CutBeforeHeaders(how)
        yield Case(f"{how} before the head", Phase.PRE, cut, TWICE, first=True)
        yield Case(f"{how} before the head of a pooled connection", Phase.PRE, cut, AGAIN)
    yield Case("head stall", Phase.PRE, HangBeforeHeaders(), limits=SHORT)
    yield Case("dripped head", Phase.PRE, Drip(every_s=0.1, headers=True), limits=SHORT)
    yield Case("empty 200", Phase.PRE, Empty200())
    yield Case("204", Phase.PRE, Status(204))
    yield Case("captive portal", Phase.PRE, Html())
    yield Case("JSON for a stream", Phase.PRE, Status(200, body={"status": "fine"}))
    yield Case("not HTTP", Phase.PRE, Raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"))
    yield Case("redirect", Phase.PRE, Redirect("http://127.0.0.1:1/elsewhere"))
    yield Case("compressed", Phase.PRE, bending.zipped(TEXT))


def _streams() -> Iterator[Case]:
    """What breaks an answer off, in each phase of it."""
    for phase, (after, of) in PIECES.items():
        empty: Dialects = {GOOGLE: 1} if phase is Phase.PRE else {}  # Google sends nothing ahead of the content
        yield Case("stall", phase, Stall(after, of), limits=SHORT)
        yield Case("comments and pings only", phase, CommentsOnly(after, 0.05, of), limits=SHORT)
        for how in ("fin", "rst", "clean", "close"):
            ends_well = how in ("clean", "close")
            yield Case(f"cut: {how}", phase, Cut(after, how, of), TWICE, odd=empty if ends_well else {})
        yield Case("error event", phase, ErrorEvent(after, of=of))
        yield Case("half an event", phase, Malformed(after, bending.event(b'{"half": '), of))
        yield Case("too long a content-length", phase, bending.badly_framed(of, after, "too long"), TWICE)
        yield Case("too short a content-length", phase, bending.badly_framed(of, after, "too short"), TWICE, odd=empty)
        yield Case("broken chunking", phase, bending.badly_framed(of, after, "broken"))
    for phase in (Phase.PRE, Phase.TEXT):
        after, of = PIECES[phase]
        for name, junk in bending.JUNK.items():
            yield Case(f"an event is {name}", phase, Malformed(after, bending.event(junk), of))
    for name, value in bending.WRONG_VALUES.items():
        yield Case(f"an event holds {name}", Phase.TEXT, bending.wrongly(TEXT, value))


def _ends() -> Iterator[Case]:
    """Answers that end, but not as they should."""
    filtered = {COMPLETIONS: "content_filter", RESPONSES: "content_filter", ANTHROPIC: "refusal", GOOGLE: "SAFETY"}
    half = ToolCallScript("weigh", '{"what": "what must never be wei')
    one_piece: Dialects = {GOOGLE: 1}  # its calls come in one event, and half of one is no JSON
    for dialect, finish in filtered.items():
        yield Case("content filter", Phase.TEXT, Ok(TEXT.text, finish=finish), only=(dialect,))
    for dialect, finish in LENGTHS.items():
        step = Ok("I weigh.", tools=[half], finish=finish)
        yield Case("length stop in tool arguments", Phase.TOOL_ARGS, step, TWICE, odd=one_piece, only=(dialect,))
    yield Case("half a call, and a good end", Phase.TOOL_ARGS, Ok("I weigh.", tools=[half]), TWICE, odd=one_piece)
    for phase in (Phase.TEXT, Phase.TOOL_ARGS):
        text = None if phase is Phase.TOOL_ARGS else TEXT.text
        tools = CALL.tools if phase is Phase.TOOL_ARGS else ()
        yield Case("no finish reason", phase, Ok(text, tools=tools, finish="", done=False), TWICE)
    yield Case("nothing, and a good end", Phase.DONE, Ok(""))
    yield Case("blanks, and a good end", Phase.DONE, Ok(" \n"))


def _healthy() -> Iterator[Case]:
    """What looks odd and is a whole answer, at once or when it is asked for once more: nobody may fail over."""
    words = TEXT.said
    for how in ("fin", "rst", "hang"):
        yield Case(f"the end, then {how}", Phase.DONE, bending.after_the_end(TEXT, how), ends="kept", says=words)
    for name, blip in (("500", Status(500)), ("cut", Cut(2, "rst")), ("stale", CutBeforeHeaders("fin"))):
        yield Case(f"{name}, then well", Phase.DONE, Script([blip, TEXT]), TWICE, ends="kept", says=words)
    slow = replace(TEXT, pace_s=0.25)  # longer in all than each limit alone
    yield Case("slow but alive", Phase.TEXT, slow, ends="kept", says=words, limits=SLOW)
    yield Case("dripped body", Phase.TEXT, Drip(every_s=0.0, size=7, of=TEXT), ends="kept", says=words)
    for dialect, finish in LENGTHS.items():
        yield Case(
            "length stop in text", Phase.TEXT, replace(TEXT, finish=finish), ends="kept", says=words, only=(dialect,)
        )
    yield Case("no [DONE]", Phase.DONE, replace(TEXT, done=False), ends="kept", says=words, only=(COMPLETIONS, GOOGLE))
    yield Case("no finish reason", Phase.DONE, replace(TEXT, finish=""), ends="kept", says=words, only=(COMPLETIONS,))
    for name, bend in bending.ODDITIES.items():
        yield Case(f"legal: {name}", Phase.TEXT, bending.bent(TEXT, bend), ends="kept", says=words)
    wide = Ok("Zwölf Boxkämpfer 🥊 jagen 祝您愉快 über den Deich.", chunk=5)
    in_pieces = Drip(every_s=0.0, size=3, of=wide)
    yield Case("legal: characters in pieces", Phase.TEXT, in_pieces, ends="kept", says=wide.said)
