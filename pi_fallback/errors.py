"""Errors that a caller must stop for.

PiFallbackError
├── ConfigError      a file of the user's cannot be used as it is
│   └── FileLocked   not now, because another process writes it
├── CredentialError  a secret cannot be had
│   └── LoginNeeded  only a new login helps
├── UnknownModel     no such model, or none that fits the name
├── NoUsableModel    there is nothing to run a request on
├── SessionError     a session cannot be opened or written
├── PluginError      a plugin cannot be loaded
├── CompactionFailed a history could not be shortened
├── AgentBusy        a prompt came while a run was going on
├── AgentFailed      a prompt was not answered: every route has failed
├── AgentAborted     a prompt was not answered: it was aborted
└── MissingExtra     a part is not installed

Every message ends with what to do next. What a provider does wrong is a `Fault`, never one of these.
"""

from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from pi_fallback_hookspecs import Failure, Route


class PiFallbackError(Exception):
    """The root. `exit_code` is what the command line ends with."""

    exit_code = 2


class ConfigError(PiFallbackError):
    """A file cannot be used; `path` says which."""

    def __init__(self, message: str, *, path: PurePath | None = None) -> None:
        super().__init__(message)
        self.path = path


class FileLocked(ConfigError):
    """Another process does not let go of a file."""


class CredentialError(PiFallbackError):
    """A secret cannot be had. The message never holds it."""


class LoginNeeded(CredentialError):
    """A login is over: its server renews it no more. `code` is that of the fault which it becomes."""

    code = "login_needed"


class UnknownModel(PiFallbackError):
    """`name` fits no model; `near` holds names that are close to it, `hint` is what to do if none is."""

    def __init__(
        self,
        name: str,
        near: tuple[str, ...] = (),
        hint: str = "`pi-fallback models` lists those that are usable.",
    ) -> None:
        hint = f"Did you mean {' or '.join(near)}?" if near else hint
        super().__init__(f"There is no model {name!r}. {hint}")
        self.name = name
        self.near = near


class NoUsableModel(PiFallbackError):
    """There is no model to run on."""


class SessionError(PiFallbackError):
    """A session cannot be opened or written."""


class PluginError(PiFallbackError):
    """A plugin cannot be loaded; `plugin` names it."""

    def __init__(self, message: str, *, plugin: str) -> None:
        super().__init__(message)
        self.plugin = plugin


class CompactionFailed(PiFallbackError):
    """A history could not be shortened: it is as it was."""


class AgentBusy(PiFallbackError):
    """A prompt came while a run was going on."""


class AgentFailed(PiFallbackError):
    """A prompt was not answered. `failures` holds the last failure of each route that was tried."""

    exit_code = 1

    def __init__(self, message: str, failures: "Mapping[Route, Failure]") -> None:
        super().__init__(message)
        self.failures = failures


class AgentAborted(PiFallbackError):
    """A prompt was not answered, because it was aborted."""

    exit_code = 1


class MissingExtra(PiFallbackError):
    """A part of the program is not installed; `extra` names it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs more than is installed. Run: python -m pip install 'pi-fallback[{extra}]'")
        self.extra = extra


def single(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that `group` was made of, if it is one alone; else the group."""
    first = group.exceptions[0]
    if len(group.exceptions) > 1:
        return group
    return single(cast("BaseExceptionGroup[BaseException]", first)) if isinstance(first, BaseExceptionGroup) else first
