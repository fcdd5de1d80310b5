"""Two levels of settings: the user's, and what a project may change of them."""

from collections.abc import Mapping
from typing import NamedTuple, cast

from pi_fallback_hookspecs import Json

NARROWING = "enabledModels"  # all that a folder may say before the user trusts it


class Narrowing(NamedTuple):
    """What an untrusted project may do: reorder and narrow the models; `ignored` names the rest of its keys."""

    models: Json
    ignored: tuple[str, ...]


def merged(user: Mapping[str, Json], project: Mapping[str, Json]) -> Mapping[str, Json]:
    """The settings of a trusted project over the user's: objects are merged at any depth, the rest is replaced."""
    result = dict(user)
    for name, value in project.items():
        below = result.get(name)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            result[name] = merged(below, cast("Mapping[str, Json]", value))
        else:
            result[name] = value
    return result


def narrowing(project: Mapping[str, Json]) -> Narrowing:
    """What remains of a project's settings before the user trusts the folder."""
    return Narrowing(project.get(NARROWING), tuple(name for name in project if name != NARROWING))
