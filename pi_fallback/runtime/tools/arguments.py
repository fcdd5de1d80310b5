"""Arguments: one pydantic model per tool is both its schema and its check."""

from collections.abc import Mapping
from typing import TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from pi_fallback.runtime.tools.errors import ToolError
from pi_fallback_hookspecs import Json, thawed


class Arguments(BaseModel):
    """What a tool takes. The descriptions of the fields are for the model that calls it."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


A = TypeVar("A", bound=Arguments)

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (tuple, list),
    "object": (Mapping,),
    "null": (type(None),),
}


def schema_of(model: type[Arguments]) -> Mapping[str, Json]:
    """Return the JSON Schema of `model`, without titles and references: not every provider follows those."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    # Plain dicts, which encode six times as fast as read-only ones: it goes out with each request.
    return cast("Mapping[str, Json]", _plain(schema, definitions))


def _plain(node: object, definitions: Mapping[str, object]) -> object:
    if isinstance(node, list):
        return [_plain(item, definitions) for item in cast("list[object]", node)]
    if not isinstance(node, Mapping):
        return node
    node = cast("Mapping[str, object]", node)
    if isinstance(ref := node.get("$ref"), str):
        return _plain(definitions[ref.rpartition("/")[2]], definitions)
    # A property may be called `title`; the keyword's value is always text.
    kept = {key: value for key, value in node.items() if not (key == "title" and isinstance(value, str))}
    return {key: _plain(value, definitions) for key, value in kept.items()}


def parsed(model: type[A], arguments: Mapping[str, Json]) -> A:
    """Return `arguments` as `model`.

    Raises:
        ToolError: they do not fit; the text says which field and how.
    """
    try:
        return model.model_validate(thawed(arguments))
    except ValidationError as error:
        # Not `str(error)`: it repeats the input, which can be a whole file.
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        told = "; ".join(f"`{'.'.join(str(part) for part in fault['loc'])}`: {fault['msg']}" for fault in faults)
    takes = ", ".join(f"`{field.alias or name}`" for name, field in model.model_fields.items())
    raise ToolError(f"The arguments do not fit: {told}. It takes {takes}. Correct the call and try again.")


def objection(parameters: Mapping[str, Json], arguments: Mapping[str, Json]) -> str | None:
    """Return what is wrong with `arguments` for a tool with that schema, or None.

    For any tool, a plugin's too: looks at required fields and the types of the topmost level, no deeper.
    """
    required = parameters.get("required")
    for name in required if isinstance(required, list | tuple) else ():
        if name not in arguments:
            return f"The argument `{name}` is missing. Correct the call and try again."
    properties = parameters.get("properties")
    if not isinstance(properties, Mapping):
        return None
    for name, value in arguments.items():
        schema = properties.get(name)
        wanted = schema.get("type") if isinstance(schema, Mapping) else None
        names = (wanted,) if isinstance(wanted, str) else wanted if isinstance(wanted, list | tuple) else ()
        if names and not any(_is(value, str(kind)) for kind in names):
            kinds = " or ".join(str(kind) for kind in names)
            return f"The argument `{name}` must be of type {kinds}. Correct the call and try again."
    return None


def _is(value: object, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, float) and kind == "integer":
        return value.is_integer()
    return isinstance(value, _TYPES.get(kind, (object,)))
