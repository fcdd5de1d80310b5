"""Every field of ha.json changes a decision, and stands on its page."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from pi_fallback.config.ha import AccountsMeta, EntryConfig, ErrorHandling, GroupConfig, HaFile, StoredLogin
from pi_fallback.config.ha_policy import HaPolicy
from pi_fallback.config.schema import AuthFile, ModelsFile
from pi_fallback.core.classify import SCOPES
from pi_fallback.core.ha_report import Report
from pi_fallback.core.ladder import decide
from pi_fallback.core.returning import Cached, Return, way_back
from pi_fallback.credentials.accounts import accounts, labels
from pi_fallback.credentials.stored import joined
from pi_fallback_hookspecs import (
    CompactHistory,
    Decision,
    Failure,
    FailureKind,
    Fault,
    FaultKind,
    Ledger,
    Model,
    Phase,
    Price,
    Provider,
    Request,
    RequestFailed,
    Retry,
    Route,
    Scope,
    ScopeKind,
    Stop,
    View,
    user_message,
)
from pi_fallback_hookspecs import (
    FailureMark as Mark,
)

K = FailureKind
A0, A1, B = Route("a", "A"), Route("a", "A", "backup-1"), Route("b", "B")
PAGE = (Path(__file__).parents[2] / "docs" / "ha.md").read_text()
BASE: Mapping[str, Any] = {"groups": {"g": {"entries": [{"id": "a/A"}, {"id": "b/B"}]}}}
NOW = 1000.0
VIEW = View(
    now=NOW,
    current=A0,
    order=(A0, A1, B),
    visited=frozenset({A0}),
    catalog={route.ref: Model(route.ref, context_window=size) for route, size in ((A0, 1000), (B, 9000))},
)


def policy(more: Mapping[str, Any]) -> HaPolicy:
    return HaFile.model_validate({**BASE, **more}).policy()


def answer(more: Mapping[str, Any], kind: FailureKind, **changes: Any) -> Decision | None:
    """What follows a failure of that kind on A, with `more` in the file."""
    fault = Fault(FaultKind.BROKEN if kind is K.NETWORK else FaultKind.STATUS, "said so", code="said")
    failure = Failure(A0, kind, SCOPES[kind], "said so", Phase.PRE, NOW, fault=fault)
    event = RequestFailed(
        view=VIEW,
        can=frozenset({"timers"}),
        failure=failure,
        request=Request((user_message("go"),)),
        attempts=1,
        tries={A0: 1},
        began_at=NOW,
    )
    wanted = policy(more)
    group = wanted.group()
    return None if group is None else decide(replace(event, **changes), group, wanted)


def errors(name: str, value: object, kind: FailureKind, **more: object) -> tuple[Decision | None, Decision | None]:
    return answer({"errorHandling": more}, kind), answer({"errorHandling": {**more, name: value}}, kind)


def returning(more: Mapping[str, Any]) -> Return | None:
    wanted = policy(more)
    group = wanted.group()
    assert group is not None
    catalog = {A0.ref: Model(A0.ref, price=Price(input=1.0))}
    view = replace(VIEW, current=B, visited=frozenset(), catalog=catalog)
    return way_back(view, group, wanted, None, Cached(B, 200_000, NOW))


def exhausted(more: Mapping[str, Any]) -> Decision | None:
    """What follows when all that is left rests for five minutes."""
    ledger = Ledger()
    for route in (A1, B):
        ledger = ledger.rest(Scope.of(ScopeKind.CREDENTIAL, route), until=NOW + 300.0, reason="quota_exhausted")
    return answer(more, K.QUOTA_EXHAUSTED, view=replace(VIEW, ledger=ledger))


def used(more: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """The accounts that are used at provider a, and where each comes from."""
    provider = Provider("a", "https://a.test/v1")
    base = accounts(AuthFile(), ModelsFile(), {"a": provider}, {}, wall=NOW)
    stored = HaFile.model_validate({"credentials": {"a": more}}).stored()
    found = joined(base, stored, {"a": provider}, {}, wall=NOW, closed={}, address_variables={})
    return labels(found.accounts).get("a", ()), tuple(account.source for account in found.accounts)


SHORTER = Retry((A0,), reason="the conversation is too long: shortened", effects=(CompactHistory(),))


@pytest.mark.parametrize(
    ("action", "larger_is_there", "expected"),
    [
        (None, True, "larger"),
        (None, False, "shorter"),
        ("larger_model", True, "larger"),
        ("larger_model", False, "stop"),
        ("compact", True, "shorter"),
        ("stop", True, "stop"),
    ],
)
def test_what_follows_a_conversation_that_is_too_long(action: str | None, larger_is_there: bool, expected: str) -> None:
    more = {"errorHandling": {"contextErrorAction": action} if action else {}}
    view = VIEW if larger_is_there else replace(VIEW, refusals={B: "off"})
    decision = answer(more, K.CONTEXT_OVERFLOW, view=view, can=frozenset({"compact"}))
    match expected:
        case "larger":
            assert isinstance(decision, Retry)
            assert decision.on == (B,)
        case "shorter":
            assert decision == SHORTER
            assert isinstance(answer(more, K.CONTEXT_OVERFLOW, view=view), Stop)  # of a host that cannot
            again = answer(more, K.CONTEXT_OVERFLOW, view=view, can=frozenset({"compact"}), compacted=True)
            assert isinstance(again, Stop)
        case _:
            assert isinstance(decision, Stop)


def titled(name: str) -> str:
    wanted = policy({"groups": {"g": {"name": name, "entries": []}}})
    return Report(VIEW, VIEW.order, (), str, wanted, wanted.group()).text()


def login(**more: object) -> dict[str, Any]:
    return {"primary": {"type": "oauth", "access": "t", **more}}


KEY = {"type": "api_key", "key": "k"}
SPARE = {"groups": {**BASE["groups"], "h": {"entries": [{"id": "b/B"}]}}}
DECISIONS: Mapping[str, Callable[[], tuple[object, object]]] = {
    "groups": lambda: (answer({}, K.RATE_LIMIT), answer({"groups": {}}, K.RATE_LIMIT)),
    "name": lambda: (titled("one"), titled("two")),
    "entries": lambda: (answer({}, K.MODEL_NOT_FOUND), answer({"groups": {"g": {"entries": []}}}, K.MODEL_NOT_FOUND)),
    "id": lambda: (
        answer({}, K.MODEL_NOT_FOUND),
        answer({"groups": {"g": {"entries": [{"id": "a/A"}, {"id": "c/C"}]}}}, K.MODEL_NOT_FOUND),
    ),
    "cooldownMs": lambda: (
        answer({}, K.RATE_LIMIT),
        answer({"groups": {"g": {"entries": [{"id": "a/A", "cooldownMs": 5000}, {"id": "b/B"}]}}}, K.RATE_LIMIT),
    ),
    "defaultGroup": lambda: (policy(SPARE).group(), policy({**SPARE, "defaultGroup": "h"}).group()),
    "defaultCooldownMs": lambda: (answer({}, K.RATE_LIMIT), answer({"defaultCooldownMs": 5000}, K.RATE_LIMIT)),
    "capacityErrorAction": lambda: errors("capacityErrorAction", "next_provider", K.CAPACITY),
    "quotaErrorAction": lambda: errors("quotaErrorAction", "stop", K.QUOTA_EXHAUSTED),
    "authErrorAction": lambda: errors("authErrorAction", "next_provider", K.AUTH),
    "networkErrorAction": lambda: errors("networkErrorAction", "stop", K.NETWORK),
    "contextErrorAction": lambda: errors("contextErrorAction", "stop", K.CONTEXT_OVERFLOW),
    "retryTimeoutMs": lambda: errors("retryTimeoutMs", 5, K.RATE_LIMIT, quotaErrorAction="retry"),
    "networkRetryDelayMs": lambda: errors("networkRetryDelayMs", 5, K.NETWORK, networkErrorAction="retry"),
    "maxRetriesPerTurn": lambda: errors("maxRetriesPerTurn", 0, K.NETWORK, networkErrorAction="retry"),
    "maxEpisodeMs": lambda: errors("maxEpisodeMs", 0, K.RATE_LIMIT),
    "returnToPreferred": lambda: (returning({"returnMaxCost": 1}), returning({"returnToPreferred": False})),
    "returnMaxCost": lambda: (returning({}), returning({"returnMaxCost": 0.20})),
    "whenExhausted": lambda: (exhausted({}), exhausted({"whenExhausted": "wait"})),
    "maxWaitMs": lambda: (
        exhausted({"whenExhausted": "wait"}),
        exhausted({"whenExhausted": "wait", "maxWaitMs": 1000}),
    ),
    "errorHandling": lambda: errors("quotaErrorAction", "retry", K.RATE_LIMIT),
    "credentials": lambda: (used({}), used({"primary": KEY})),
    "__meta": lambda: (
        used({"primary": KEY, "spare": KEY}),
        used({"primary": KEY, "spare": KEY, "__meta": {"defaultName": "spare"}}),
    ),
    "defaultName": lambda: DECISIONS["__meta"](),
    "type": lambda: (used({"primary": KEY}), used(login())),
    "access": lambda: (used(login()), used(login(access="other"))),
    "refresh": lambda: (HaFile.model_validate({"credentials": {"a": login()}}).stored(), with_refresh()),
    "expires": lambda: (used(login()), used(login(expires=1))),
}


def with_refresh() -> object:
    """The account as whoever renews logins gets it."""
    return HaFile.model_validate({"credentials": {"a": login(refresh="r")}}).stored()


def fields() -> Iterator[str]:
    models: tuple[type[BaseModel], ...] = (HaFile, GroupConfig, EntryConfig, ErrorHandling, StoredLogin, AccountsMeta)
    for model in models:
        yield from (info.alias or name for name, info in model.model_fields.items())
    yield "__meta"


@pytest.mark.parametrize("field", sorted(set(fields())))
def test_every_field_changes_a_decision(field: str) -> None:
    without, with_it = DECISIONS[field]()
    assert without != with_it


@pytest.mark.parametrize("field", sorted(set(fields()) - {"errorHandling"}))
def test_every_field_has_its_words_on_the_page(field: str) -> None:
    inside_another = field in {"access", "refresh", "expires", "defaultName"}
    assert f"`{field}`" in PAGE if inside_another else re.search(rf"^`{field}`: ", PAGE, re.MULTILINE)


def test_the_failure_mark_of_a_resting_model_does_not_hinder_its_return() -> None:
    wanted = policy({})
    group = wanted.group()
    assert group is not None
    for kind, comes_back in ((K.RATE_LIMIT, True), (K.NETWORK, False)):
        ledger = Ledger(failures={A0.ref: Mark(NOW - 10.0, kind, "said so")})
        view = replace(VIEW, current=B, visited=frozenset(), ledger=ledger)
        assert (way_back(view, group, wanted, None, None) is not None) == comes_back
