"""Quirks: the keys of `compat` in models.json that each dialect reads, with what they change."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

_EVERYWHERE: Mapping[str, str] = {
    "supportsStreaming": "false: ask for the whole answer at once",
    "supportsAssistantPrefill": "true: goes on from the beginning of its own answer, after a cut in the middle",
}

QUIRKS: Mapping[str, Mapping[str, str]] = {
    "openai-completions": {
        **_EVERYWHERE,
        "maxTokensField": "the name of the output limit: `max_tokens` (default) or `max_completion_tokens`",
        "supportsUsageInStreaming": "false: do not ask for usage in a stream",
        "supportsReasoningEffort": "false: send no `reasoning_effort`",
        "requiresToolResultName": "true: a tool result bears the name of its tool",
        "requiresMistralToolIds": "true: ids of tool calls have nine letters and digits",
        "requiresReasoningContentOnAssistantMessages": "true: its own thoughts go back to it",
    },
    "openai-responses": {**_EVERYWHERE},
    "anthropic-messages": {**_EVERYWHERE},
    "google-generative-ai": {**_EVERYWHERE},
}

# Keys of pi's that nothing here reads. They are right as they are, so nobody is told of them.
OF_PI = frozenset(
    """allowEmptySignature allowedFallbackModels cacheControlFormat chatTemplateArgs chatTemplateKwargs
    deferredToolsMode forceAdaptiveThinking openRouterRouting reasoningEffortMap requiresAssistantAfterToolResult
    requiresThinkingAsText sendSessionAffinityHeaders sessionAffinityFormat supportsCacheControlOnTools
    supportsDeveloperRole supportsEagerToolInputStreaming supportsFinishReason supportsLongCacheRetention
    supportsMidConvoEffort supportsMidConvoSystemMessages supportsMidConvoToolChanges supportsOpenAIGrammarTools
    supportsStore supportsStrictMode supportsStrictTools supportsTemperature supportsThinkingTokenBudget
    thinkingFormat thinkingTokenBudgetField vercelGatewayRouting""".split()
)


def unread(compat: Iterable[str], dialects: Iterable[str]) -> Iterator[str]:
    """Yield a phrase for each key of `compat` that none of `dialects` reads and pi does not know either."""
    known = {name for dialect in dialects for name in QUIRKS.get(dialect, ())}
    for key in compat:
        if key not in known and key not in OF_PI:
            near = get_close_matches(key, known, n=1)
            yield f"{key} (did you mean {near[0]}?)" if near else key
