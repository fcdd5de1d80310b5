"""Keys from the key store of the system, on stores that are real, slow or broken."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoStore
from keyrings.alt.file import PlaintextKeyring

from pi_fallback.credentials.accounts import Account
from pi_fallback.credentials.keyrings import password_of
from pi_fallback.credentials.redaction import MARK, Redactor
from pi_fallback.credentials.sources import Keyring
from pi_fallback.credentials.vault import Vault
from pi_fallback.errors import CredentialError
from pi_fallback_hookspecs import Route
from tests.canary import canary

pytestmark = pytest.mark.anyio

SECRET = canary("key-store")
ENTRY = Keyring("openrouter", "me")
URL, ORIGIN = "https://one.example/v1", "https://one.example:443"


class Store(KeyringBackend):
    """A store that answers as a test says, and counts how often it is asked."""

    priority = 1  # pyright: ignore[reportAssignmentType]  # as the package's own backends have it
    asked = 0

    def get_password(self, service: str, username: str) -> str | None:
        self.asked += 1
        return SECRET

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError


class BrokenStore(Store):
    def get_password(self, service: str, username: str) -> str | None:
        raise RuntimeError(f"cannot decrypt {SECRET}")


class SilentStore(Store):
    """It waits for a user who never comes."""

    def __init__(self) -> None:
        super().__init__()
        self.end = Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.end.wait()
        return None


@contextmanager
def using(store: KeyringBackend) -> Generator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(store)
    try:
        yield
    finally:
        keyring.set_keyring(before)


@pytest.fixture
def kept(tmp_path: Path) -> Generator[PlaintextKeyring]:
    """A store in a file."""
    store = PlaintextKeyring()
    store.file_path = str(tmp_path / "keyring_pass.cfg")
    with using(store):
        yield store


async def test_a_key_is_read_from_the_store(kept: PlaintextKeyring) -> None:
    kept.set_password("openrouter", "me", SECRET)
    assert await password_of(ENTRY) == SECRET


async def test_a_key_that_is_not_there_is_told_with_the_line_that_puts_it_there(kept: PlaintextKeyring) -> None:
    with pytest.raises(CredentialError, match=r"has no me of openrouter\. Run: keyring set openrouter me$"):
        await password_of(ENTRY)


@pytest.mark.parametrize(
    ("store", "told"),
    [(BrokenStore(), r"could not be read \(RuntimeError\)"), (NoStore(), "no key store that can be opened")],
    ids=["broken", "none"],
)
async def test_rk11_a_store_that_fails_is_told_without_what_it_said(store: KeyringBackend, told: str) -> None:
    with using(store), pytest.raises(CredentialError, match=told) as caught:
        await password_of(ENTRY)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


async def test_rk11_a_store_that_hangs_is_left_after_the_time_limit() -> None:
    store = SilentStore()
    try:
        with using(store), pytest.raises(CredentialError, match=r"did not answer within 0\.1 s"):
            await password_of(ENTRY, time_limit_s=0.1)
    finally:
        store.end.set()


async def test_a_store_is_asked_when_the_key_is_used_and_once() -> None:
    account = Account("one", "primary", "api_key", ENTRY, ORIGIN, "auth.json")
    redactor, store = Redactor(), Store()
    vault = Vault([account], {}, redactor, wall=lambda: 0.0)
    with using(store):
        assert store.asked == 0
        for _ in range(2):
            key = await vault.key_for(Route("one", "m"), URL)
            assert key is not None
            assert key.reveal(ORIGIN) == SECRET
    assert store.asked == 1
    assert redactor.clean(SECRET) == MARK


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("", "imported: False"),
        ("sys.modules['keyring'] = None", "the key store needs more than is installed"),
    ],
    ids=["not imported", "not installed"],
)
def test_the_store_is_loaded_by_nobody_before_it_is_used(before: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "auth.json").write_text('{"openrouter": {"type": "api_key", "key": "keyring:openrouter/me"}}')
    script = f"""
import sys
{before}
from pathlib import Path
from pi_fallback.preparing import Options, World, prepare
here = Path({str(tmp_path)!r})
world = World(environ={{"PI_CODING_AGENT_DIR": str(here)}}, home=here)
setup = prepare(Options(cwd=here, strict=False), world, needs_model=False)
print(*setup.notices, *setup.accounts, sep="\\n")
print("imported:", sys.modules.get("keyring") is not None)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert expected in done.stdout
    assert "Keyring(service='openrouter', user='me')" in done.stdout
