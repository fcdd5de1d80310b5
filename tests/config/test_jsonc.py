"""JSON with comments, and the line of every field."""

import json
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.config.jsonc import Malformed, Path, parse

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)

FILE = """{
  // the house's own "endpoint"
  "providers": {
    "acme": { /* "baseUrl": 3,
      two lines */ "baseUrl": "https://acme.example//v1", // why // not
      "models": [
        {"id": "a"},
        {
          "id": "/* b */, ]",
        },
      ],
    },
  },
}
"""


def test_comments_and_trailing_commas_are_not_data() -> None:
    document = parse(FILE, comments=True)
    assert document.value == {
        "providers": {"acme": {"baseUrl": "https://acme.example//v1", "models": [{"id": "a"}, {"id": "/* b */, ]"}]}}
    }


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1),
        (("providers",), 3),
        (("providers", "acme"), 4),
        (("providers", "acme", "baseUrl"), 5),
        (("providers", "acme", "models"), 6),
        (("providers", "acme", "models", 0), 7),
        (("providers", "acme", "models", 1), 8),
        (("providers", "acme", "models", 1, "id"), 9),
    ],
)
def test_every_field_knows_its_line(path: Path, line: int) -> None:
    assert parse(FILE, comments=True).lines[path] == line


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('{"a": 1\n"b": 2}', 2, "a comma is missing"),
        ('{\n"a" 1}', 2, "a colon is missing"),
        ('{"a":\n}', 2, "a value is missing"),
        ("{a: 1}", 1, "a name in double quotes"),
        ('{"a": "b\n"}', 1, "line break"),
        ('{"a": "b', 1, "not closed"),
        ('{"a": "\\q"}', 1, "escape"),
        ("{}\n{}", 2, "after the end"),
        ('{"a": NaN}', 1, "number"),
        ("[" * 100_000, 1, "nested"),
        ('{"a": ' + "9" * 10_000 + "}", 1, "number"),
        ('{"a": 1 /* never closed\n}', 1, "comma"),
    ],
)
def test_what_is_not_json_is_told_with_its_line(text: str, line: int, what: str) -> None:
    with pytest.raises(Malformed, match=what) as caught:
        parse(text, comments=True)
    assert caught.value.line == line


def test_a_file_without_comments_does_not_get_them() -> None:
    for text in ('{"a": 1} // x', '{"a": 1,}'):
        with pytest.raises(Malformed):
            parse(text)


def test_an_error_holds_nothing_of_the_text() -> None:
    with pytest.raises(Malformed) as caught:
        parse('{"key": "sk-very-secret" oops}')
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    assert "sk-very" not in repr(error) + str(vars(error))


@given(VALUES, st.sampled_from([None, 0, 2]))
def test_any_json_comes_back_and_every_field_has_the_line_it_stands_on(value: object, indent: int | None) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    document = parse(text, comments=True)
    assert document.value == value
    assert set(document.lines) == set(paths(value))
    for path, line in document.lines.items():
        if path and isinstance(path[-1], str):
            assert json.dumps(path[-1], ensure_ascii=False) in text.split("\n")[line - 1]


def paths(value: object, here: Path = ()) -> list[Path]:
    found = [here]
    if isinstance(value, dict):
        for name, part in cast("dict[str, object]", value).items():
            found += paths(part, (*here, name))
    elif isinstance(value, list):
        for i, part in enumerate(cast("list[object]", value)):
            found += paths(part, (*here, i))
    return found
