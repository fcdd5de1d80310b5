"""Key stores: a key that the system's own store keeps, asked for when it is used, beside the event loop."""

from importlib.util import find_spec

import anyio
from anyio import to_thread

from pi_fallback.credentials.sources import Keyring
from pi_fallback.errors import CredentialError, MissingExtra

TIME_LIMIT_S = 10.0  # a store that asks for its password on a screen is open by the next try
WHAT, EXTRA = "A key from the key store", "keyring"


def is_installed() -> bool:
    return find_spec("keyring") is not None


async def password_of(entry: Keyring, *, time_limit_s: float = TIME_LIMIT_S) -> str:
    """Return what the key store has for `entry`.

    Raises:
        CredentialError: it has nothing, or could not be asked. What the store says is never told.
    """
    try:
        with anyio.fail_after(time_limit_s):
            # Some stores wait for their user, and cannot be told to stop.
            found = await to_thread.run_sync(_found, entry, abandon_on_cancel=True)
    except TimeoutError:
        raise CredentialError(
            f"The key store did not answer within {time_limit_s:g} s. Unlock it, and say it again."
        ) from None
    if not found:
        raise CredentialError(f"The key store has no {entry.user} of {entry.service}. {_remedy(entry)}")
    return found


def _found(entry: Keyring) -> str | None:
    try:
        from keyring import get_password
        from keyring.errors import NoKeyringError
    except ImportError:
        raise CredentialError(str(MissingExtra(WHAT, EXTRA))) from None
    try:
        return get_password(entry.service, entry.user)
    except NoKeyringError:
        raise CredentialError("There is no key store that can be opened here. Write $NAME or !command.") from None
    except Exception as error:  # each store has errors of its own, and they may quote what it holds
        name = type(error).__name__
        raise CredentialError(f"The key store could not be read ({name}). Try: {_command('get', entry)}") from None


def _remedy(entry: Keyring) -> str:
    return f"Run: {_command('set', entry)}"


def _command(act: str, entry: Keyring) -> str:
    return f"keyring {act} {entry.service} {entry.user}"
