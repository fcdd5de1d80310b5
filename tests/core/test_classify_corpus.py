"""How well real errors are told apart: the figures that a change of the rules must not lower."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pi_fallback.core.classify import Verdict, classify, classify_error
from pi_fallback_hookspecs import Fault, FaultKind

DATA = Path(__file__).parents[1] / "data" / "errors.jsonl"
ENTRIES: list[dict[str, Any]] = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]
VAGUE = {"none", "other", "proxy", "transport", "openai-compatible"}
ACTIONS = {
    "same again": {"network", "timeout", "server_error"},
    "wait or next account": {"rate_limit"},
    "next account": {"quota_exhausted", "auth"},
    "next model": {"capacity", "model_not_found"},
    "larger context": {"context_overflow"},
    "stop": {"output_limit", "content_policy", "invalid_request", "aborted", "not_an_error"},
}


def judged(entry: Mapping[str, Any], **hidden: None) -> Verdict:
    seen = {**entry, **hidden}
    return classify_error(
        seen["body"],
        http_status=seen["http_status"],
        headers=seen["headers"],
        error_type=seen["error_type"],
        error_code=seen["error_code"],
        provider="unknown" if seen["provider"] in VAGUE else seen["provider"],
        api="unknown" if seen["api"] in VAGUE else seen["api"],
    )


def action(label: str) -> str:
    return next(name for name, labels in ACTIONS.items() if label in labels)


def share(hits: int, total: int) -> float:
    return hits / total


def test_at_least_ninety_eight_of_a_hundred_labels_are_right() -> None:
    assert share(sum(judged(entry).kind == entry["label"] for entry in ENTRIES), len(ENTRIES)) >= 0.98


def test_at_least_ninety_eight_of_a_hundred_actions_are_right() -> None:
    right = sum(action(judged(entry).kind.value) == action(entry["label"]) for entry in ENTRIES)
    assert share(right, len(ENTRIES)) >= 0.98


@pytest.mark.parametrize("hidden", ["http_status", "provider", "error_type", "error_code"])
def test_words_alone_do_nearly_as_well(hidden: str) -> None:
    assert share(sum(judged(e, **{hidden: None}).kind == e["label"] for e in ENTRIES), len(ENTRIES)) >= 0.9


def test_stated_waits_are_read_and_none_is_made_up() -> None:
    stated = read = claimed = 0
    for entry in ENTRIES:
        said = judged(entry).retry_after_s
        accepted = entry.get("retry_after_accept") or [entry["retry_after_s"]]
        numbers = [value for value in accepted if value is not None]
        if numbers and None not in accepted:
            stated += 1
            read += said is not None and any(abs(said - value) <= max(1.0, value / 100) for value in numbers)
        elif not numbers and not entry.get("resets_at"):
            claimed += said is not None
    assert share(read, stated) >= 0.95
    assert claimed == 0


# What a fault on the wire holds of these: no negatives, and a status or a code to go by.
ON_THE_WIRE = [entry for entry in ENTRIES if (entry["http_status"] or 0) >= 400]


def test_the_engine_is_told_the_same_as_a_stranger() -> None:
    right = 0
    for entry in ON_THE_WIRE:
        fault = Fault(
            FaultKind.STATUS,
            entry["body"],
            status=entry["http_status"],
            code=entry["error_code"],
            type=entry["error_type"],
        )
        right += action(classify(fault).kind.value if classify(fault).kind != "unknown" else "invalid_request") == (
            action(entry["label"])
        )
    assert share(right, len(ON_THE_WIRE)) >= 0.95
