"""Sealing: what a third party is given, so that it cannot change what the host knows by mistake.

Values are frozen already and messages are made with read-only arguments; what is left are the
host's own tables, which get a read-only face. This is no sandbox: a plugin runs with all rights.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TypeVar

from pi_fallback_hookspecs import (
    ClassifyFailure,
    Event,
    Failure,
    RequestFailed,
    SessionStart,
    ToolCall,
    ToolCallEvent,
    ToolResultEvent,
    View,
    frozen_object,
)

E = TypeVar("E", bound=Event)
K = TypeVar("K")
V = TypeVar("V")


def sealed(event: E) -> E:
    """Return a copy of `event` whose mappings are read-only. Costs a few microseconds."""
    event = replace(event, view=_view(event.view))
    match event:
        case SessionStart():
            return replace(event, settings=frozen_object(event.settings))
        case ToolCallEvent() | ToolResultEvent():
            return replace(event, call=_call(event.call))
        case RequestFailed() | ClassifyFailure():
            return replace(event, failure=_failure(event.failure))
        case _:
            return event


def _view(view: View) -> View:
    ledger = view.ledger
    return replace(
        view,
        order=tuple(view.order) if isinstance(view.order, list) else view.order,
        ledger=replace(
            ledger,
            rests=_read_only(ledger.rests),
            worked_at=_read_only(ledger.worked_at),
            failures=_read_only(ledger.failures),
        ),
        refusals=_read_only(view.refusals),
        timers=_read_only(view.timers),
        catalog=_read_only(view.catalog),
    )


def _call(call: ToolCall) -> ToolCall:
    return replace(call, arguments=frozen_object(call.arguments))


def _failure(failure: Failure) -> Failure:
    if failure.fault is None:
        return failure
    return replace(failure, fault=replace(failure.fault, headers=_read_only(failure.fault.headers)))


def _read_only(mapping: Mapping[K, V]) -> Mapping[K, V]:
    return MappingProxyType(mapping)
