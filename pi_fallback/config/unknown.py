"""Keys that nobody reads: they are kept, and named with the nearest one that would have been read."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import cast

from pydantic import BaseModel

from pi_fallback.config.ha import HaFile, StoredAccounts, StoredLogin
from pi_fallback.config.schema import (
    ApiKeyEntry,
    CompactionConfig,
    CostConfig,
    ModelConfig,
    ModelOverride,
    OAuthEntry,
    RetryConfig,
    Settings,
)

# Keys that pi knows and this program does not use. They are right as they are, so nobody is told of them.
_SETTINGS_OF_PI = """
    autocompleteMaxVisible branchSummary cacheWarming codemode collapseChangelog defaultProjectTrust
    defaultTools doubleEscapeAction editorPaddingX enableAnalytics enableInstallTelemetry enableSkillCommands
    extensions externalEditor followUpMode fullscreenCopyOnSelect fullscreenExitOutput fullscreenScrollbar
    fullscreenWheelScrollLines hideThinkingBlock httpProxy images lastChangelogVersion markdown modelThinkingLevels
    npmCommand outputPad packages prompts quietStartup selfUpdateCommand sessionDir sessionShareDestination
    shellCommandPrefix shellPath showCacheMissNotices showHardwareCursor skills steeringMode terminal theme themes
    thinkingBudgets transport treeFilterMode tuiMode warnings websocketConnectTimeoutMs
"""
_MODEL_OF_PI = frozenset({"inputLimits", "promptCache", "samplingParams", "thinkingLevelMap"})
OF_PI: Mapping[type[BaseModel], frozenset[str]] = {
    Settings: frozenset(_SETTINGS_OF_PI.split()),
    RetryConfig: frozenset({"provider"}),
    CompactionConfig: frozenset({"modelOverrides"}),
    CostConfig: frozenset({"tiers"}),
    ModelConfig: _MODEL_OF_PI,
    ModelOverride: _MODEL_OF_PI,
    HaFile: frozenset({"checkHaPatchOnSessionStart"}),  # of a companion of the pi extension
}
_OPEN = (
    ApiKeyEntry,
    OAuthEntry,
    StoredAccounts,
    StoredLogin,
)  # a login keeps what its provider gave it there: never ours to judge


def unknown_keys(model: object, path: str = "") -> Iterator[str]:
    """Yield a phrase for each key in `model`, at any depth, that nobody reads."""
    if isinstance(model, BaseModel):
        cls = type(model)
        known = {info.alias or name: name for name, info in cls.model_fields.items()}
        for key in model.model_extra or {}:
            if not isinstance(model, _OPEN) and key not in OF_PI.get(cls, ()):
                yield f"{path}{key}{_hint(key, known)}"
        for alias, name in known.items():
            yield from unknown_keys(getattr(model, name), f"{path}{alias}.")
    elif isinstance(model, Mapping):
        for key, part in cast("Mapping[str, object]", model).items():
            yield from unknown_keys(part, f"{path}{key}.")
    elif isinstance(model, tuple):
        for i, part in enumerate(cast("tuple[object, ...]", model)):
            yield from unknown_keys(part, f"{path.removesuffix('.')}[{i}].")


def _hint(key: str, known: Iterable[str]) -> str:
    near = get_close_matches(key, known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""
