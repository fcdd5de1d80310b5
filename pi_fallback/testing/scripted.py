"""The scripted provider: it answers in the process, without a wire, for tests in virtual time."""

import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import NamedTuple

import anyio
import anyio.lowlevel

from pi_fallback.testing.moves import CallTool, Fail, Hang, Move, Moves, Pieces, Say, Wait, fail
from pi_fallback_hookspecs import (
    AssistantMessage,
    Call,
    Model,
    ModelRef,
    Phase,
    Producer,
    Provider,
    Reply,
    StopReason,
    StreamEvent,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
    ToolCallDelta,
    frozen_object,
    thawed,
)

DIALECT = "scripted"


class Called(NamedTuple):
    """A call and the moment at which it came."""

    call: Call
    at: float


class ScriptedProvider:
    """Models that answer as told: `ScriptedProvider({"big": [fail(status=429), Say("hi")]}).provider("acme")`."""

    def __init__(self, moves: Mapping[str, Moves] | None = None) -> None:
        self._moves: dict[str, Sequence[Move | Callable[[Call], Move]]] = {}
        self._calls: list[Called] = []
        self._ids = count(1)
        for model, script in (moves or {}).items():
            self.play(model, script)

    @property
    def calls(self) -> tuple[Called, ...]:
        """All calls so far, oldest first."""
        return tuple(self._calls)

    def calls_for(self, model: str) -> tuple[Called, ...]:
        return tuple(called for called in self._calls if called.call.model.ref.id == model)

    def play(self, model: str, moves: Moves) -> None:
        """Answer the calls of `model` with `moves` from now on, from the first."""
        self._moves[model] = moves if isinstance(moves, Sequence) else (moves,)

    def provider(self, id: str, *models: Model) -> Provider:  # noqa: A002  # the contract's own word
        """Return a provider that serves `models`, or every model that has moves by now."""
        served = models or tuple(Model(ModelRef(id, model)) for model in self._moves)
        return Provider(id=id, dialect=DIALECT, models=served, needs_key=False, stream=self.stream)

    async def stream(self, call: Call) -> AsyncGenerator[StreamEvent, None]:
        """Answer `call` with the next move of its model."""
        self._calls.append(Called(call, anyio.current_time()))
        move = self._due(call)
        await anyio.lowlevel.checkpoint()
        while isinstance(move, Wait):
            await anyio.sleep(move.for_s)
            move = move.then
        match move:
            case Fail(fault=fault):
                yield fault
            case Hang():
                await anyio.sleep_forever()
            case Pieces(texts=texts, every_s=every_s, then=then):
                for text in texts:
                    await anyio.sleep(every_s)
                    yield TextDelta(text)
                match then:
                    case None:
                        yield _reply(call, (Text("".join(texts)),), Say())
                    case Fail(fault=fault):
                        yield replace(fault, phase=Phase.TEXT) if texts else fault
                    case Hang():
                        await anyio.sleep_forever()
            case Say() | CallTool():
                say = move if isinstance(move, Say) else Say(calls=(move,))
                content = self._content(say)
                for index, block in enumerate(content):
                    yield _delta(block, index)
                yield _reply(call, content, say)

    def _due(self, call: Call) -> Move:
        model = call.model.ref.id
        moves = self._moves.get(model)
        if not moves:
            return fail(f"the script has no moves for {model!r}", status=404)
        if len(moves) > 1:
            self._moves[model] = moves[1:]
        return moves[0](call) if callable(moves[0]) else moves[0]

    def _content(self, say: Say) -> tuple[Text | Thinking | ToolCall, ...]:
        calls = (ToolCall(f"call-{next(self._ids)}", call.name, frozen_object(call.arguments)) for call in say.calls)
        thinking = (Thinking(say.thinking),) if say.thinking else ()
        text = (Text(say.text),) if say.text else ()
        return (*thinking, *text, *calls)


def _delta(block: Text | Thinking | ToolCall, index: int) -> StreamEvent:
    match block:
        case Text(text=text):
            return TextDelta(text, index)
        case Thinking(text=text):
            return ThinkingDelta(text, index)
        case ToolCall(id=call_id, name=name, arguments=arguments):
            return ToolCallDelta(index, call_id, name, json.dumps(thawed(arguments)))


def _reply(call: Call, content: tuple[Text | Thinking | ToolCall, ...], say: Say) -> Reply:
    stop = say.stop or (StopReason.TOOL_USE if say.calls else StopReason.STOP)
    ref = call.model.ref
    return Reply(AssistantMessage(content, stop, Producer(ref.provider, ref.id, DIALECT), say.usage))
