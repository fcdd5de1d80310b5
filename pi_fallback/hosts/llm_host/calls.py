"""One call of a fallback: which members may answer, what is told on the way, and what became of each."""

import logging
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import cached_property

import click
import llm
from llm.parts import StreamEvent

from pi_fallback.config.policies import RetryPolicy
from pi_fallback.core.clean import clean_line
from pi_fallback.core.closing import one_line
from pi_fallback.credentials.redaction import Redactor
from pi_fallback.failover import Attempt, AttemptFailed, Failover
from pi_fallback.hosts.llm_host import config
from pi_fallback.hosts.llm_host.answers import AnyResponse, emptiness, finish_reason, phase_of, take_over, withdraw
from pi_fallback.hosts.llm_host.clock import Clock, Stalled
from pi_fallback.hosts.llm_host.members import AnyModel, OwnOptions, route_of, unable
from pi_fallback_hookspecs import Fault, FaultKind

NO_WAITS = RetryPolicy(enabled=False)  # somebody sits there: an error that says when to try again is better
SILENT = logging.NullHandler()


class Call:
    """A prompt on its way to the members of the model `name`; `outer` becomes their answer."""

    def __init__(
        self, name: str, members: Sequence[AnyModel], prompt: llm.Prompt, stream: bool, outer: AnyResponse
    ) -> None:
        self._name = name
        self._members = {route_of(member): member for member in members}
        self._prompt = prompt
        self._stream = stream
        self._outer = outer
        self.held: list[StreamEvent] = []  # of an answer that nobody wants as a stream
        self._shows_text = False

    def failover(self) -> Failover:
        """Return what finds the member for this prompt.

        Raises:
            ValueError: no member is there, or none can take the prompt.
        """
        if not self._members:
            raise ValueError(
                f"None of the models of {self._name} is installed here. See `llm models`, then say "
                f"`llm fallback set {self._name} MODEL...`."
            )
        refused = {route: unable(member, self._prompt) for route, member in self._members.items()}
        able = [route for route, why in refused.items() if why is None]
        if not able:
            whys = "; ".join(f"{route.model} {why}" for route, why in refused.items())
            raise ValueError(f"None of the models of {self._name} can take this: {whys}.")
        # What is to be told is told here. Without a handler of its own, Python would write it to stderr too.
        logging.getLogger("pi_fallback").addHandler(SILENT)
        return Failover(able, retry=NO_WAITS, state=config.ledger_path(), redact=self._redacted)

    @property
    def options(self) -> OwnOptions:
        assert isinstance(self._prompt.options, OwnOptions)
        return self._prompt.options

    def member(self, attempt: Attempt) -> AnyModel:
        return self._members[attempt.route]

    def streams(self, member: AnyModel) -> bool:
        return self._stream and member.can_stream

    def clock(self, member: AnyModel) -> Clock:
        return Clock(self.options.limits(), self.streams(member))

    def begins(self, attempt: Attempt) -> Generator[StreamEvent, None, None]:
        """Withdraw what another member has streamed; what stands on the screen already ends with a line of its own."""
        if attempt.cause is None:
            return
        if self._shows_text:
            yield StreamEvent(type="text", chunk="\n")
            cause = attempt.cause
            why = one_line(clean_line(f"{cause.kind.value}: {cause.text}"))
            click.echo(f"{cause.route.model} broke off ({why}); {attempt.route.model} begins anew.", err=True)
        withdraw(self._outer)
        self.held.clear()
        self._shows_text = False

    def heard(self, event: StreamEvent, attempt: Attempt, clock: Clock) -> Generator[StreamEvent, None, None]:
        """Pass `event` on, or hold it until the answer is whole."""
        phase = phase_of(event)
        if phase is not None:
            clock.heard(phase)
            attempt.emitted(phase)
        if not self._stream:
            self.held.append(event)
            return
        self._shows_text = self._shows_text or (event.type == "text" and bool(event.chunk))
        yield event

    @contextmanager
    def of(self, attempt: Attempt) -> Generator[None, None, None]:
        """Take every exception of a member for a failure of it."""
        with attempt:
            try:
                yield
            except AttemptFailed:
                raise
            except Stalled as stalled:
                attempt.failed(stalled.fault)
            except llm.NeedsKeyException as error:
                attempt.failed(Fault(FaultKind.KEY, str(error)))
            except Exception as error:  # of any plugin: whatever it is, another model may do better
                attempt.failed(error)

    def ends(self, attempt: Attempt, answer: AnyResponse) -> None:
        """Say how `answer` ended; if it is whole, it becomes the one of this call."""
        fault = emptiness(answer)
        if fault is not None:
            attempt.failed(fault)
        attempt.complete(finish_reason(answer))
        take_over(answer, self._outer)

    def is_to_stop(self, attempt: Attempt) -> bool:
        """Whether the user wants no other answer behind the half one on the screen."""
        return not attempt.is_complete and self._shows_text and self.options.midstream == "stop"

    def stopped(self, attempt: Attempt) -> llm.ModelError:
        text = attempt.fault.text if attempt.fault else ""
        return llm.ModelError(f"{attempt.route.model} broke off: {one_line(clean_line(text))}")

    def _redacted(self, text: str) -> str:
        return self._redactor.clean(text)

    @cached_property
    def _redactor(self) -> Redactor:
        redactor = Redactor()
        for member in self._members.values():
            try:
                redactor.add(member.get_key() or "")
            except llm.NeedsKeyException:
                continue
        return redactor
