"""Whose an exception is: a client's, or one that the caller's own code may raise as well."""

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

PYTHONS = frozenset({"builtins", "socket", "ssl", "asyncio", "anyio", "trio", "concurrent"})
"""Modules whose exceptions any code may raise: a full pipe of the caller's own is called as a lost connection is."""

ANYWHERE = frozenset({"TimeoutError"})
"""What tells of a failed call all the same: the caller's own limit around it."""

EITHER_SIDE = frozenset({"ClientConnectionResetError"})
"""What a client raises, and the same library's server when its reader is gone (aiohttp)."""

CLIENTS = frozenset(
    {
        "anthropic",
        "botocore",
        "google.genai",
        "h11",
        "h2",
        "http.client",
        "httpcore",
        "httpcore2",
        "httpx",
        "httpx2",
        "openai",
        "requests",
        "urllib.request",
        "urllib3",
        "websockets",
    }
)
"""Modules that make calls: what is raised in one of them is a client's, whatever it is called."""

CARRIERS = PYTHONS | {"codecs", "encodings", "json", "selectors"}
"""Modules that work for whoever calls them: who did is asked."""

SERVERS = frozenset(
    {"aiohttp.web_exceptions", "django", "fastapi", "flask", "litestar", "sanic", "starlette", "tornado", "werkzeug"}
)
"""Modules whose exceptions bear a status that the caller's own program is to answer with."""


def speaking_names(error: BaseException, *, every: bool) -> list[str]:
    """The names of the classes of `error` that tell of a call, the nearest first; with `every` all of them."""
    kinds = type(error).__mro__
    if every:
        return [kind.__name__ for kind in kinds]
    if any(kind.__name__ in EITHER_SIDE for kind in kinds):
        return []
    return [kind.__name__ for kind in kinds if kind.__name__ in ANYWHERE or not _is_of(kind.__module__, PYTHONS)]


def is_of_server(error: BaseException) -> bool:
    """Whether `error` is what the caller's own program is to answer with."""
    return any(_is_of(kind.__module__, SERVERS) for kind in type(error).__mro__)


def raised_in_client(error: BaseException) -> bool:
    """Whether the code that raised `error` is a client's. Code that works for others says nothing."""
    module = ""
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        name = str(trace.tb_frame.f_globals.get("__name__", ""))
        if not _is_of(name, CARRIERS):
            module = name
        trace = trace.tb_next
    return _is_of(module, CLIENTS)


def _is_of(module: str, modules: Collection[str]) -> bool:
    """Whether `module` is one of `modules`, or inside of one."""
    while module:
        if module in modules:
            return True
        module = module.rpartition(".")[0]
    return False
