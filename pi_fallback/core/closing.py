"""The closing error: what is said when nothing is left to try."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from pi_fallback.core.clean import clean_line
from pi_fallback_hookspecs import Failure, FailureKind, Route, View

IMAGES = "The conversation holds images, and one of them may be what was refused."


class Advice(NamedTuple):
    """What to do next, in the words of where it is read: to choose a model, and to begin without images."""

    choose: str = "Choose one with /model or --model."
    begin: str = "/new starts without them."


TERMINAL = Advice()


def closing_error(
    failures: Mapping[Route, Failure],
    view: View,
    when: Callable[[float], str],
    *,
    stopped_by: str = "",
    has_images: bool = False,
    advice: Advice = TERMINAL,
) -> str:
    """Name each route that was tried or is resting, its reason, and when it may be tried again.

    `when` turns a moment (monotonic seconds) into words; `stopped_by` says who wanted no other tried;
    `has_images` is about the conversation that was sent; `advice` is what to do next.
    """
    lines: list[str] = []
    for route, failure in failures.items():
        why = f"{failure.kind.value}: {one_line(failure.text)}"
        lines.append(f"{_named(route)}: {why}{_again(route, failure, view, when)}")
    lines += [
        f"{_named(route)}: not tried: {reason}{_again(route, None, view, when)}"
        for route in view.order
        if route not in failures and (reason := view.why_not(route)) is not None
    ]
    untried = [_named(route) for route in view.order if route not in failures and view.usable(route)]
    head = "The model failed." if untried else "No model is left to try."
    tail = f"Not tried: {', '.join(untried)}. {advice.choose}" if untried else ""
    stop = f"Stopped by {one_line(stopped_by)}." if stopped_by else ""
    refused = all(failure.kind is FailureKind.INVALID_REQUEST for failure in failures.values())
    images = f"{IMAGES} {advice.begin}" if has_images and failures and refused else ""
    return "\n".join([head, *(f"  {line}" for line in lines), *filter(None, (stop, images, tail))])


def _named(route: Route) -> str:
    return clean_line(str(route))  # models.json may hold any id


def _again(route: Route, failure: Failure | None, view: View, when: Callable[[float], str]) -> str:
    rest = view.ledger.resting(route, now=view.now)
    until = rest.until if rest is not None else failure.until if failure is not None else None
    return "" if until is None or until <= view.now else f" (again {when(until)})"


def one_line(text: str) -> str:
    """The beginning of `text`, which a provider wrote, on one line."""
    flat = " ".join(text.split())
    return flat if len(flat) <= 300 else flat[:299] + "…"
