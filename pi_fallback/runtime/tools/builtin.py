"""The built-in tools, as the contract wants them."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TypeVar

import anyio

from pi_fallback.runtime.blocking import RunBlocking, in_thread
from pi_fallback.runtime.tools import bash, edit, ls, read, search, write
from pi_fallback.runtime.tools.arguments import Arguments, parsed, schema_of
from pi_fallback.runtime.tools.environment import filtered
from pi_fallback.runtime.tools.errors import ToolError
from pi_fallback.runtime.tools.limits import FILE_S
from pi_fallback_hookspecs import Json, Tool, ToolContext, ToolOutput

A = TypeVar("A", bound=Arguments)
Preview = Callable[[Mapping[str, Json]], str]


def _no_secrets() -> Collection[str]:
    return ()


def builtin_tools(
    *,
    environ: Mapping[str, str],
    run_blocking: RunBlocking = in_thread,
    secrets: Callable[[], Collection[str]] = _no_secrets,
    allowed: Collection[str] = (),
) -> tuple[Tool, ...]:
    """Return read, write, edit, bash, grep, find and ls.

    Processes get `environ` without what holds one of `secrets()` or is named like a secret, but for
    the names in `allowed`. `write`, `edit` and `bash` ask first.
    """

    def files(
        name: str,
        description: str,
        model: type[A],
        work: Callable[[str, A], ToolOutput | str],
        preview: Preview | None = None,
    ) -> Tool:
        async def run(ctx: ToolContext, given: A) -> ToolOutput | str:
            try:
                with anyio.fail_after(FILE_S):
                    return await run_blocking(lambda: work(ctx.cwd, given))
            except TimeoutError as error:
                raise ToolError(f"The file system did not answer within {FILE_S:.0f} s.") from error

        return _tool(name, description, model, run, preview)

    def child_environ() -> dict[str, str]:
        return filtered(environ, secrets=secrets(), allowed=allowed)

    async def run_bash(ctx: ToolContext, given: bash.BashArguments) -> ToolOutput:
        return await bash.bash(ctx, given, environ=child_environ(), run_blocking=run_blocking)

    async def run_grep(ctx: ToolContext, given: search.GrepArguments) -> str:
        return await search.grep(ctx, given, child_environ())

    async def run_find(ctx: ToolContext, given: search.FindArguments) -> str:
        return await search.find(ctx, given, child_environ())

    return (
        files("read", read.READ, read.ReadArguments, read.read),
        files("write", write.WRITE, write.WriteArguments, write.write, write.preview),
        files("edit", edit.EDIT, edit.EditArguments, edit.edit, edit.preview),
        _tool("bash", bash.BASH, bash.BashArguments, run_bash, bash.preview),
        _tool("grep", search.GREP, search.GrepArguments, run_grep),
        _tool("find", search.FIND, search.FindArguments, run_find),
        files("ls", ls.LS, ls.LsArguments, ls.ls),
    )


def _tool(
    name: str,
    description: str,
    model: type[A],
    run: Callable[[ToolContext, A], Awaitable[ToolOutput | str]],
    preview: Preview | None = None,
) -> Tool:
    """A tool that checks its arguments first. What has a preview asks."""

    async def checked(ctx: ToolContext, arguments: Mapping[str, Json]) -> ToolOutput | str:
        return await run(ctx, parsed(model, arguments))

    return Tool(name, description, schema_of(model), checked, asks=preview is not None, preview=preview)
