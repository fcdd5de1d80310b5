"""Schemas of the tools, and the check of what a model sends."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from pi_fallback.runtime.tools.arguments import objection
from pi_fallback.runtime.tools.builtin import builtin_tools
from pi_fallback.runtime.tools.errors import ToolError
from pi_fallback_hookspecs import thawed
from tests.runtime.tool_box import ToolBox

TOOLS = builtin_tools(environ={})


def test_the_built_in_tools_are_these_and_what_changes_something_asks() -> None:
    assert {tool.name: tool.asks for tool in TOOLS} == {
        "read": False,
        "write": True,
        "edit": True,
        "bash": True,
        "grep": False,
        "find": False,
        "ls": False,
    }


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_schema_is_plain_json_that_every_provider_takes(tool) -> None:
    text = json.dumps(thawed(tool.parameters))
    assert tool.parameters["type"] == "object"
    assert not any(word in text for word in ("$ref", "$defs", '"title"', "anyOf"))


@pytest.mark.parametrize(
    ("name", "arguments", "preview"),
    [
        ("write", {"path": "a", "content": "b"}, "a\nb"),
        ("edit", {"path": "a", "edits": [{"oldText": "x\ny", "newText": "z"}]}, "a\n- x\n- y\n+ z"),
        ("edit", {"path": "a", "edits": "nonsense"}, "a"),
        ("bash", {"command": "make"}, "make"),
    ],
)
def test_a_question_shows_what_will_be_done(name: str, arguments: Mapping[str, object], preview: str) -> None:
    tool = next(tool for tool in TOOLS if tool.name == name)
    assert tool.preview is not None
    assert tool.preview(arguments) == preview


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("read", {}, "`path`: Field required. It takes `path`, `offset`, `limit`"),
        ("read", {"path": "a", "lines": 3}, "`lines`: Extra inputs are not permitted"),
        ("read", {"path": "a", "offset": 0}, "`offset`: Input should be greater than or equal to 1"),
        ("bash", {"command": "x", "timeout": 1e9}, "`timeout`: Input should be less than or equal to 1800"),
    ],
)
async def test_arguments_that_do_not_fit_are_named(
    tmp_path: Path, name: str, arguments: Mapping[str, object], told: str
) -> None:
    with pytest.raises(ToolError) as raised:
        await ToolBox(tmp_path, {}).call(name, **arguments)
    assert told in str(raised.value)


SCHEMA = {
    "type": "object",
    "required": ["city"],
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer"},
        "hot": {"type": ["number", "null"]},
        "odd": {"type": "colour"},
        "free": True,
    },
}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"city": "Bern"}, None),
        ({"city": "Bern", "days": 2.0, "hot": None, "odd": 1, "free": 1, "more": 1}, None),
        ({}, "The argument `city` is missing."),
        ({"city": 3}, "The argument `city` must be of type string."),
        ({"city": "Bern", "days": True}, "The argument `days` must be of type integer."),
        ({"city": "Bern", "days": 1.5}, "The argument `days` must be of type integer."),
        ({"city": "Bern", "hot": "no"}, "The argument `hot` must be of type number or null."),
    ],
)
def test_the_arguments_of_any_tool_are_checked_at_the_top(arguments: Mapping[str, object], told: str | None) -> None:
    found = objection(SCHEMA, arguments)
    assert found is None if told is None else found is not None and found.startswith(told)


@pytest.mark.parametrize("schema", [{}, {"required": 3, "properties": []}, {"properties": {"a": {"type": {}}}}])
def test_a_schema_that_is_nonsense_objects_to_nothing(schema: Mapping[str, object]) -> None:
    assert objection(schema, {"a": 1}) is None
