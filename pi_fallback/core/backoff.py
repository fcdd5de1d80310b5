"""Backoff: how long the host waits before it repeats a request itself."""

from typing import Protocol

from pi_fallback.config.policies import RetryPolicy

JITTER = 0.1  # only upward: a wait is never shorter than the user or the server said


class Chance(Protocol):
    """Where jitter comes from; `random.Random` is one."""

    def random(self) -> float: ...


def delay_s(policy: RetryPolicy, tries: int, hint_s: float | None, chance: Chance) -> float | None:
    """Seconds to wait before the next try, after `tries` repeats; None when the host should not repeat.

    A server's hint lengthens the wait up to the cap; a hint beyond the cap means that waiting here
    is not worth it.
    """
    if not policy.enabled or tries >= policy.max_retries:
        return None
    if hint_s is not None and hint_s > policy.max_delay_s:
        return None
    wait = policy.base_delay_s * 2.0**tries
    wait *= 1.0 + JITTER * chance.random()
    return max(min(wait, policy.max_delay_s), hint_s or 0.0)
