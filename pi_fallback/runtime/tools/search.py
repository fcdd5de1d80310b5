"""`grep` and `find`: a search, asked of the worker process."""

import json
import re
import sys
from collections.abc import Mapping

import anyio
from pydantic import Field

from pi_fallback.runtime.tools.arguments import Arguments
from pi_fallback.runtime.tools.errors import ToolError
from pi_fallback.runtime.tools.paths import resolved
from pi_fallback.runtime.tools.worker import Found, Search
from pi_fallback_hookspecs import ToolContext

SEARCH_S = 30.0
# -P: a module of the same name in the working directory must not run.
WORKER = (sys.executable, "-P", "-m", "pi_fallback.runtime.tools.worker")

GREP = (
    "Search files for a regular expression (Python's syntax), line by line. What git ignores is left out. "
    "Answers with file, line number and line."
)
FIND = (
    "Find files by a glob such as `*.py`, `src/**/test_*.ts` or `*.{c,h}`. A glob without `/` is matched "
    "against the name alone. What git ignores is left out."
)


class GrepArguments(Arguments):
    pattern: str = Field(min_length=1, description="the regular expression")
    path: str = Field(".", description="a folder or a file")
    glob: str = Field("", description="only files that fit this glob, such as `*.py`")
    ignore_case: bool = Field(False, alias="ignoreCase")
    literal: bool = Field(False, description="take the pattern as plain text")
    context: int = Field(0, ge=0, le=20, description="lines to show before and after a match")
    limit: int = Field(100, ge=1, description="how many matches to show")


class FindArguments(Arguments):
    pattern: str = Field(min_length=1, description="the glob")
    path: str = Field(".", description="the folder to search")
    limit: int = Field(1000, ge=1, description="how many files to list")


async def grep(ctx: ToolContext, arguments: GrepArguments, environ: Mapping[str, str]) -> str:
    return await _ask(
        Search(
            cwd=ctx.cwd,
            root=str(resolved(ctx.cwd, arguments.path)),
            limit=arguments.limit,
            glob=arguments.glob,
            pattern=re.escape(arguments.pattern) if arguments.literal else arguments.pattern,
            ignore_case=arguments.ignore_case,
            context=arguments.context,
        ),
        environ,
    )


async def find(ctx: ToolContext, arguments: FindArguments, environ: Mapping[str, str]) -> str:
    return await _ask(
        Search(
            cwd=ctx.cwd,
            root=str(resolved(ctx.cwd, arguments.path)),
            limit=arguments.limit,
            glob=arguments.pattern,
            pattern=None,
            ignore_case=False,
            context=0,
        ),
        environ,
    )


async def _ask(request: Search, environ: Mapping[str, str]) -> str:
    try:
        with anyio.fail_after(SEARCH_S):
            done = await anyio.run_process(WORKER, input=json.dumps(request).encode(), env=environ, check=False)
    except TimeoutError as error:
        raise ToolError(f"The search took longer than {SEARCH_S:.0f} s. Narrow `path` or the pattern.") from error
    if done.returncode != 0:
        raise ToolError(f"The search failed: {done.stderr.decode(errors='replace').strip()[-500:]}")
    found: Found = json.loads(done.stdout)
    if found["error"]:
        raise ToolError(found["text"])
    return found["text"]
