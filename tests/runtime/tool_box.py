"""The built-in tools in a folder, called as the agent calls them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pi_fallback.runtime.tools.builtin import builtin_tools
from pi_fallback_hookspecs import Level, Text, Tool, ToolContext, ToolOutput, frozen_object


class NoScreen:
    """A user who is not there."""

    def notify(self, text: str, level: Level = "info") -> None: ...

    async def confirm(self, title: str, detail: str = "") -> bool:
        return False

    async def select(self, title: str, options: Sequence[str]) -> str | None:
        return None

    async def input(self, title: str, placeholder: str = "") -> str | None:
        return None


@dataclass
class ToolBox:
    cwd: Path
    environ: Mapping[str, str]
    secrets: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    shown: list[str] = field(default_factory=list[str])

    def tool(self, name: str) -> Tool:
        tools = builtin_tools(environ=self.environ, secrets=lambda: self.secrets, allowed=self.allowed)
        return next(tool for tool in tools if tool.name == name)

    async def call(self, name: str, **arguments: object) -> ToolOutput:
        ctx = ToolContext(str(self.cwd), NoScreen(), self.shown.append)
        answer = await self.tool(name).run(ctx, frozen_object(arguments))
        return ToolOutput((Text(answer),)) if isinstance(answer, str) else answer

    async def text(self, name: str, **arguments: object) -> str:
        output = await self.call(name, **arguments)
        return "".join(block.text for block in output.content if isinstance(block, Text))

    async def text_of_bash(self, command: str) -> str:
        return await self.text("bash", command=command)
