"""Sources: where a secret comes from, read from the way it is written down."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from pi_fallback_hookspecs import OAuthEndpoints


@dataclass(frozen=True, slots=True)
class Literal:
    """The secret itself. It does not print."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Variable:
    """The value of an environment variable, at the moment of use. `own` is what an account brings along for it."""

    name: str
    own: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Template:
    """A text with variables in it, each found at the moment of use. It does not print."""

    parts: tuple[str | Variable, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Command:
    """What a command prints. It does not print itself, because people write secrets into commands."""

    line: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Keyring:
    """What the key store of the system has under these names."""

    service: str
    user: str


@dataclass(frozen=True, slots=True)
class Login:
    """The access token of a login. `expires` is wall time in seconds since 1970; `endpoints` renew it, if any do.

    `headers` tell the provider which of the accounts behind the login is meant.
    """

    access: str = field(repr=False)
    expires: float
    endpoints: OAuthEndpoints | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


@dataclass(frozen=True, slots=True)
class NoKey:
    """Nothing: the provider asks for no key."""


Source: TypeAlias = Literal | Variable | Template | Command | Keyring | Login | NoKey


class Written(NamedTuple):
    """What a key in a file means, and what the user should hear about it."""

    source: Source
    notice: str | None = None


SERVICE = "pi-fallback"  # of a key that stands in the key store under a mere name
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_VARIABLE = re.compile(rf"\$({_NAME})|\$\{{({_NAME})\}}|env:({_NAME})")
_PIECE = re.compile(rf"\$([$!])|\$({_NAME})|\$\{{({_NAME})\}}")
_KEYRING = re.compile(r"keyring:(?:(.+)/)?([^/]*)", re.DOTALL)
_CAPITALS = re.compile(r"[A-Z][A-Z0-9_]*")


def read(text: str, environ: Mapping[str, str], own: Mapping[str, str] | None = None) -> Written:
    """Read a key as it is written: `$NAME`, `${NAME}`, `env:NAME`, `!command`, `keyring:NAME`, else the key itself.

    Variables may also stand in the middle of a text; there `$$` is a dollar sign and `$!` a mark. A word in capitals
    that names a set variable means that variable, as it did in older versions of pi; the notice asks for the dollar
    sign.
    """
    own = own or {}
    if match := _VARIABLE.fullmatch(text):
        name = next(filter(None, match.groups()))
        return Written(Variable(name, own.get(name)))
    if match := _KEYRING.fullmatch(text):
        service, user = match.groups()
        return Written(Keyring(service or SERVICE, user))
    if _CAPITALS.fullmatch(text) and (text in own or environ.get(text)):
        notice = f"{text} is taken for the environment variable of that name. Write it as ${text} to make that plain."
        return Written(Variable(text, own.get(text)), notice)
    return Written(read_text(text, own))


def read_text(text: str, own: Mapping[str, str] | None = None) -> Literal | Variable | Template | Command:
    """Read a text in which only a dollar sign or a mark at the beginning means anything."""
    own = own or {}
    if text.startswith("!"):
        return Command(text[1:].strip())
    parts, end = list[str | Variable](), 0
    for match in _PIECE.finditer(text):
        escaped, bare, braced = match.groups()
        name = bare or braced
        parts += [text[end : match.start()], escaped or Variable(name, own.get(name))]
        end = match.end()
    parts.append(text[end:])
    if any(isinstance(part, Variable) for part in parts):
        return Template(tuple(part for part in parts if part))
    return Literal("".join(map(str, parts)).strip())


def filled(source: Variable | Template, environ: Mapping[str, str]) -> str:
    """The text that `source` stands for.

    Raises:
        LookupError: with the name of a variable that is not set.
    """
    if isinstance(source, Template):
        return "".join(part if isinstance(part, str) else filled(part, environ) for part in source.parts).strip()
    value = (source.own or environ.get(source.name, "")).strip()
    if not value:
        raise LookupError(source.name)
    return value
