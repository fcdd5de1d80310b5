"""The pool: failover with no configuration. What has a name switches at once; what has none is left to others."""

from pi_fallback.core.pooling import decide
from pi_fallback_hookspecs import Decision, RequestFailed, hookimpl

NAME = "pool"


class PoolFailover:
    """Decides over every route there is, in the order of the pool. It keeps no state of its own."""

    @hookimpl
    def request_failed(self, event: RequestFailed) -> Decision | None:
        return decide(event)
