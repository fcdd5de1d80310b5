"""The toolbox: one tool call, from permission to a journalled result."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

import anyio

from pi_fallback.runtime import feed
from pi_fallback.runtime.conversation import Log
from pi_fallback.runtime.dispatch import Dispatcher
from pi_fallback.runtime.faults import told
from pi_fallback.runtime.hiding import cleaned_message
from pi_fallback.runtime.tools.arguments import objection
from pi_fallback.runtime.tools.errors import ToolError
from pi_fallback_hookspecs import (
    Image,
    Text,
    Tool,
    ToolCall,
    ToolCallEvent,
    ToolContext,
    ToolOutput,
    ToolResultEvent,
    ToolResultMessage,
    ToolSpec,
    Ui,
    View,
)

Approval = Literal["ask", "always", "never"]
TEXT_MAX = 1024 * 1024  # characters of an output: no model's context holds more, and the session would keep it all


@dataclass
class Toolbox:
    """The tools of a session. With `approval` "ask" the user is asked before one that `asks`."""

    tools: Mapping[str, Tool]
    dispatcher: Dispatcher
    ui: Ui
    cwd: str
    approval: Approval
    emit: Callable[[feed.FeedItem], None]
    redact: Callable[[str], str] = str

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        return tuple(ToolSpec(tool.name, tool.description, tool.parameters) for tool in self.tools.values())

    async def run(
        self, call: ToolCall, log: Log, view: View, *, whole: bool, begins: Callable[[], None]
    ) -> ToolResultMessage:
        """Run `call` if nobody refuses it; `begins` hears that it does. `whole` is false for one that was cut off.

        The journal says that it began before it begins. Raises nothing but cancellation.
        """
        tool = self.tools.get(call.name)
        try:
            refusal = await self._refusal(call, tool, view, whole=whole)
        except (Exception, SystemExit) as error:  # a third party's preview, or a screen that failed: it fails closed
            refusal = f"Not run: nobody could be asked ({told(error)})."
        if refusal is not None or tool is None:
            return self._result(call, refusal or "", is_error=True)
        log.tool_started(call)
        begins()
        result = await self._outcome(tool, call)
        result = await self._folded(call, result, view)
        log.tool_finished(call)
        return result

    def aborted(self, call: ToolCall, *, begun: bool) -> ToolResultMessage:
        """The result of a call that the user's abort ended, or kept from beginning."""
        part = "before this was done: it may have run in part." if begun else "before this began: it was not run."
        return _result(call, f"The user aborted {part}", is_error=True)

    async def _refusal(self, call: ToolCall, tool: Tool | None, view: View, *, whole: bool) -> str | None:
        if tool is None:
            return f"There is no tool {call.name!r}. The tools are: {', '.join(self.tools)}."
        if not whole:
            return "Not run: the answer was cut off at its length limit."
        if (problem := objection(tool.parameters, call.arguments)) is not None:
            return problem
        refusals = await self.dispatcher.veto("tool_call", ToolCallEvent(view=view, call=call))
        if refusals:
            return "Refused: " + "; ".join(f"{reason} ({plugin})" for plugin, reason in refusals)
        if not tool.asks or self.approval == "always":
            return None
        if self.approval == "never":
            return f"Not allowed: {call.name} needs permission, and nobody is here to give it (see --yes)."
        detail = tool.preview(call.arguments) if tool.preview else ""
        if await self.ui.confirm(f"Run {call.name}?", detail):
            return None
        return "The user refused this tool call. Wait for what the user says."

    async def _outcome(self, tool: Tool, call: ToolCall) -> ToolResultMessage:
        context = ToolContext(self.cwd, self.ui, lambda text: self._progressed(call, text))
        try:
            output = await tool.run(context, call.arguments)
            if isinstance(output, ToolOutput):
                result = ToolResultMessage(call.id, call.name, self._redacted(output.content), bool(output.is_error))
            else:
                result = self._result(call, str(output), is_error=False)
        except ToolError as error:
            return self._result(call, str(error), is_error=True)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:  # an error of a tool is an answer to the model, and so is what it had cancelled
            if anyio.current_effective_deadline() == -math.inf or _holds_interrupt(error):
                raise  # it is our own cancellation, or the user's Ctrl-C
            return self._result(call, _words_of(error), is_error=True)
        return result

    def _progressed(self, call: ToolCall, text: str) -> None:
        self.emit(feed.ToolProgressed(call.id, self.redact(str(text))))

    def _redacted(self, content: tuple[Text | Image, ...]) -> tuple[Text | Image, ...]:
        """A key that a tool has read goes neither into the session nor to another provider."""
        return tuple(Text(_capped(self.redact(block.text))) if isinstance(block, Text) else block for block in content)

    def _result(self, call: ToolCall, text: str, *, is_error: bool) -> ToolResultMessage:
        return _result(call, _capped(self.redact(text)), is_error=is_error)

    async def _folded(self, call: ToolCall, result: ToolResultMessage, view: View) -> ToolResultMessage:
        event = ToolResultEvent(view=view, call=call, result=result)
        folded = cast("ToolResultMessage", await self.dispatcher.fold("tool_result", event, "result"))
        return folded if folded is result else cleaned_message(folded, self.redact)


def _result(call: ToolCall, text: str, *, is_error: bool) -> ToolResultMessage:
    return ToolResultMessage(call.id, call.name, (Text(text),), is_error)


def _capped(text: str) -> str:
    if len(text) <= TEXT_MAX:
        return text
    return f"{text[:TEXT_MAX]}\n\n[These are the first {TEXT_MAX:,} characters of {len(text):,}. Ask for less.]"


def _words_of(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # its own `__str__`
        return type(error).__name__


def _holds_interrupt(error: BaseException) -> bool:
    if not isinstance(error, BaseExceptionGroup):
        return False
    group = cast("BaseExceptionGroup[BaseException]", error)
    return group.subgroup(KeyboardInterrupt) is not None
