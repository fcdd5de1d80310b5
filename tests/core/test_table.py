"""The route table against the plainest way to choose."""

from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.core.table import RouteTable
from pi_fallback_hookspecs import Ledger, Route, Scope, ScopeKind

ROUTES = [Route("p", f"m{i}") for i in range(6)] + [Route("q", "m0"), Route("q", "m0", "backup-1")]
SCOPES = [Scope.of(kind, route) for route in ROUTES for kind in (ScopeKind.MODEL, ScopeKind.PROVIDER)]


def plainly(order: list[Route], refused: set[Route], ledger: Ledger, now: float, without: set[Route]) -> Route | None:
    fit = (r for r in order if r not in refused and r not in without and ledger.resting(r, now=now) is None)
    return next(fit, None)


@given(
    order=st.permutations(ROUTES),
    refused=st.sets(st.sampled_from(ROUTES)),
    steps=st.lists(
        st.tuples(
            st.sampled_from(SCOPES), st.floats(0, 50), st.floats(0, 10), st.sets(st.sampled_from(ROUTES), max_size=4)
        ),
        max_size=20,
    ),
)
def test_it_always_gives_the_best_route_that_neither_rests_nor_is_refused(
    order: list[Route], refused: set[Route], steps: list[tuple[Scope, float, float, set[Route]]]
) -> None:
    table, ledger, now = RouteTable(order, dict.fromkeys(refused, "no")), Ledger(), 0.0
    for scope, rest_s, pause_s, without in steps:
        ledger = ledger.rest(scope, until=now + rest_s, reason="tired")
        now += pause_s
        expected = plainly(order, refused, ledger, now, without)
        assert table.best(ledger, now=now, without=without) == expected


def test_a_rest_that_somebody_ended_early_is_over() -> None:
    table, scope = RouteTable(ROUTES), Scope.of(ScopeKind.MODEL, ROUTES[0])
    ledger = Ledger().rest(scope, until=100.0, reason="tired")
    assert table.best(ledger, now=0.0) == ROUTES[1]
    assert table.best(ledger.wake(scope), now=0.0) == ROUTES[0]
