"""Functions as tools: what a model may call is read from an async function's signature."""

import functools
import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, get_type_hints

from pydantic import Field, create_model
from pydantic.errors import PydanticUserError
from pydantic_core import PydanticSerializationError, to_json

from pi_fallback.errors import ConfigError
from pi_fallback.runtime.tools.arguments import Arguments, parsed, schema_of
from pi_fallback_hookspecs import Json, Tool, ToolContext, ToolOutput

ToolFunction: TypeAlias = Callable[..., Awaitable[object]]
_NAMED = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}


def tool_of(function: ToolFunction | Tool) -> Tool:
    """Return `function` as a tool: its docstring tells the model what it does, its annotations what it takes.

    A parameter of type `ToolContext` is filled in and stays unseen. What it returns is told as it is if it is text
    or a `ToolOutput`, else as JSON; what it raises is told to the model as an error.

    Raises:
        ConfigError: it cannot be a tool, and why.
    """
    if isinstance(function, Tool):
        return function
    if isinstance(function, functools.partial):
        raise _refused("A functools.partial", "it has no name and no docstring of its own. Write an async function")
    name = getattr(function, "__name__", type(function).__name__)
    if not inspect.iscoroutinefunction(function):
        raise _refused(name, "it is not an async function. Write `async def`; blocking work goes into a thread")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
        raise _refused(name, "models take names of ASCII letters, digits and _ alone. Rename it")
    description = inspect.getdoc(function)
    if not description:
        raise _refused(name, "it has no docstring. Say there to the model what it does")
    hints, context = _hints(name, function)
    model, names = _model(name, function, hints, context)

    async def run(ctx: ToolContext, arguments: Mapping[str, Json]) -> ToolOutput | str:
        given = parsed(model, arguments)
        values = {parameter: getattr(given, field) for field, parameter in names.items()}
        return _told(await function(**values, **dict.fromkeys(context, ctx)))

    return Tool(name, description, schema_of(model), run)


def _hints(name: str, function: ToolFunction) -> tuple[dict[str, Any], list[str]]:
    """The annotations of `function`, and which parameters want the context."""
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError as error:
        raise _refused(name, f"its annotations cannot be read ({error}). Define that type in its module") from None
    hints.pop("return", None)
    return hints, [parameter for parameter, hint in hints.items() if hint is ToolContext]


def _model(
    name: str, function: ToolFunction, hints: Mapping[str, Any], context: list[str]
) -> tuple[type[Arguments], Mapping[str, str]]:
    """A model of what `function` takes, and the parameter of each field."""
    fields: dict[str, Any] = {}
    names: dict[str, str] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in context:
            continue
        if parameter.kind not in _NAMED:
            raise _refused(name, f"`{parameter}` cannot be given by name. Give it plain parameters")
        if parameter.name not in hints:
            raise _refused(name, f"its parameter `{parameter.name}` has no type. Annotate it")
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        field = f"field_{len(names)}"  # a parameter may be called like a method of the model
        fields[field] = (hints[parameter.name], Field(default, alias=parameter.name))
        names[field] = parameter.name
    try:
        model = create_model(name, __base__=Arguments, **fields)
        schema_of(model)
    except (PydanticUserError, RecursionError) as error:
        reason = str(error).partition("\n")[0]
        raise _refused(name, f"its types cannot be put as JSON ({reason}). Use simpler ones") from None
    return model, names


def _told(value: object) -> ToolOutput | str:
    if isinstance(value, ToolOutput | str):
        return value
    try:
        return to_json(value).decode()
    except PydanticSerializationError:
        return str(value)


def _refused(name: str, why: str) -> ConfigError:
    return ConfigError(f"{name} cannot be a tool: {why}.")
