"""Functions become tools: schema, arguments and answers."""

import enum
import functools
from collections.abc import Mapping
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from pi_fallback.embedding import ConfigError, Tool, ToolContext, ToolOutput
from pi_fallback.embedding.functions import tool_of
from pi_fallback.runtime.nobody import Nobody
from pi_fallback.runtime.tools.errors import ToolError
from pi_fallback_hookspecs import Json, Text, thawed

pytestmark = pytest.mark.anyio
CONTEXT = ToolContext("/work", Nobody())


class Unit(enum.Enum):
    GRAM = "g"
    OUNCE = "oz"


class Thing(BaseModel):
    name: str
    count: int = 1


class Scales:
    def __init__(self, offset: int) -> None:
        self.offset = offset

    async def weigh(self, things: list[Thing], unit: Unit = Unit.GRAM) -> dict[str, Any]:
        """Weigh some things."""
        return {"weight": self.offset + sum(thing.count for thing in things), "unit": unit}


async def search(
    pattern: Annotated[str, Field(description="a regular expression")],
    *,
    copy: bool = False,
    limit: int | None = None,
) -> str:
    """Search the files.

    Answers with one line a match.
    """
    return f"{pattern} {copy} {limit}"


async def where(ctx: ToolContext) -> str:
    """Say where we are."""
    return ctx.cwd


async def nothing() -> None:
    """Do nothing."""


async def picture() -> ToolOutput:
    """Take a picture."""
    return ToolOutput((Text("click"),))


async def unsaid(value: int) -> int:
    return value


def test_the_schema_is_that_of_the_signature() -> None:
    tool = tool_of(search)
    assert (tool.name, tool.description) == ("search", "Search the files.\n\nAnswers with one line a match.")
    assert thawed(tool.parameters) == {
        "type": "object",
        "properties": {
            "pattern": {"type": "string", "description": "a regular expression"},
            "copy": {"type": "boolean", "default": False},
            "limit": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
        },
        "required": ["pattern"],
        "additionalProperties": False,
    }
    assert not tool.asks


def test_the_context_is_not_for_the_model() -> None:
    assert thawed(tool_of(where).parameters)["properties"] == {}  # type: ignore[index]


@pytest.mark.parametrize(
    ("function", "arguments", "answer"),
    [
        (search, {"pattern": "x", "copy": True}, "x True None"),
        (where, {}, "/work"),
        (nothing, {}, "null"),
        (picture, {}, ToolOutput((Text("click"),))),
        (Scales(5).weigh, {"things": [{"name": "a"}, {"name": "b", "count": 2}]}, '{"weight":8,"unit":"g"}'),
        (Scales(0).weigh, {"things": [], "unit": "oz"}, '{"weight":0,"unit":"oz"}'),
    ],
    ids=["defaults", "context", "none", "output", "models", "enum"],
)
async def test_it_is_called_with_real_values_and_answers_with_text(
    function: Any, arguments: Mapping[str, Json], answer: object
) -> None:
    assert await tool_of(function).run(CONTEXT, arguments) == answer


async def test_arguments_that_do_not_fit_are_told_by_their_names() -> None:
    with pytest.raises(ToolError, match=r"`things.0.name`: Field required.*It takes `things`, `unit`"):
        await tool_of(Scales(0).weigh).run(CONTEXT, {"things": [{}]})


def test_a_tool_stays_as_it_is() -> None:
    async def run(_context: ToolContext, _arguments: Mapping[str, Json]) -> str:
        return ""

    tool = Tool("own", "a tool of its own", {"type": "object"}, run)
    assert tool_of(tool) is tool


def plain(value: int) -> int:
    """A plain function."""
    return value


async def starred(*values: int) -> int:
    """Take many."""
    return sum(values)


async def untyped(value) -> None:  # type: ignore[no-untyped-def]
    """Take anything."""


async def odd(value: Nobody) -> None:
    """Take what no JSON can hold."""


async def größe() -> None:
    """Have a name that no API takes."""


async def elsewhere(value: "Nowhere") -> None:  # type: ignore[name-defined]  # noqa: F821
    """Take what is not there."""


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (functools.partial(search, limit=1), "A functools.partial cannot be a tool: .* Write an async function"),
        (plain, "plain cannot be a tool: it is not an async function. Write `async def`"),
        (unsaid, "it has no docstring. Say there to the model what it does"),
        (starred, "`\\*values: int` cannot be given by name. Give it plain parameters"),
        (untyped, "its parameter `value` has no type. Annotate it"),
        (odd, "its types cannot be put as JSON .*Use simpler ones"),
        (größe, "models take names of ASCII letters"),
        (elsewhere, "'Nowhere' is not defined.*Define that type in its module"),
    ],
)
def test_what_cannot_be_a_tool_is_refused_with_what_to_do(function: Any, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        tool_of(function)
