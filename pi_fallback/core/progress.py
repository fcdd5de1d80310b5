"""Progress detection: what an error, a turn, a timer or the user's act means for going on."""

from pi_fallback.config.policies import ProgressSettings
from pi_fallback.core.cycling import cycle, routes_to
from pi_fallback_hookspecs import AgentEnd, ModelRef, Route, StopReason, View


def next_routes(view: View, settings: ProgressSettings, *, untried_only: bool) -> tuple[Route, ...]:
    """The routes to go on with, best first, for the case that the current one cannot.

    With `untried_only` none of a model that this incident has tried; then the current one leads if it
    has not been tried, because the user chose it since.
    """
    tried = {route.ref for route in view.visited} if untried_only else set[ModelRef]()
    models = cycle(
        view.models,
        view.current.ref if view.current else None,
        view.ledger,
        now=view.now,
        working_ttl_s=settings.last_working_ttl_s,
        failed_cooldown_s=settings.failed_cooldown_s,
    )
    if untried_only and view.current is not None:
        models = (view.current.ref, *models)
    return routes_to([model for model in models if model not in tried], view)


def has_failed(view: View) -> bool:
    """Whether the current model has failed since it last worked."""
    return view.current is not None and view.current.ref in view.ledger.failures


def quiet_until(event: AgentEnd, settings: ProgressSettings) -> float | None:
    """The moment at which the quiet timer fires after `event`, or None if none should run.

    The quiet time counts from the host's own next try where there is one.
    """
    if event.stop_reason is not StopReason.ERROR or not event.recoverable:
        return None
    if event.will_retry_at is None:
        return event.view.now + (0.0 if settings.act_when_settled else settings.quiet_s)
    return event.will_retry_at + settings.quiet_s


def recovery_at(view: View, settings: ProgressSettings) -> float | None:
    """The first moment at which a model of the pool may be tried again, or None if no such moment is known.

    A model wakes when its rests end; one that only failed, when its cooldown is over.
    """
    moments = [moment for route in view.order if (moment := wakes_at(route, view, settings)) is not None]
    return min(moments, default=None)


def wakes_at(route: Route, view: View, settings: ProgressSettings) -> float | None:
    """The moment at which `route` may be tried again; None if it is refused for good."""
    if route in view.refusals:
        return None
    resting = view.ledger.resting(route, now=view.now)
    mark = view.ledger.failures.get(route.ref)
    cooled = view.now if mark is None else mark.at + settings.failed_cooldown_s
    return max(view.now, cooled, resting.until if resting else view.now)


def all_tried(view: View) -> bool:
    """Whether this incident has tried every model that is not resting or refused."""
    tried = {route.ref for route in view.visited}
    return all(route.ref in tried for route in view.order if view.usable(route))
