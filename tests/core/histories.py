"""Histories as they grow: prompts, answers with tools and their results, failures, what is said in between."""

from hypothesis import strategies as st

from pi_fallback_hookspecs import (
    AssistantMessage,
    Image,
    Message,
    Producer,
    StopReason,
    Text,
    Thinking,
    ToolCall,
    ToolResultMessage,
    UserMessage,
    user_message,
)

BY = Producer("p", "m", "scripted")


def answer(text: str, *calls: str, stop: StopReason = StopReason.STOP) -> AssistantMessage:
    blocks = (*((Text(text),) if text else ()), *(ToolCall(call, "bash", {"command": "ls"}) for call in calls))
    return AssistantMessage(blocks, StopReason.TOOL_USE if calls else stop, BY)


def failed(text: str = "half") -> AssistantMessage:
    return answer(text, stop=StopReason.ERROR)


def result(call: str, text: str = "a.txt") -> ToolResultMessage:
    return ToolResultMessage(call, "bash", (Text(text),))


words = st.text("abc \n", min_size=1, max_size=400).map(lambda text: f"w{text}")
images = st.lists(st.just(Image("aGk=", "image/png")), max_size=1)


@st.composite
def histories(draw: st.DrawFn, *, open_ends: bool = False) -> tuple[Message, ...]:
    """A history; with `open_ends` its last calls may still wait for their results."""
    messages: list[Message] = []
    ids = iter(range(10_000))
    for _ in range(draw(st.integers(1, 6))):
        messages.append(user_message(draw(words), draw(images)))
        for _ in range(draw(st.integers(0, 4))):
            match draw(st.sampled_from(["tools", "tools", "failed", "steered"])):
                case "tools":
                    # Hosts give one id twice, and so may we.
                    calls = [f"c{draw(st.sampled_from([next(ids), 0]))}" for _ in range(draw(st.integers(1, 3)))]
                    calls = list(dict.fromkeys(calls))
                    said = answer(draw(words), *calls)
                    messages.append(
                        AssistantMessage((Thinking(draw(words)), *said.content), said.stop_reason, said.producer)
                    )
                    messages += [result(call, draw(words)) for call in calls]
                case "failed":
                    messages.append(failed(draw(words)))
                case _:
                    messages.append(UserMessage((Text(draw(words)),)))
        messages.append(answer(draw(words)))
    if open_ends and draw(st.booleans()):
        messages += [user_message(draw(words)), answer("", "open-1", "open-2")]
        if draw(st.booleans()):
            messages.append(result("open-1"))
    return tuple(messages)
