"""The pool: failover with no configuration. What has a name switches at once; what has none is left to others."""

from collections.abc import Callable
from dataclasses import dataclass

from pi_fallback.core.pooling import decide
from pi_fallback_hookspecs import Decision, RequestFailed, hookimpl

NAME = "pool"


@dataclass
class PoolFailover:
    """Decides over every route there is, in the order of the pool. It keeps no state of its own.

    It is the half of high availability that is asked after third parties: `stands_in` says whether no group has
    the word. Beside a group it is silent, because a second opinion after a `stop` would undo it.
    """

    stands_in: Callable[[], bool] = lambda: True

    @hookimpl
    def request_failed(self, event: RequestFailed) -> Decision | None:
        return decide(event) if self.stands_in() else None
