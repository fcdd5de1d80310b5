"""Names of fields: Google takes `thinking_config` as well as `thinkingConfig`; here all become the latter."""

import re
from collections.abc import Mapping
from typing import Any, cast

FREE = ("args", "response", "parametersJsonSchema", "responseJsonSchema", "labels", "partMetadata")
"""Fields that hold whatever their author likes."""

_JOINT = re.compile(r"(?<=[a-z0-9])_([a-z])")


def camel_cased(value: Any) -> Any:
    """Return parsed JSON with the names of its fields in camel case."""
    if isinstance(value, list):
        return [camel_cased(item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    fields: dict[str, Any] = {}
    for name, item in cast("Mapping[str, Any]", value).items():
        camel = _JOINT.sub(lambda found: found[1].upper(), name)
        fields[camel] = item if camel in FREE else camel_cased(item)
    return fields
