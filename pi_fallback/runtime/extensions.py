"""Extensions: the providers, commands, tools and error rows that plugins add."""

import re
from collections.abc import Sequence
from typing import cast

from pi_fallback.config.schema import endpoint, loopback
from pi_fallback.runtime.answers import an, items_of, valid
from pi_fallback.runtime.faults import NonsenseError
from pi_fallback_hookspecs import Command, ErrorRow, OAuthEndpoints, Provider, Tool, origin_of

EXTENSIONS: dict[str, type] = {
    "register_providers": Provider,
    "register_commands": Command,
    "register_tools": Tool,
    "register_error_rows": ErrorRow,
}
EXTENSIONS_MAX = 1_000  # of one plugin and kind; more may be an answer without end

_ID = re.compile(r"[^\s/]+")  # a provider's id stands before the slash of a model's name
_NAME = re.compile(r"[A-Za-z0-9_:.-]{1,64}")  # what every vendor takes as the name of a function, and a line as a word


class Extensions:
    """What was added so far. `notices` says who took the place of whom."""

    def __init__(self) -> None:
        self.providers: dict[str, Provider] = {}
        self.commands: dict[str, Command] = {}
        self.tools: dict[str, Tool] = {}
        self.error_rows: list[ErrorRow] = []
        self.notices: list[str] = []
        self._owners: dict[tuple[str, str], str] = {}

    def add(self, plugin: str, hook: str, items: Sequence[object]) -> list[str]:
        """Add what `checked` passed. Returns what is wrong with it as a whole: names that are taken."""
        faults: list[str] = []
        for item in items:
            match item:
                case Provider(id=name):
                    if before := self._owners.get((hook, name)):
                        self.notices.append(f"The provider {name} of plugin {before} is replaced by that of {plugin}.")
                    self.providers[name] = item
                case ErrorRow():
                    self.error_rows.append(item)
                    continue
                case Command(name=name) if name not in self.commands:
                    self.commands[name] = item
                case Tool(name=name) if name not in self.tools:
                    self.tools[name] = item
                case Command(name=name) | Tool(name=name):
                    faults.append(f"offers {name!r}, which plugin {self._owners[hook, name]} offers already")
                    continue
                case _:
                    continue
            self._owners[hook, name] = plugin
        return faults

    def owner_of(self, hook: str, name: str) -> str:
        """The plugin that offers `name`; empty if none does."""
        return self._owners.get((hook, name), "")


def checked(hook: str, answer: object) -> Sequence[object]:
    """Return what `hook` answered as a sequence of good extensions.

    Raises:
        NonsenseError: it is something else.
    """
    if answer is None:
        return ()
    kind = EXTENSIONS[hook]
    items = items_of(answer, f"{'row' if kind is ErrorRow else kind.__name__.lower()}s", EXTENSIONS_MAX)
    for item in items:
        if type(item) is not kind:
            raise NonsenseError(f"returned {an(item)} where a {kind.__name__} belongs")
        if isinstance(item, Provider):
            _check_provider(item)
        elif isinstance(item, ErrorRow):
            _check_row(item)
        else:
            _check_named(cast("Command | Tool", item))
    return items


def _check_provider(provider: Provider) -> None:
    valid(provider)
    if not _ID.fullmatch(provider.id):
        raise NonsenseError(f"offers a provider with the id {provider.id!r}; it may hold no slash and no space")
    if provider.stream is None:
        try:
            origin_of(provider.base_url)
        except ValueError as error:
            raise NonsenseError(f"offers the provider {provider.id} with a wrong `base_url`: {error}") from None
    if provider.oauth is not None:
        _check_login(provider.id, provider.oauth)


def _check_login(provider: str, oauth: OAuthEndpoints) -> None:
    urls = dict.fromkeys(("token_url", "authorize_url", "device_url", "exchange_url"), endpoint)
    for name, check in {**urls, "redirect": loopback}.items():
        if url := getattr(oauth, name):
            try:
                check(url)
            except ValueError as error:
                raise NonsenseError(f"offers the provider {provider} with a wrong `oauth.{name}`: it {error}") from None


def _check_row(row: ErrorRow) -> None:
    valid(row)
    if not row.words or not all(word.strip() for word in row.words):
        raise NonsenseError(f"offers the error row {row.name!r} without words, or with an empty one")


def _check_named(item: Command | Tool) -> None:
    kind, name = type(item).__name__.lower(), cast("object", item.name)
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise NonsenseError(f"offers a {kind} named {name!r}; take letters, digits and `_:.-`")
    if not callable(item.run):
        raise NonsenseError(f"offers a {kind} {name} whose `run` cannot be called")
    if not isinstance(cast("object", item.description), str):
        raise NonsenseError(f"offers a {kind} {name} whose `description` is not a string")
    if isinstance(item, Tool) and item.parameters.get("type") != "object":
        raise NonsenseError(f"offers a tool {name} whose `parameters` are not a JSON Schema of type object")
