"""The model that stands for others: it answers with the first of them that does."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, closing, suppress
from functools import cached_property
from typing import TYPE_CHECKING

import llm
from llm.models import AsyncConversation, Conversation
from llm.parts import StreamEvent

from pi_fallback.hosts.llm_host.members import (
    AnyModel,
    Members,
    OwnOptions,
    history,
    options_of,
    prompt_for,
)

if TYPE_CHECKING:
    from llm.models import ModelWithAliases

# What a call needs is imported by the call: llm makes all its models at each start, whatever it is to do.


class Composite:
    """What a model is able to do: whatever one of its `members` is.

    llm declares these as attributes of a class, but asks an instance for them; and what the members can
    do is known only once all plugins have registered theirs.
    """

    @property
    def members(self) -> Sequence[AnyModel]:
        raise NotImplementedError

    @property
    def can_stream(self) -> bool:
        return any(member.can_stream for member in self.members)

    @property
    def supports_schema(self) -> bool:
        return any(member.supports_schema for member in self.members)

    @property
    def supports_tools(self) -> bool:
        return any(member.supports_tools for member in self.members)

    @property
    def attachment_types(self) -> frozenset[str]:
        return frozenset(kind for member in self.members for kind in member.attachment_types)

    @cached_property
    def Options(self) -> type[OwnOptions]:  # noqa: N802  # llm's name
        return options_of(self.members)


class Fallback(Composite, llm.Model):  # pyright: ignore[reportIncompatibleVariableOverride]  # see Composite
    """A model whose members are models of llm."""

    def __init__(self, name: str, names: Sequence[str], models: "list[ModelWithAliases]") -> None:
        self.model_id = name
        self._all = Members(names, models, Fallback)

    @property
    def members(self) -> Sequence[AnyModel]:
        return self._all.sync

    def execute(
        self, prompt: llm.Prompt, stream: bool, response: llm.Response, conversation: Conversation | None
    ) -> Iterator[str | StreamEvent]:
        from pi_fallback.failover import NoRouteLeft
        from pi_fallback.hosts.llm_host.calls import Call
        from pi_fallback.hosts.llm_host.waiting import in_time

        call = Call(self.model_id, self.members, prompt, stream, response)
        with closing(call.failover()) as failover:
            attempts = failover.attempts()
            for attempt in attempts:
                yield from call.begins(attempt)
                member = call.member(attempt)
                clock = call.clock(member)
                with call.of(attempt):
                    answer = llm.Response(
                        prompt_for(member, prompt),
                        member,
                        call.streams(member),
                        conversation=history(member, conversation),
                    )
                    for event in in_time(answer.stream_events, clock):
                        yield from call.heard(event, attempt, clock)
                    call.ends(attempt, answer)
                if attempt.is_complete:
                    yield from call.held
                if call.is_to_stop(attempt):
                    with suppress(NoRouteLeft):
                        next(attempts)  # which books the failure
                    raise call.stopped(attempt)


class AsyncFallback(Composite, llm.AsyncModel):  # pyright: ignore[reportIncompatibleVariableOverride]  # see Composite
    """The same for `llm --async` and its async API, over the members' own async models."""

    def __init__(self, name: str, names: Sequence[str], models: "list[ModelWithAliases]") -> None:
        self.model_id = name
        self._all = Members(names, models, Fallback)

    @property
    def members(self) -> Sequence[AnyModel]:
        return self._all.asynchronous

    async def execute(
        self, prompt: llm.Prompt, stream: bool, response: llm.AsyncResponse, conversation: AsyncConversation | None
    ) -> AsyncGenerator[str | StreamEvent, None]:
        from pi_fallback.failover import NoRouteLeft
        from pi_fallback.hosts.llm_host.calls import Call
        from pi_fallback.hosts.llm_host.waiting import in_time_async

        call = Call(self.model_id, self.members, prompt, stream, response)
        with closing(call.failover()) as failover:
            attempts = failover.attempts()
            async for attempt in attempts:
                for event in call.begins(attempt):
                    yield event
                member = call.member(attempt)
                clock = call.clock(member)
                with call.of(attempt):
                    answer = llm.AsyncResponse(
                        prompt_for(member, prompt),
                        member,
                        call.streams(member),
                        conversation=history(member, conversation),
                    )
                    async with aclosing(in_time_async(answer.astream_events(), clock)) as events:
                        async for event in events:
                            for passed in call.heard(event, attempt, clock):
                                yield passed
                    call.ends(attempt, answer)
                if attempt.is_complete:
                    for event in call.held:
                        yield event
                if call.is_to_stop(attempt):
                    with suppress(NoRouteLeft):
                        await anext(attempts)  # which books the failure
                    raise call.stopped(attempt)
