"""The state of the screen: one frozen value, folded from what the agent tells."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias, assert_never

from pi_fallback.runtime import feed
from pi_fallback.tui.entries import Answer, Entry, Notice, ToolUse, entries_of, with_result
from pi_fallback_hookspecs import (
    AssistantMessage,
    Delta,
    Level,
    Message,
    Route,
    StopReason,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    ToolResultMessage,
)

OUTPUT_KEPT = 256 * 1024  # characters of a running tool's output; its result is shorter
ENTRIES_MAX = 500  # each is a widget; what leaves the screen is still in the session


@dataclass(frozen=True, slots=True)
class Countdown:
    """Something happens at the moment `at` (monotonic seconds)."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class ScreenState:
    """All that is drawn. `status` holds the plugins' slots by key, `timers` their countdowns by owner and name."""

    entries: tuple[Entry, ...] = ()
    next_number: int = 0
    gone: int = 0
    route: Route | None = None
    working: bool = False
    compacting: bool = False
    timers: Mapping[tuple[str, str], Countdown] = field(default_factory=dict[tuple[str, str], Countdown])
    retry: Countdown | None = None
    status: Mapping[str, str] = field(default_factory=dict[str, str])
    steering: tuple[str, ...] = ()
    follow_ups: tuple[str, ...] = ()
    hint: Countdown | None = None
    expanded: bool = False


def fold(state: ScreenState, item: feed.FeedItem, now: float) -> ScreenState:
    """Return the state after `item`, which came at the moment `now`."""
    match item:
        case feed.RunStarted() | feed.TurnStarted():
            return replace(state, working=True, retry=None)
        case feed.AnswerStarted(route=route):
            # A repetition that costs nothing is not told as a withdrawal: the new answer takes its place.
            state = replace(_without_provisional(state), route=route, working=True, retry=None)
            return _added(state, Answer)
        case feed.Streamed(delta=delta):
            return _streamed(state, delta)
        case feed.Withdrawn(failure=failure):
            return noticed(_without_provisional(state), str(failure), "warning")
        case feed.MessageEnded(message=message):
            return _ended(state, message)
        case feed.ToolStarted(call=call):
            return _tool(state, call.id, lambda use: replace(use, state="running"))
        case feed.ToolProgressed(call_id=call_id, text=text):
            return _tool(state, call_id, lambda use: replace(use, output=(use.output + text)[-OUTPUT_KEPT:]))
        case feed.ToolEnded(result=result):
            return replace(state, entries=with_result(state.entries, result))
        case feed.TurnEnded():
            return state
        case feed.RunEnded(will_retry_at=at):
            retry = None if at is None else state.retry or Countdown(at, "retry")
            return replace(_without_provisional(state), working=False, retry=retry)
        case feed.RetryScheduled():
            return replace(state, retry=Countdown(item.at, _retry_label(item)))
        case feed.RetryEnded():
            return replace(state, retry=None)
        case feed.CompactionStarted():
            return replace(state, compacting=True)
        case feed.CompactionEnded():
            return _compacted(replace(state, compacting=False), item)
        case feed.RouteSwitched(route=route, source=source, reason=reason):
            state = replace(state, route=route)
            why = f": {reason}" if reason and source == "failover" else ""
            return noticed(state, f"→ {route}{why}", "info")
        case feed.Noticed(text=text, level=level):
            return noticed(state, text, level)
        case feed.StatusChanged(key=key, text=text):
            others = {slot: shown for slot, shown in state.status.items() if slot != key}
            return replace(state, status={**others, key: text} if text else others)
        case feed.TimerChanged(plugin=plugin, name=name, at=at, label=label):
            timers = {key: timer for key, timer in state.timers.items() if key != (plugin, name)}
            return replace(state, timers=timers if at is None else {**timers, (plugin, name): Countdown(at, label)})
        case feed.QueueChanged(steering=steering, follow_ups=follow_ups):
            return replace(state, steering=steering, follow_ups=follow_ups)
        case feed.GaveUp(text=text):
            return noticed(replace(state, working=False, retry=None), text, "error")
        case feed.SessionChanged(messages=messages):
            return with_history(ScreenState(next_number=state.next_number, expanded=state.expanded), messages)
        case feed.Settled():
            return replace(state, working=False, retry=None)
        case _:
            assert_never(item)


def with_history(state: ScreenState, messages: Sequence[Message]) -> ScreenState:
    """Return `state` with the messages of a session that was read back, before what is shown already."""
    later = state.entries
    state = replace(state, entries=())
    for message in messages:
        if isinstance(message, ToolResultMessage):
            state = replace(state, entries=with_result(state.entries, message))
        else:
            state = _appended(state, entries_of(message, state.next_number))
    return _capped(replace(state, entries=state.entries + later))


def noticed(state: ScreenState, text: str, level: Level = "info") -> ScreenState:
    """Return `state` with a notice, unless the same was said just before."""
    last = state.entries[-1] if state.entries else None
    if isinstance(last, Notice) and last.text == text:
        return state if last.level == level else _replaced(state, replace(last, level=level))
    return _added(state, lambda number: Notice(number, text, level))


def hinted(state: ScreenState, text: str, *, until: float) -> ScreenState:
    """Return `state` with a hint on the status line."""
    return replace(state, hint=Countdown(until, text))


Make: TypeAlias = Callable[[int], Entry]


def _added(state: ScreenState, make: Make) -> ScreenState:
    return _capped(_appended(state, (make(state.next_number),)))


def _appended(state: ScreenState, entries: Sequence[Entry]) -> ScreenState:
    return replace(state, entries=(*state.entries, *entries), next_number=state.next_number + len(entries))


def _capped(state: ScreenState) -> ScreenState:
    over = max(0, len(state.entries) - ENTRIES_MAX)
    return replace(state, entries=state.entries[over:], gone=state.gone + over) if over else state


def _replaced(state: ScreenState, new: Entry) -> ScreenState:
    return replace(state, entries=tuple(new if entry.number == new.number else entry for entry in state.entries))


def _provisional(state: ScreenState) -> Answer | None:
    for entry in reversed(state.entries):
        if isinstance(entry, Answer):
            return entry if entry.state == "provisional" else None
    return None


def _without_provisional(state: ScreenState) -> ScreenState:
    answer = _provisional(state)
    if answer is None:
        return state
    return replace(state, entries=tuple(entry for entry in state.entries if entry is not answer))


def _streamed(state: ScreenState, delta: Delta) -> ScreenState:
    answer = _provisional(state)
    if answer is None:
        return state
    match delta:
        case TextDelta(text=text):
            return _replaced(state, replace(answer, text=answer.text + text))
        case ThinkingDelta(text=text):
            return _replaced(state, replace(answer, thinking=answer.thinking + text))
        case ToolCallDelta(name=name):
            return _replaced(state, replace(answer, calling=name)) if name else state


def _ended(state: ScreenState, message: Message) -> ScreenState:
    match message:
        case ToolResultMessage():
            return replace(state, entries=with_result(state.entries, message))
        case AssistantMessage(stop_reason=StopReason.ABORTED):
            return _aborted(state)
        case AssistantMessage(stop_reason=StopReason.ERROR, error=error):
            state = _without_provisional(state)
            return noticed(state, error or "The model failed.", "error")
        case _:
            state = _without_provisional(state) if isinstance(message, AssistantMessage) else state
            return _capped(_appended(state, entries_of(message, state.next_number)))


def _aborted(state: ScreenState) -> ScreenState:
    """What was said stays readable, marked as not being part of the session."""
    answer = _provisional(state)
    if answer is not None and answer.text:
        state = _replaced(state, replace(answer, calling="", state="aborted"))
    else:
        state = _without_provisional(state)
    return noticed(state, "Aborted.")


def _compacted(state: ScreenState, item: feed.CompactionEnded) -> ScreenState:
    if item.result is not None:
        return noticed(state, f"The conversation was shortened: {item.result.saving}.")
    if item.reason == "overflow":
        return state  # the error that ends the run says why
    return noticed(state, f"The conversation was not shortened: {item.error}.", "info" if item.aborted else "warning")


def _tool(state: ScreenState, call_id: str, change: Callable[[ToolUse], ToolUse]) -> ScreenState:
    for entry in reversed(state.entries):
        if isinstance(entry, ToolUse) and entry.call.id == call_id:
            return _replaced(state, change(entry))
    return state


def _retry_label(item: feed.RetryScheduled) -> str:
    if not item.attempt:
        return f"waiting: {item.route} may be tried again"
    of = f"/{item.max_attempts}" if item.max_attempts else ""
    return f"retry {item.attempt}{of}"
