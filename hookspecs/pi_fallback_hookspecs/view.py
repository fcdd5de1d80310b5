"""The view: what a plugin may look at when it is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pi_fallback_hookspecs.ledger import Ledger
from pi_fallback_hookspecs.routes import Model, ModelRef, Route


@dataclass(frozen=True, slots=True)
class View:
    """Frozen and cheap to make; it refers to what the host knows and copies nothing.

    `order` holds every route of the pool, best first; `refusals` says why some may not be used;
    `visited` holds the routes that failed in this incident; `timers` maps (plugin, name) to the
    moment at which that timer fires. Moments are monotonic seconds, like `now`.
    """

    now: float
    current: Route | None = None
    order: Sequence[Route] = ()
    ledger: Ledger = field(default_factory=Ledger)
    refusals: Mapping[Route, str] = field(default_factory=dict[Route, str])
    visited: frozenset[Route] = frozenset()
    timers: Mapping[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])
    catalog: Mapping[ModelRef, Model] = field(default_factory=dict[ModelRef, Model])

    @property
    def models(self) -> tuple[ModelRef, ...]:
        """The models of `order`, each once, best first."""
        return tuple(dict.fromkeys(route.ref for route in self.order))

    def routes_of(self, model: ModelRef) -> tuple[Route, ...]:
        return tuple(route for route in self.order if route.ref == model)

    def why_not(self, route: Route) -> str | None:
        """The reason why `route` may not be used now, or None if it may."""
        refusal = self.refusals.get(route)
        if refusal is not None:
            return refusal
        rest = self.ledger.resting(route, now=self.now)
        return None if rest is None else rest.reason

    def usable(self, route: Route) -> bool:
        return self.why_not(route) is None
