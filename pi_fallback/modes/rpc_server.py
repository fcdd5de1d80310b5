"""The server of the line protocol: carries out commands and tells what happens.

Commands are carried out one after another, as they come. A slash command runs beside them, for it may
ask a question whose answer comes in as a later line; so does a compaction, which a later line may abort.
"""

from dataclasses import dataclass

import anyio.abc

from pi_fallback.errors import PiFallbackError
from pi_fallback.modes import rpc_commands as c
from pi_fallback.modes.host_events import compaction_json
from pi_fallback.modes.jsonl import TooLong
from pi_fallback.modes.outbox import Outbox
from pi_fallback.modes.pi_events import PiEvents
from pi_fallback.modes.rpc_answers import commands_json, last_text, model_json, next_model, stats_json
from pi_fallback.modes.rpc_ui import RpcUi
from pi_fallback.modes.speaking import names_command
from pi_fallback.runtime import feed
from pi_fallback.runtime.agent import Agent
from pi_fallback.runtime.codec import JsonObject
from pi_fallback.runtime.conversation import Log
from pi_fallback.runtime.session_log import SessionLog
from pi_fallback_hookspecs import ModelRef


@dataclass
class Server:
    """Carries out the commands of one client, and tells it what happens."""

    agent: Agent
    ui: RpcUi
    outbox: Outbox
    events: PiEvents
    tasks: anyio.abc.TaskGroup

    def hear(self, item: feed.FeedItem) -> None:
        """Tell the client; what concerns its screen goes as a request to it."""
        match item:
            case feed.Noticed(text, level):
                self.ui.notify(text, level)
            case feed.StatusChanged(key, text):
                self.ui.status(key, text)
            case _:
                for event in self.events.events(item):
                    self.outbox.put(event)

    async def take(self, line: bytes | TooLong) -> None:
        """Carry out one line and answer it."""
        match command := read_line(line):
            case c.BadLine(error, name, ident):
                self._respond(name, ident, error=error)
            case c.UiResponse():
                self.ui.answer(command)
            case c.Compact():
                await self.outbox.has_room()
                self.tasks.start_soon(self._answer, command)
            case _:
                await self.outbox.has_room()
                await self._answer(command)

    async def _answer(self, command: c.Command) -> None:
        try:
            data = await self._carry_out(command)
        except PiFallbackError as error:
            self._respond(command.type, command.id, error=self.agent.signals.clean(str(error)))
        else:
            self._respond(command.type, command.id, data=data)

    def _respond(
        self, command: str, ident: str | None, *, data: JsonObject | None = None, error: str | None = None
    ) -> None:
        response: JsonObject = {} if ident is None else {"id": ident}
        response |= {"type": "response", "command": command, "success": error is None}
        if error is not None:
            response["error"] = error
        elif data is not None:
            response["data"] = data
        self.outbox.put(response)

    async def _carry_out(self, command: c.Command) -> JsonObject | None:
        """Do what `command` says and return the data of its response.

        Raises:
            PiFallbackError: it cannot be done.
        """
        agent = self.agent
        match command:
            case c.Prompt():
                await self._prompt(command)
            case c.Steer(message=text, pictures=images):
                # Steering reaches a run that is going on. Without one it would lie there: it starts one instead.
                (agent.steer if agent.busy else agent.follow_up)(text, images)
            case c.FollowUp(message=text, pictures=images):
                agent.follow_up(text, images)
            case c.AbortRun():
                await agent.abort()
            case c.AbortRetry():
                await agent.abort_retry()
            case c.SetAutoRetry(enabled=enabled):
                agent.set_auto_retry(enabled)
            case c.SetModel(provider=provider, model_id=model):
                route = await agent.select(str(ModelRef(provider, model)))
                return self._model(route.ref)
            case c.CycleModel():
                ref = next_model(agent.view())
                if ref is not None:
                    await agent.select(str(ref))
                    return {"model": self._model(ref)}
            case c.Compact(custom_instructions=instructions):
                return compaction_json(await agent.compact(instructions))
            case c.NewSession():
                await agent.new_session()
                return {"cancelled": False}
            case c.SwitchSession(session_path=path):
                await agent.resume(path)
                return {"cancelled": False}
            case c.GetState():
                return self._state()
            case c.GetMessages():
                return {"messages": [self.events.message(message) for message in agent.messages]}
            case c.GetLastAssistantText():
                return {"text": last_text(agent.messages)}
            case c.GetSessionStats():
                return {**_session(agent.conversation.log), **stats_json(agent.messages)}
            case c.GetAvailableModels():
                return {"models": [self._model(ref) for ref in agent.view().models]}
            case c.GetCommands():
                return {"commands": commands_json(agent.parts.commands)}
        return None

    async def _prompt(self, command: c.Prompt) -> None:
        agent, text, images = self.agent, command.message, command.pictures
        if names_command(text, agent.parts.commands):
            self.tasks.start_soon(self._slash, text)
        elif agent.busy and command.streaming_behavior == "steer":
            agent.steer(text, images)
        elif agent.busy and command.streaming_behavior == "followUp":
            agent.follow_up(text, images)
        else:
            await agent.prompt(text, images, source="rpc")

    async def _slash(self, line: str) -> None:
        try:
            await self.agent.command(line)
        except PiFallbackError as error:
            self.ui.notify(self.agent.signals.clean(str(error)), "error")

    def _model(self, ref: ModelRef) -> JsonObject:
        return model_json(ref, self.agent.view().catalog, self.agent.parts.wires.providers)

    def _state(self) -> JsonObject:
        agent, conversation = self.agent, self.agent.conversation
        thinking = None if agent.route is None else agent.parts.thinking(agent.route.ref)
        return {
            "model": None if agent.route is None else self._model(agent.route.ref),
            "credential": None if agent.route is None else agent.route.credential,
            "thinkingLevel": thinking or "off",
            "isStreaming": agent.busy,
            "isSettled": agent.settled_now,
            "isCompacting": agent.is_compacting,
            "autoRetryEnabled": agent.engine.policy.enabled,
            **_session(conversation.log),
            "messageCount": len(agent.messages),
            "pendingMessageCount": len(conversation.steering) + len(conversation.follow_ups),
        }


def _session(log: Log) -> JsonObject:
    file = {"sessionFile": str(log.path)} if isinstance(log, SessionLog) else {}
    return {"sessionId": log.session_id, **file}


def read_line(line: bytes | TooLong) -> c.Command | c.UiResponse | c.BadLine:
    if isinstance(line, TooLong):
        return c.BadLine(f"This line is longer than {line.limit} bytes. It was not read.")
    return c.read_command(line)
