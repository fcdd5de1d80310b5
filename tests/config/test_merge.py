"""Two levels of settings."""

import json

from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.config.merge import merged, narrowing
from pi_fallback_hookspecs import Json

LEAVES = st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)
SETTINGS = st.dictionaries(
    st.sampled_from("abc"),
    st.recursive(LEAVES, lambda inner: st.dictionaries(st.sampled_from("abc"), inner)),
    max_size=3,
)


def test_objects_are_merged_and_everything_else_is_replaced() -> None:
    user: dict[str, Json] = {"a": {"x": 1, "y": {"z": 1}}, "list": [1, 2], "kept": True, "object": {"x": 1}}
    project: dict[str, Json] = {"a": {"y": {"w": 2}}, "list": [3], "object": None}
    assert merged(user, project) == {
        "a": {"x": 1, "y": {"z": 1, "w": 2}},
        "list": [3],
        "kept": True,
        "object": None,
    }


@given(SETTINGS, SETTINGS)
def test_what_the_project_says_holds_and_neither_file_is_touched(
    user: dict[str, Json], project: dict[str, Json]
) -> None:
    before = json.dumps([user, project])
    result = merged(user, project)
    assert json.dumps([user, project]) == before
    assert merged(result, project) == result
    assert merged(user, {}) == user
    assert merged({}, project) == project


def test_a_narrowing_takes_the_models_and_names_the_rest() -> None:
    assert narrowing({"theme": "x", "enabledModels": ["a"], "retry": {}}) == (["a"], ("theme", "retry"))
    assert narrowing({}) == (None, ())
