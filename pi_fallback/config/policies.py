"""Policies: settings in the units that we work with. They load no pydantic: a library needs only these."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The host's own backoff: how often it repeats a request, and how long it waits (seconds)."""

    enabled: bool = True
    max_retries: int = 3
    base_delay_s: float = 2.0
    max_delay_s: float = 60.0


@dataclass(frozen=True, slots=True)
class ProgressSettings:
    """What progress detection goes by; `_s` is seconds."""

    enabled: bool = True
    quiet_s: float = 20.0  # three built-in retries take about 14 s
    last_working_ttl_s: float = 3600.0
    failed_cooldown_s: float = 300.0
    prompt: str = "continue"
    act_when_settled: bool = False
    wait_for_recovery: bool = False


@dataclass(frozen=True, slots=True)
class CompactionPolicy:
    """When a history is shortened by itself, and what stays of it; in tokens."""

    enabled: bool = True
    reserve_tokens: int = 16_384  # of the window, for the answer: pi's value, like the next
    keep_recent_tokens: int = 20_000
