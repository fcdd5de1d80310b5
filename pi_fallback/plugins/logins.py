"""Logins: `/login` and `/logout`. What they do is done by a port; this asks, and says how it went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Protocol

from pi_fallback.errors import PiFallbackError
from pi_fallback_hookspecs import Command, CommandContext, Effect, Notify, Ui, View


class LoginPort(Protocol):
    """Who logs in. Both raise a `PiFallbackError` that says what to do."""

    def choices(self) -> Mapping[str, str]:
        """The providers that one can log in to, by id, with what people call them."""
        ...

    def logins(self) -> Sequence[tuple[str, str]]:
        """The accounts that are logins, by provider and label."""
        ...

    async def login(self, provider: str, ui: Ui) -> str:
        """Log in; what has become of it, in a sentence."""
        ...

    async def logout(self, provider: str, label: str) -> str:
        """Delete a login; which one it was, in a sentence."""
        ...


@dataclass
class Logins:
    """The two commands over one port."""

    port: LoginPort

    def commands(self) -> Sequence[Command]:
        return (
            Command("login", "log in to a provider", self.login, self.complete_providers, "[PROVIDER]"),
            Command("logout", "delete a login", self.logout, self.complete_logins, "PROVIDER [LABEL]"),
        )

    async def login(self, context: CommandContext, argument: str) -> Sequence[Effect] | str:
        choices = self.port.choices()
        if not argument:
            shown = {f"{provider} ({name})" if name else provider: provider for provider, name in choices.items()}
            chosen = await context.ui.select("Log in to which provider?", list(shown))
            if chosen is None:
                return f"Say which provider: /login PROVIDER, one of {', '.join(choices)}."
            argument = shown[chosen]
        try:
            return await self.port.login(argument, context.ui)
        except PiFallbackError as error:
            near = get_close_matches(argument, choices, n=1) if argument not in choices else []
            hint = f" Did you mean {near[0]}?" if near else ""
            context.ui.notify(f"{error}{hint}", "error")  # at once: who has ended it by Ctrl-C would hear no effect
            return ()

    async def logout(self, _context: CommandContext, argument: str) -> Sequence[Effect] | str:
        words = argument.split()
        if len(words) not in (1, 2):
            known = ", ".join(" ".join(name) for name in self.port.logins())
            return f"Say which login: /logout PROVIDER [LABEL]. There are: {known or 'none'}."
        try:
            return (Notify(await self.port.logout(words[0], words[1] if len(words) == 2 else "")),)
        except PiFallbackError as error:
            return (Notify(str(error), "error"),)

    def complete_providers(self, _view: View, prefix: str) -> Sequence[str]:
        return [provider for provider in self.port.choices() if provider.startswith(prefix)]

    def complete_logins(self, _view: View, prefix: str) -> Sequence[str]:
        names = (" ".join(name) for name in self.port.logins())
        return [name for name in names if name.startswith(prefix)]
