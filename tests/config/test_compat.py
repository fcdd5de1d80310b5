"""Quirks of models.json hold what they can hold, and nothing that passes for it."""

from collections.abc import Mapping
from pathlib import PurePath

import pytest

from pi_fallback.config.compat import Quirks
from pi_fallback.config.jsonc import Document
from pi_fallback.config.problems import validated
from pi_fallback.config.schema import ModelsFile
from pi_fallback.core.quirks import QUIRKS


def problems(compat: Mapping[str, object]) -> list[str]:
    value = {"providers": {"p": {"models": [{"id": "m", "compat": compat}]}}}
    found = Document(value, {})  # pyright: ignore[reportArgumentType]  # JSON of any kind
    return [str(problem) for problem in validated(ModelsFile, found, PATH, drop=lambda path: path[:2])[2]]


PATH = PurePath("models.json")


def test_every_quirk_that_is_read_has_a_type() -> None:
    known = {info.alias for info in Quirks.model_fields.values()}
    assert {name for quirks in QUIRKS.values() for name in quirks} == known


@pytest.mark.parametrize(
    ("quirk", "value", "told"),
    [
        ("supportsStreaming", "no", "must be true or false (got a string)"),
        ("supportsStreaming", 0, "must be true or false (got a number)"),
        ("supportsStreaming", None, "must be true or false (got null)"),
        ("thinking", "foo", "must be 'adaptive', 'budget' or 'none'"),
        ("thinkingOff", True, "must be 'disabled' or 'between_tools'"),
        ("maxTokensField", "foo", "must be 'max_tokens' or 'max_completion_tokens'"),
        ("thinkingLevels", "high", "must be a list (got a string)"),
        ("reasoningEffortMap", {"high": 3}, "must be a string (got a number)"),
        ("project", 7, "must be a string (got a number)"),
    ],
)
def test_a_wrong_quirk_is_a_problem_at_its_place(quirk: str, value: object, told: str) -> None:
    (problem,) = problems({quirk: value, "ofSomebodyElse": 1})
    assert problem.startswith(f"models.json, providers.p.models[0].compat.{quirk}")
    assert told in problem


@pytest.mark.parametrize(
    "compat",
    [
        {"supportsStreaming": False, "maxTokensField": "max_completion_tokens", "thinkingFormat": "qwen"},
        {"thinking": "none", "thinkingOff": "between_tools", "thinkingBlockBinding": "drop_block"},
        {"thinkingLevels": ["low", "HIGH"], "reasoningEffortMap": {"minimal": None, "high": "max"}},
        {"openRouterRouting": {"only": ["a"]}, "unknown": None},
    ],
)
def test_what_is_right_or_not_ours_stays_as_it_is(compat: Mapping[str, object]) -> None:
    assert problems(compat) == []
    assert ModelsFile.model_validate({"providers": {"p": {"compat": compat}}}).providers["p"].compat == compat
