"""What an `anthropic-messages` API refuses in the order of a conversation.

One rule is that of stricter hosts: roles take turns. Anthropic itself joins what one side says in a row.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from pi_fallback.testing.anthropic_blocks import THOUGHTS, Object, as_objects, blocks_of, violations_of


def violations_in(messages: Sequence[Object], *, thinking: Any) -> Iterator[str]:
    """Say what is wrong with `messages` (at least one), given the type of thinking that is asked for."""
    for at, message in enumerate(messages):
        yield from _of_message(message, f"messages.{at}")
    yield from _of_turns(messages)
    yield from _of_pairs(messages)
    yield from _of_thoughts(messages, thinking)


def _of_message(message: Object, at: str) -> Iterator[str]:
    for name in sorted(map(str, message.keys() - {"role", "content"})):
        yield f"{at}.{name}: Extra inputs are not permitted"
    role, content = message.get("role"), message.get("content")
    if role not in ("user", "assistant"):
        yield f'{at}: Unexpected role {role!r}. Allowed roles are "user" or "assistant".'
        return
    if isinstance(content, str):
        if not content.strip():
            yield f"{at}: all messages must have non-empty content"
        return
    blocks = as_objects(content)
    if blocks is None:
        yield f"{at}.content: Input should be a valid string or a list of objects"
    elif not blocks:
        yield f"{at}: all messages must have non-empty content"
    for number, block in enumerate(blocks or ()):
        yield from violations_of(block, role, f"{at}.content.{number}")


def _of_turns(messages: Sequence[Object]) -> Iterator[str]:
    if messages[0].get("role") != "user":
        yield 'messages: first message must use the "user" role'
    for at in range(1, len(messages)):
        if messages[at].get("role") == messages[at - 1].get("role"):
            yield f"messages.{at}: roles must alternate, but found two {messages[at].get('role')!r} in a row"
    if messages[-1].get("role") == "assistant":
        last = blocks_of(messages[-1])[-1:]
        text = last[0].get("text") if last else None
        if isinstance(text, str) and text != text.rstrip():
            yield "messages: final assistant content cannot end with trailing whitespace"


def _of_pairs(messages: Sequence[Object]) -> Iterator[str]:
    called: list[Any] = []
    ids: list[Any] = []
    for at, message in enumerate(messages):
        blocks = blocks_of(message)
        results = [block for block in blocks if block.get("type") == "tool_result"]
        # What stands before the first result hides all of them.
        answered = [block.get("tool_use_id") for block in results] if blocks[: len(results)] == results else []
        for of in answered:
            if of not in called:
                yield (
                    f"messages.{at}: unexpected `tool_use_id` found in `tool_result` blocks: {of}. Each `tool_result` "
                    "block must have a corresponding `tool_use` block in the previous message."
                )
        if any(answered.count(of) > 1 for of in answered):
            yield f"messages.{at}: each tool_use must have a single result. Found multiple `tool_result` blocks"
        if missing := [str(of) for of in called if of not in answered]:
            yield (
                f"messages.{at - 1}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block in the "
                "next message."
            )
        called = [block.get("id") for block in blocks if block.get("type") == "tool_use"]
        if any(called.count(of) > 1 or of in ids for of in called):
            yield f"messages.{at}: `tool_use` ids must be unique"
        ids += called
    if called:
        yield f"messages.{len(messages) - 1}: `tool_use` ids were found without `tool_result` blocks immediately after"


def _of_thoughts(messages: Sequence[Object], thinking: Any) -> Iterator[str]:
    for at, message in enumerate(messages):
        kinds = [block.get("type") for block in blocks_of(message)]
        if message.get("role") == "assistant" and kinds[-1:] and kinds[-1] in THOUGHTS:
            yield f"messages.{at}: The final block in an assistant message cannot be `thinking`."
    turn = [blocks_of(message) for message in _current_turn(messages)]
    if thinking == "enabled" and turn and (not turn[0] or turn[0][0].get("type") not in THOUGHTS):
        yield (
            "Expected `thinking` or `redacted_thinking`. When `thinking` is enabled, a final `assistant` message must "
            "start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks)."
        )
    if thinking == "disabled" and any(block.get("type") in THOUGHTS for blocks in turn for block in blocks):
        yield "When thinking is disabled, an `assistant` message in the final position cannot contain `thinking`."
    if thinking in ("enabled", "adaptive") and messages[-1].get("role") == "assistant":
        yield "This model does not support assistant message prefill. The conversation must end with a user message."


def _current_turn(messages: Sequence[Object]) -> Sequence[Object]:
    """Return the answers since the user last said something that was not a result of a tool."""
    turn: list[Object] = []
    for message in reversed(messages):
        if message.get("role") == "assistant":
            turn.insert(0, message)
        elif not any(block.get("type") == "tool_result" for block in blocks_of(message)):
            break
    return turn
