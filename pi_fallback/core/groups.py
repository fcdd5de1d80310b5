"""Groups: which routes the entries of a group stand for, and in which order."""

from collections.abc import Iterator, Sequence

from pi_fallback.config.ha_policy import Entry, Group
from pi_fallback_hookspecs import Route, View


def routes_of(entry: Entry, order: Sequence[Route]) -> tuple[Route, ...]:
    """The routes of `entry`, in the order of `order`: a model's accounts stand side by side there."""
    return tuple(route for route in order if entry.covers(route))


def ordered(group: Group, order: Sequence[Route], keep: Sequence[Route] = ()) -> tuple[Route, ...]:
    """`order` as `group` has it, and nothing else but the models of `keep`, which come last.

    A group of which nothing can be used leaves the order as it is.
    """
    exact = {entry.id for entry in group.entries if entry.model is not None}
    found: dict[Route, None] = {}
    for entry in group.entries:
        # What has an entry of its own stands there, not where its whole provider does.
        found |= dict.fromkeys(r for r in routes_of(entry, order) if entry.model is not None or str(r.ref) not in exact)
    if not found:
        return tuple(order)
    kept = {route.ref for route in keep}
    found |= dict.fromkeys(route for route in order if route.ref in kept)
    return tuple(found)


def steps_after(group: Group, failed: Route, view: View) -> Iterator[tuple[Entry, tuple[Route, ...]]]:
    """The entries to go on with after `failed`, each with the routes of one model: from the next one on, then round.

    An entry of a whole provider stands for its first usable model; once one of them failed, it is passed over.
    """
    here = group.index_of(failed)
    start = 0 if here is None else here + 1
    entries = group.entries
    visited = {route.ref for route in view.visited}
    for entry in (*entries[start:], *entries[:start]):
        routes = [route for route in view.order if entry.covers(route) and route.ref != failed.ref]
        if entry.model is None:
            if any(group.entry_of(route) == entry for route in (failed, *view.visited)):
                continue
            ref = next((r.ref for r in routes if view.usable(r) and r.ref not in visited), None)
            routes = [route for route in routes if route.ref == ref]
        if routes:
            yield entry, tuple(routes)
