"""Secrecy: which values of the files and of the environment are secrets, and which are settings."""

import re
from collections.abc import Iterator, Mapping

from pydantic import SecretStr

from pi_fallback.config.schema import ApiKeyEntry, AuthFile, ModelsFile
from pi_fallback.credentials import sources
from pi_fallback.credentials.sources import Source, Template, Variable
from pi_fallback_hookspecs import Provider

_SECRET_NAME = re.compile("auth|key|token|secret|cookie|pass|cred|session|sign", re.IGNORECASE)
_PLACE_NAME = re.compile("(url|uri|host|domain|endpoint|region|zone|file|path)s?$", re.IGNORECASE)
# Such as `us-east-1`: blotting it out spoils texts, and the files that tools write.
_PLACE = re.compile(r"https?://[^\s@?#]+|[a-z]{2}(-[a-z]+)+-[0-9]{1,2}|\S+\.json")


def secrets_in(
    auth: AuthFile, file: ModelsFile, providers: Mapping[str, Provider], environ: Mapping[str, str]
) -> Iterator[str]:
    """Every secret that is known before anything is asked: what a redactor must hear of first."""
    keys = {name for provider in providers.values() for name in provider.env}
    for entry in auth.root.values():
        if isinstance(entry, ApiKeyEntry):
            own = {name: value.get_secret_value() for name, value in entry.env.items()}
            yield from (value for name, value in own.items() if name in keys or _is_secret(name, value))
            yield from _of_key(entry.key, environ, own)
        else:
            yield from (token.get_secret_value() for token in (entry.access, entry.refresh) if token is not None)
    for config in file.providers.values():
        yield from _of_key(config.api_key, environ, {})
        for owner in (config, *config.models, *config.model_overrides.values()):
            for name, value in owner.headers.items():
                yield from _of_header(name, sources.read_text(value), environ)
    yield from (environ[name].strip() for name in keys if name in environ)


def _of_key(key: SecretStr | None, environ: Mapping[str, str], own: Mapping[str, str]) -> Iterator[str]:
    match key and sources.read(key.get_secret_value(), environ, own).source:
        case sources.Literal(value):
            yield value
        case Variable() | Template() as source:
            yield from (value for _, value in _values_of(source, environ))
        case _:
            pass


def _of_header(header: str, source: Source, environ: Mapping[str, str]) -> Iterator[str]:
    match source:
        case sources.Literal(value) if _is_secret(header, value):
            yield from re.split(r"[\s;,]+", value)  # "Bearer" before a key, one cookie behind another
        case Variable() | Template():
            values = _values_of(source, environ)
            yield from (value for name, value in values if _is_secret(header, value) or _is_secret(name, value))
        case _:
            pass


def _values_of(source: Variable | Template, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for part in (source,) if isinstance(source, Variable) else source.parts:
        if isinstance(part, Variable):
            yield part.name, (part.own or environ.get(part.name, "")).strip()


def _is_secret(name: str, value: str) -> bool:
    sounds_secret = _SECRET_NAME.search(name) is not None and _PLACE_NAME.search(name) is None
    return sounds_secret and _PLACE.fullmatch(value) is None
