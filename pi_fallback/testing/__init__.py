"""For tests of what is built on pi_fallback: a provider that fails as told, over sockets or in the process."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pi_fallback.testing.moves import CallTool, Fail, Hang, Move, Pieces, Say, Wait, fail
    from pi_fallback.testing.oauth_server import OAuthServer, Trouble, running_oauth_server
    from pi_fallback.testing.received import Received
    from pi_fallback.testing.scripted import Called, ScriptedProvider
    from pi_fallback.testing.server import FaultServer
    from pi_fallback.testing.steps import (
        CommentsOnly,
        Cut,
        CutBeforeHeaders,
        Drip,
        Empty200,
        ErrorEvent,
        For,
        HangBeforeHeaders,
        Html,
        Malformed,
        Ok,
        Raw,
        Redirect,
        Script,
        Stall,
        Status,
        Step,
        ToolCallScript,
    )
    from pi_fallback.testing.threads import RunningFaultServer, running_fault_server

__all__ = [
    "CallTool",
    "Called",
    "CommentsOnly",
    "Cut",
    "CutBeforeHeaders",
    "Drip",
    "Empty200",
    "ErrorEvent",
    "Fail",
    "FaultServer",
    "For",
    "Hang",
    "HangBeforeHeaders",
    "Html",
    "Malformed",
    "Move",
    "OAuthServer",
    "Ok",
    "Pieces",
    "Raw",
    "Received",
    "Redirect",
    "RunningFaultServer",
    "Say",
    "Script",
    "ScriptedProvider",
    "Stall",
    "Status",
    "Step",
    "ToolCallScript",
    "Trouble",
    "Wait",
    "fail",
    "running_fault_server",
    "running_oauth_server",
]

_MODULES = ("moves", "received", "scripted", "server", "steps", "threads", "oauth_server")


def __getattr__(name: str) -> object:
    # The pytest plugin of this package loads in every test run of everybody who has us installed: nothing heavy yet.
    if name in __all__:
        for module in _MODULES:
            home = import_module(f"{__name__}.{module}")
            if hasattr(home, name):
                return getattr(home, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
