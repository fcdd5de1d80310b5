"""Fixtures of the tests that run the whole program."""

from pathlib import Path

import pytest

from tests.e2e.user import User


@pytest.fixture
def user(tmp_path: Path) -> User:
    return User(tmp_path)
