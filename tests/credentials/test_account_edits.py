"""Edits of accounts: what may be a label."""

import pytest

from pi_fallback.credentials.account_edits import added, check_label
from pi_fallback.credentials.memory import Memory
from pi_fallback.credentials.syncing import Books
from pi_fallback.errors import ConfigError


@pytest.mark.parametrize(
    "label",
    [
        "primary",
        "backup-1",
        "work@x.test",
        "sk-work-laptop",
        "a.very-long.name_of-an+account_2026-07",
        "abcdefghijklmnopqrstuvwxyz",
        "customer-20260701-production-eu-west-1",
        "00000000000000000000000000",
    ],
)
def test_a_name_is_a_label(label: str) -> None:
    check_label(label)


@pytest.mark.parametrize(
    "label",
    [
        "sk-proj-abcdefghijklmnop1234567890",
        "sk-ant-api03-abc_def-ghi",
        "gsk_abcdefghijklmnop",
        "AIzaSyA-abc_def-ghi-jkl",
        "0123456789abcdef0123456789abcdef",
        "my key is 0123456789abcdef0123456789abcdef",
    ],
)
def test_a_key_pasted_as_a_label_is_refused_and_not_repeated(label: str) -> None:
    with pytest.raises(ConfigError, match="looks like a key, and labels are shown") as caught:
        check_label(label)
    assert label not in str(caught.value)


def test_a_label_is_not_the_key_itself() -> None:
    entry = {"type": "api_key", "key": "hunter-two"}
    with pytest.raises(ConfigError, match="The label is the key itself"):
        added(Books({}, {}, Memory(salt="s")), "pa", "hunter-two", entry)
