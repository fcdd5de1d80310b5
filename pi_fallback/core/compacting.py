"""Compacting: which part of a history is summarised, and what the history is afterwards."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from pi_fallback.config.policies import CompactionPolicy
from pi_fallback.core.eligibility import CHARACTERS_A_TOKEN, IMAGE_TOKENS
from pi_fallback_hookspecs import (
    AssistantMessage,
    Image,
    Message,
    Request,
    StopReason,
    Text,
    Thinking,
    ToolCall,
    ToolResultMessage,
    ToolSpec,
    Usage,
    UserMessage,
    thawed,
    user_message,
)

BEGIN = "[The beginning of this conversation was replaced by this summary:]\n\n"
END = "\n\n[End of the summary. The conversation goes on from here as it was.]"
FAILED = frozenset({StopReason.ERROR, StopReason.ABORTED})
ONLY_NEWEST = "it holds hardly more than its newest messages, and they are never left out"
TOO_LONG = "the newest messages alone are too long, and they are never left out"


@dataclass(frozen=True, slots=True)
class Room:
    """Tokens of a request: `whole` is for all of its messages, `recent` for those kept, `summary` for the new one."""

    whole: int
    recent: int
    summary: int


@dataclass(frozen=True, slots=True)
class Cut:
    """A history in two. `former` is the summary that it began with; `older` is to be summarised with it.

    `kept` stays as it is: first what the user asked of the run that goes on, if that is older, then the newest.
    """

    former: str
    older: tuple[Message, ...]
    kept: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Compaction:
    """A history that was shortened to `messages`; the tokens are estimates."""

    summary: str
    messages: tuple[Message, ...]
    tokens_before: int
    tokens_after: int

    @property
    def saving(self) -> str:
        return f"about {self.tokens_before:,} tokens before, {self.tokens_after:,} now"


def tokens_in(messages: Sequence[Message]) -> int:
    """An estimate for those of `messages` that are sent."""
    return sum(map(_tokens, messages))


def own_tokens(system: str, tools: Sequence[ToolSpec]) -> int:
    """An estimate for what each request holds besides its messages."""
    told = (f"{tool.name}{tool.description}{json.dumps(thawed(tool.parameters))}" for tool in tools)
    return (len(system) + sum(map(len, told))) // CHARACTERS_A_TOKEN


def window_of(window: int, request: Request, usage: Usage | None, *, overflowed: bool) -> int:
    """`window`, the tokens that a model takes, in the measure of our estimates.

    What a provider has counted, or refused as too long, tells how far an estimate is from its own count.
    """
    estimate = tokens_in(request.messages) + own_tokens(request.system, request.tools)
    if overflowed:
        return max(1, min(window, estimate))
    counted = 0 if usage is None else usage.total
    return window if counted <= estimate else max(1, window * estimate // counted)


def room_in(window: int, policy: CompactionPolicy, *, besides: int = 0) -> Room:
    """What fits into a `window` beside the answer and the tokens that are there `besides`."""
    whole = max(1, window - min(policy.reserve_tokens, window // 2) - besides)
    return Room(whole, min(policy.keep_recent_tokens, whole // 2), max(1, min(policy.reserve_tokens * 3, whole) // 4))


def is_full(usage: Usage, window: int, policy: CompactionPolicy) -> bool:
    """Whether a request with an answer of this `usage` has left too little of the `window` for another."""
    return policy.enabled and usage.total > room_in(window, policy).whole


def cut(messages: Sequence[Message], room: Room) -> Cut | str:
    """Cut `messages` where nothing is lost that must stay together; or say why they cannot be shortened.

    A tool call stays with its result, one that is still open stays, and so does the newest message that is sent.
    """
    former = summary_in(messages[0]) if messages else None
    said = list(messages if former is None else messages[1:])
    sizes = [_tokens(message) for message in said]
    last = next((at for at in reversed(range(len(said))) if sizes[at]), None)
    if last is None:
        return "there is nothing to shorten yet"
    places = [at for at in _whole_places(said) if at <= last]
    after = [0, *accumulate(reversed(sizes))][::-1]  # after[at]: the tokens from `at` on
    at = next((at for at in places if after[at] <= room.recent), places[-1])
    asked = _asked_before(said, at)
    older, kept = tuple(said[:at]), (*asked, *said[at:])
    if tokens_in(older) <= tokens_in(asked):
        return "it is short already" if after[0] <= room.recent else ONLY_NEWEST
    if tokens_in(kept) > room.whole:
        return TOO_LONG
    return Cut(former or "", older, kept)


def compacted(messages: Sequence[Message], done: Cut, summary: str, room: Room) -> Compaction | str:
    """Return the history with `summary` in place of what is older, or say why that is no help."""
    shorter = (summary_message(summary), *done.kept)
    result = Compaction(summary, shorter, tokens_in(messages), tokens_in(shorter))
    if result.tokens_after >= result.tokens_before:
        return "the summary is no shorter than what it would replace"
    if result.tokens_after > room.whole:
        return "it would be too long even with the summary in place of its older part"
    return result


def summary_message(summary: str) -> UserMessage:
    return user_message(f"{BEGIN}{summary}{END}")


def summary_in(message: Message) -> str | None:
    """The summary of an earlier compaction that `message` is, or None if it is none."""
    text = message.text if isinstance(message, UserMessage) else ""
    return text[len(BEGIN) : -len(END)] if text.startswith(BEGIN) and text.endswith(END) else None


def is_failed(message: Message) -> bool:
    return isinstance(message, AssistantMessage) and message.stop_reason in FAILED


def _tokens(message: Message) -> int:
    return 0 if is_failed(message) else 1 + sum(map(_block_tokens, message.content))


def _block_tokens(block: Text | Thinking | ToolCall | Image) -> int:
    match block:
        case Image():
            return IMAGE_TOKENS
        case Text() | Thinking():
            characters = len(block.text)
        case ToolCall():
            characters = len(block.name) + len(json.dumps(thawed(block.arguments)))
    return -(-characters // CHARACTERS_A_TOKEN)


def _whole_places(messages: Sequence[Message]) -> Iterator[int]:
    """Where `messages` can be cut so that each call and its result, or its want of one, are on one side."""
    waiting: dict[str, list[int]] = {}
    for at, message in enumerate(messages):
        if isinstance(message, ToolResultMessage):
            if calls := waiting.get(message.call_id):
                calls.pop(0)
        elif isinstance(message, AssistantMessage) and not is_failed(message):
            # What the model went on without will get no result any more.
            waiting = {}
            for call in message.tool_calls:
                waiting.setdefault(call.id, []).append(at)
    open_from = min((calls[0] for calls in waiting.values() if calls), default=len(messages))
    bound = dict(_bonds(messages))
    reach = 0  # up to where the calls so far have their results
    for at in range(len(messages)):
        if at > open_from:
            return
        if at > reach or at == 0:
            yield at
        reach = max(reach, bound.get(at, at))


def _bonds(messages: Sequence[Message]) -> Iterator[tuple[int, int]]:
    """Where an answer is, and where the last result of its calls is."""
    calls: dict[str, list[int]] = {}
    last: dict[int, int] = {}
    for at, message in enumerate(messages):
        if isinstance(message, AssistantMessage):
            for call in message.tool_calls:
                calls.setdefault(call.id, []).append(at)
        elif isinstance(message, ToolResultMessage) and (those := calls.get(message.call_id)):
            last[those.pop(0)] = at
    return iter(last.items())


def _asked_before(messages: Sequence[Message], at: int) -> tuple[UserMessage, ...]:
    """What the user asked of the run in whose middle `at` is: back to the last answer that ended a run well."""
    if isinstance(messages[at], UserMessage) and (at == 0 or _ends_run(messages[at - 1])):
        return ()
    asked: list[UserMessage] = []
    for message in reversed(messages[:at]):
        if asked and _ends_run(message):
            break
        if isinstance(message, UserMessage):
            asked.append(message)
    return tuple(reversed(asked))


def _ends_run(message: Message) -> bool:
    return isinstance(message, AssistantMessage) and not is_failed(message) and not message.tool_calls
