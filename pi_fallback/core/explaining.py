"""Explaining: records of routing and of the ledger as rows of JSON, and those rows as sentences."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import assert_never, cast

from pi_fallback.core.booking import Entry, Failed, Worked
from pi_fallback.core.clean import clean_line
from pi_fallback.core.closing import one_line
from pi_fallback.core.routing import Routing
from pi_fallback_hookspecs import FailureKind, ModelRef, Rest, Route, Scope, ScopeKind, Wake

Row = Mapping[str, object]
LAST_WALL = 2.5e11  # the year 9892: no calendar goes much further
CANDIDATES = 50  # of those that were passed over: more would tell nobody anything

Clock = Callable[[float], float]
"""Turns a monotonic moment into wall time (seconds since 1970), or back."""


def routing_row(record: Routing, wall: Clock) -> dict[str, object]:
    refused = record.refused()
    row: dict[str, object] = {
        "type": "routing",
        "at": wall(record.at),
        "verdict": record.verdict,
        "choice": _route(record.choice),
        "reason": record.reason,
        "candidates": len(record.candidates),
        "refused": [{**_named(route), "why": one_line(why)} for route, why in islice(refused.items(), CANDIDATES)],
    }
    if record.failure is not None:
        kind, text = record.failure.kind.value, one_line(record.failure.text)
        row["failure"] = {**_named(record.failure.route), "kind": kind, "text": text}
    if record.by:
        row["by"] = record.by
    if record.after_s:
        row["after_s"] = record.after_s
    return row


def entry_row(entry: Entry, now: float, wall: Clock) -> dict[str, object]:
    match entry:
        case Rest():
            row = {"scope": list(entry.scope), "until": wall(entry.until), "reason": entry.reason}
            return {"type": "rest", "at": wall(now), **row}
        case Wake():
            return {"type": "wake", "at": wall(now), "scope": list(entry.scope)}
        case Worked():
            return {"type": "worked", "at": wall(entry.at), "model": list(entry.model)}
        case Failed():
            row = {"model": list(entry.model), "kind": entry.kind.value, "text": one_line(entry.text)}
            return {"type": "failed", "at": wall(entry.at), **row}
        case _:
            assert_never(entry)


def entry_of(row: Row, monotonic: Clock) -> Entry | None:
    """Return the entry in `row`, or None if it holds something else.

    Raises:
        ValueError: it is not a row that `entry_row` has made.
    """
    try:
        match row["type"]:
            case "rest":
                until = monotonic(cast("float", row["until"]))
                return Rest(_scope(row), until, str(row["reason"]))
            case "wake":
                return Wake(_scope(row))
            case "worked":
                return Worked(_model(row), monotonic(cast("float", row["at"])))
            case "failed":
                at = monotonic(cast("float", row["at"]))
                return Failed(_model(row), at, FailureKind(str(row["kind"])), str(row["text"]))
            case _:
                return None
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(f"a record without {error}") from None


def row_of(line: bytes) -> Row | None:
    """Return the row in `line` of a file, or None if it is not one as this module makes them."""
    try:
        row: object = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) and _is_row(row := cast("Row", row)) else None


def since(rows: Sequence[Row], last: int) -> Sequence[Row]:
    """The `last` decisions of `rows`, with what the ledger was told between them and after."""
    decisions = [index for index, row in enumerate(rows) if row["type"] == "routing"]
    return rows[decisions[-last] :] if last < len(decisions) else rows


def sentences(row: Row, clock_words: Callable[[float], str]) -> Iterator[str]:
    """Say what a row of `routing_row` tells, a line at a time; `clock_words` words a wall time."""
    choice, by, after_s = _said(row, "choice"), _said(row, "by"), row.get("after_s")
    head = {
        "begins": f"began on {choice}",
        "repeats": f"repeated on {choice}",
        "switches": f"switched to {choice}",
        "stops": "found nothing to go on with",
    }[str(row["verdict"])]
    wait = f", after {after_s:g} s" if isinstance(after_s, int | float) and after_s else ""
    decided = f" ({by})" if by else ""
    yield f"{clock_words(cast('float', row['at']))}  {head}{wait}: {_said(row, 'reason')}{decided}"
    failure = cast("Row | None", row.get("failure"))
    if failure is not None:
        yield f"  because {_said(failure, 'route')} failed: {_said(failure, 'kind')}: {_said(failure, 'text')}"
    for refused in cast("list[Row]", row.get("refused") or []):
        yield f"  not {_said(refused, 'route')}: {_said(refused, 'why')}"
    yield f"  out of {row['candidates']} routes"


def _said(row: Row, name: str) -> str:
    return clean_line(str(row.get(name) or ""))


def _is_row(row: Row) -> bool:
    match row:
        case {"type": "routing", "at": at, "verdict": verdict, "reason": str(), "candidates": int()}:
            return (
                _is_wall(at)
                and isinstance(verdict, str)
                and verdict in {"begins", "repeats", "switches", "stops"}
                and isinstance(row.get("choice"), str | None)
                and isinstance(row.get("by"), str | None)
                and _is_wall(row.get("after_s", 0))
                and _are_strings(row.get("failure", _NO_FAILURE), "route", "kind", "text")
                and isinstance(refused := row.get("refused", []), list)
                and all(_are_strings(one, "route", "why") for one in cast("list[object]", refused))
            )
        case {"type": "rest", "at": at, "scope": scope, "until": until, "reason": str()}:
            return _is_wall(at) and _is_wall(until) and _is_scope(scope)
        case {"type": "wake", "at": at, "scope": scope}:
            return _is_wall(at) and _is_scope(scope)
        case {"type": "worked", "at": at, "model": model}:
            return _is_wall(at) and _is_strings(model, 2)
        case {"type": "failed", "at": at, "model": model, "kind": str(kind), "text": str()}:
            return _is_wall(at) and _is_strings(model, 2) and kind in _FAILURE_KINDS
        case _:
            return False


_NO_FAILURE = {"route": "", "kind": "", "text": ""}
_FAILURE_KINDS, _SCOPE_KINDS = frozenset(FailureKind), frozenset(ScopeKind)


def _is_wall(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value <= LAST_WALL  # which NaN is not


def _is_scope(value: object) -> bool:
    return _is_strings(value, 4) and cast("list[str]", value)[0] in _SCOPE_KINDS


def _is_strings(value: object, length: int) -> bool:
    return (
        isinstance(value, list)
        and len(value := cast("list[object]", value)) == length
        and all(isinstance(one, str) for one in value)
    )


def _are_strings(row: object, *names: str) -> bool:
    return isinstance(row, dict) and all(isinstance(cast("Row", row).get(name), str) for name in names)


def _named(route: Route) -> dict[str, object]:
    return {"route": str(route)}


def _route(route: Route | None) -> str | None:
    return None if route is None else str(route)


def _scope(row: Row) -> Scope:
    kind, provider, model, credential = cast("list[str]", row["scope"])
    return Scope(ScopeKind(kind), provider, model, credential)


def _model(row: Row) -> ModelRef:
    provider, model = cast("list[str]", row["model"])
    return ModelRef(provider, model)
