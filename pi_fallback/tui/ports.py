"""Ports: what the screen is given by whoever composes the program."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol, TypeAlias

from pi_fallback.runtime.agent import Agent
from pi_fallback.runtime.feed import FeedItem
from pi_fallback_hookspecs import Ui


class Connect(Protocol):
    """Opens the agent. It may ask through `ui` before that; `listen` wants every feed item from the first."""

    def __call__(self, ui: Ui, listen: Callable[[FeedItem], None]) -> AbstractAsyncContextManager[Agent]: ...


class PastSession(NamedTuple):
    """An earlier session: `title` is what the list shows, `path` goes to `Agent.resume`."""

    title: str
    path: str


ListSessions: TypeAlias = Callable[[], Sequence[PastSession]]
DebugLines: TypeAlias = Callable[[Callable[[str], None]], Callable[[], None]]  # subscribe; the result ends that
