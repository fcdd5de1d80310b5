"""Returning: when the work goes back to the route that is preferred, and what of the prompt cache that costs."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from pi_fallback.config.ha_policy import Group, HaPolicy
from pi_fallback.core.groups import ordered
from pi_fallback.core.ha_report import AccountName
from pi_fallback.core.pooling import LATELY_S
from pi_fallback.core.spans import span
from pi_fallback_hookspecs import FailureKind, Model, ModelRef, Route, View

NOTHING_MENDED: Mapping[AccountName, bool] = MappingProxyType({})
CACHE_S = 300.0  # a prompt cache is cold five minutes after its last use, at most providers
PASSED_WITH_THEIR_REST = frozenset({FailureKind.RATE_LIMIT, FailureKind.QUOTA_EXHAUSTED, FailureKind.CAPACITY})
PASSED_WITH_THE_ENTRY = PASSED_WITH_THEIR_REST | {FailureKind.MODEL_NOT_FOUND}  # in a group it rests for that too


@dataclass(frozen=True, slots=True)
class Cached:
    """How much of the prompt a provider holds: `tokens` by `route`, last used at the moment `at`."""

    route: Route
    tokens: int
    at: float


@dataclass(frozen=True, slots=True)
class Return:
    """The way back to `on`, best first, and why. With `on` empty the work stays where it is."""

    on: tuple[Route, ...]
    reason: str


def way_back(
    view: View,
    group: Group | None,
    policy: HaPolicy,
    home: Route | None,
    cached: Cached | None,
    mended: Mapping[AccountName, bool] = NOTHING_MENDED,
) -> Return | None:
    """Whether this user turn is to begin on a better route than the current one; None: there is nothing to say.

    `home` is the user's own choice; while its account is there, it is preferred to the group's entries, and without
    a group nothing else is. `mended` has the accounts whose key was refused, and whether it may be good by now.
    """
    current = view.current
    if current is None or not policy.return_to_preferred:
        return None
    preferred = _preferred(view, group, home)
    better = preferred[: preferred.index(current)] if current in preferred else preferred
    passed = PASSED_WITH_THEIR_REST if group is None else PASSED_WITH_THE_ENTRY
    ready = tuple(r for r in better if view.usable(r) and _is_over_it(r, view, passed, mended))
    if not ready or current == home:
        return None
    cost = cost_of_leaving(current, ready[0], view.catalog, cached, now=view.now)
    if cost > policy.return_max_cost:
        return Return(
            (),
            f"stays on {current}: going back to {ready[0]} would lose a prompt cache worth ${cost:.2f}, and "
            f"returnMaxCost is ${policy.return_max_cost:.2f}; again when the cache is cold, after {span(CACHE_S)}",
        )
    price = f"costs ${cost:.2f} of prompt cache" if cost else "costs no prompt cache"
    return Return(ready, f"back to the preferred route: it is over its rest, and returning {price}")


def cost_of_leaving(
    current: Route, target: Route, catalog: Mapping[ModelRef, Model], cached: Cached | None, *, now: float
) -> float:
    """US dollars: what `current` holds in its cache, at the price of reading it uncached at `target`.

    An unknown price is 0, and so is a cache that is cold.
    """
    model = catalog.get(target.ref)
    if cached is None or cached.route != current or now - cached.at >= CACHE_S or model is None or model.price is None:
        return 0.0
    return cached.tokens * model.price.input / 1e6


def _preferred(view: View, group: Group | None, home: Route | None) -> Sequence[Route]:
    routes = () if group is None else ordered(group, view.order)
    if home is None:
        return routes
    accounts = view.routes_of(home.ref)  # another account of the same model is nearer to it than another model
    return tuple(dict.fromkeys((*((home,) if home in accounts else ()), *accounts, *routes)))


def _is_over_it(route: Route, view: View, passed: Collection[FailureKind], mended: Mapping[AccountName, bool]) -> bool:
    """Whether what failed says nothing any more: its rest is over, its key is another one, or it is long ago."""
    is_good = mended.get((route.provider, route.credential))
    if is_good is False:
        return False  # another account of its model may have done well since, which takes the mark away
    mark = view.ledger.failures.get(route.ref)
    if mark is None or mark.kind in passed or (is_good and mark.kind is FailureKind.AUTH):
        return True
    return view.now - mark.at >= LATELY_S
