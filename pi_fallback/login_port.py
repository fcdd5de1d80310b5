"""The port of logins: a login that was asked for, from the provider's endpoints to the account in the files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pi_fallback.credentials.keeping import Keeper
from pi_fallback.credentials.logging_in import LoggingIn, Open, no_browser
from pi_fallback.credentials.login_keeping import give_up, keep
from pi_fallback.errors import CredentialError
from pi_fallback.http import Http
from pi_fallback.preparing import Setup
from pi_fallback.providers.logins import NOT_OURS
from pi_fallback_hookspecs import Provider, Ui

ANOTHER = "of another account"


@dataclass(frozen=True, slots=True)
class Port:
    """Logs in to the providers of `setup`; `changed` hears that the files have changed."""

    setup: Setup
    http: Http
    keeper: Keeper
    open_url: Open = no_browser
    changed: Callable[[], None] = lambda: None

    def choices(self) -> Mapping[str, str]:
        providers = self.setup.catalog.providers.values()
        return {provider.id: provider.name for provider in providers if provider.oauth and provider.oauth.can_log_in}

    def logins(self) -> Sequence[tuple[str, str]]:
        return [(account.provider, account.label) for account in self.setup.accounts if account.kind == "oauth"]

    async def login(self, provider: str, ui: Ui) -> str:
        """Log in to `provider`.

        Raises:
            CredentialError: it did not come to that, or one cannot log in there.
            ConfigError: the account could not be kept.
            MissingExtra: a part is not installed.
        """
        found = self.setup.catalog.providers.get(provider)
        if found is None or found.oauth is None or not found.oauth.can_log_in:
            raise CredentialError(self._why_not(provider, found))
        name, redactor, world = found.name or provider, self.setup.redactor, self.setup.world
        entry = await LoggingIn(self.http, found.oauth, name, ui, redactor, world.wall, self.open_url).run()

        async def choose(labels: Sequence[str]) -> str | None:
            shown = {f"of {label or 'the one in auth.json'}": label for label in labels}
            chosen = await ui.select(f"A new login to {name}:", [*shown, ANOTHER])
            if chosen is None:
                raise CredentialError("The login was cancelled: nothing of it was stored.")
            return shown.get(chosen)

        label = await keep(self.keeper, provider, entry, choose)
        self.changed()
        return f"Logged in to {name}: {provider} {label}."

    async def logout(self, provider: str, label: str) -> str:
        """Delete a login of `provider`: `label`, or the only one, or the one in auth.json.

        Raises:
            ConfigError: there is none, or a file could not be written.
        """
        gone = await give_up(self.keeper, provider, label)
        self.changed()
        return f"Logged out: {provider} {gone} is deleted here. The provider was not told."

    def _why_not(self, provider: str, found: Provider | None) -> str:
        choices = ", ".join(self.choices())
        if provider in NOT_OURS:
            return NOT_OURS[provider]
        if found is None:
            return f"There is no provider {provider!r}. One can log in to {choices}."
        return f"One cannot log in to {provider}: it takes a key. One can log in to {choices}."
