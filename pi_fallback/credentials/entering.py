"""Entering: what somebody typed as a key, or as where one stands, becomes an entry, or is refused."""

from collections.abc import Mapping

from pi_fallback.credentials import sources
from pi_fallback.credentials.identity import Entry
from pi_fallback.credentials.redaction import is_secret
from pi_fallback.credentials.sources import Command, Keyring, Literal, Template, Variable
from pi_fallback.errors import ConfigError

LONGEST = 8_000  # more fits into no header: servers take some 8 kB in all
QUOTES = ("'", '"', "`")


def entry_of(text: str, environ: Mapping[str, str]) -> Entry:
    """The account with the key `text`.

    Raises:
        ConfigError: that is no key.
    """
    text = text.strip()
    if not text:
        raise ConfigError("The key is empty. Type it, or send it on standard input.")
    source = sources.read(text, environ).source
    if not isinstance(source, Literal):
        raise ConfigError("That is where a key stands, not the key. Give it with --from.")
    if not all("\x21" <= character <= "\x7e" for character in text):
        raise ConfigError("The key holds spaces, line breaks or letters that no key has. Copy it again, alone.")
    if text.startswith(QUOTES) or text.endswith(QUOTES):
        raise ConfigError("The key stands in quotes. Copy it again, without them.")
    if len(text) > LONGEST:
        raise ConfigError(f"That has {len(text):,} characters, which no key has. Copy it again, alone.")
    return _entry(text if source.value == text else text.replace("$", "$$"))


def entry_from(reference: str, environ: Mapping[str, str]) -> Entry:
    """The account whose key stands at `reference`, written so that pi understands it too if it can.

    Raises:
        ConfigError: it is a key itself, or names no place.
    """
    match sources.read(reference.strip(), environ).source:
        case Literal():
            message = "--from takes where a key stands: $NAME, env:NAME, !command or keyring:NAME."
            raise ConfigError(f"{message} The key itself is asked for: others can see arguments.")
        case Command(""):
            raise ConfigError("There is no command behind the !. Write --from '!command'.")
        case Keyring(_, ""):
            raise ConfigError("There is no name behind keyring:. Write keyring:NAME or keyring:SERVICE/USER.")
        case Variable(name):
            return _entry(f"${name}")
        case _:
            return _entry(reference.strip())


def pi_reads(entry: Entry) -> bool:
    """Whether pi would find the key of `entry` too."""
    return not isinstance(sources.read(str(entry["key"]), {}).source, Keyring)


def doubt_about(entry: Entry, environ: Mapping[str, str]) -> str:
    """A sentence about what may be wrong with `entry`, though it can be kept; nothing if nothing is."""
    source = sources.read(str(entry["key"]), {}).source
    if isinstance(source, Literal) and not is_secret(source.value):
        return "That is short or plain for a key, so it is not hidden where it is shown. Is it whole?"
    parts = source.parts if isinstance(source, Template) else (source,)
    names = (part.name for part in parts if isinstance(part, Variable) and not environ.get(part.name, "").strip())
    unset = next(names, None)
    return f"The environment variable {unset} is not set. Set it, or this account cannot be used." if unset else ""


def _entry(key: str) -> Entry:
    return {"type": "api_key", "key": key}
