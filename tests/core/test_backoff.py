"""How long the host waits before it repeats a request."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.config.schema import RetryPolicy
from pi_fallback.core.backoff import delay_s


class NoChance:
    def random(self) -> float:
        return 0.0


@pytest.mark.parametrize(
    ("tries", "hint_s", "expected"),
    [
        (0, None, 2.0),
        (1, None, 4.0),
        (2, None, 8.0),
        (3, None, None),
        (0, 5.0, 5.0),
        (2, 5.0, 8.0),
        (0, 60.0, 60.0),
        (0, 61.0, None),  # not worth waiting for here
    ],
)
def test_the_defaults_are_two_four_eight_and_the_servers_word(
    tries: int, hint_s: float | None, expected: float | None
) -> None:
    assert delay_s(RetryPolicy(), tries, hint_s, NoChance()) == expected


def test_retries_that_are_off_are_off() -> None:
    assert delay_s(RetryPolicy(enabled=False), 0, None, NoChance()) is None


@given(
    tries=st.integers(0, 9),
    hint_s=st.none() | st.floats(0, 60),
    base_s=st.floats(0.001, 100),
    seed=st.integers(0, 1000),
)
def test_jitter_only_lengthens_and_the_cap_holds(tries: int, hint_s: float | None, base_s: float, seed: int) -> None:
    policy = RetryPolicy(max_retries=10, base_delay_s=base_s)
    plain = delay_s(policy, tries, hint_s, NoChance())
    shaken = delay_s(policy, tries, hint_s, random.Random(seed))
    assert plain is not None
    assert shaken is not None
    assert plain <= shaken <= 60.0
    assert shaken <= max(plain * 1.1 + 1e-9, hint_s or 0.0)
